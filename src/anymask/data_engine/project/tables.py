"""The database tables. A change needs a migration in `migrations/versions`; a test compares both."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

__all__ = ["METADATA", "VERSION", "comments", "heads", "images", "labels", "people", "revisions"]

METADATA = MetaData()
VERSION = "0007"
"""The newest migration; versions are compared as text."""

images = Table(
    "images",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("path", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), index=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("masks", Integer, nullable=False),
    Column("changes", Integer, nullable=False),
    Column("missing", Boolean, nullable=False),
    Column("suggestions", Integer, nullable=False, server_default="0"),
    Column("done", Boolean, nullable=False, server_default=false()),
    Column("removed", Boolean, nullable=False, server_default=false()),
    Column("review", String(16)),
    Column("assignee", String(64)),
    Column("tags", Text, nullable=False, server_default=""),  # each between line ends
    Column("comments", Integer, nullable=False, server_default="0"),  # those that are not resolved
    Column("copy_of", String(64), index=True),  # the image that it gives to another user
    Column("queue", Integer),
    Index("images_by_name", "name", "id"),
)

labels = Table(
    "labels",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("color", String(7), nullable=False),
    Column("place", Integer, nullable=False),
    Column("removed", Boolean, nullable=False),
    Column("attributes", JSON(none_as_null=True)),
)

heads = Table(  # the newest revision of each mask
    "heads",
    METADATA,
    Column("image_id", String(64), ForeignKey("images.id"), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("revision", Integer, nullable=False),
)

revisions = Table(
    "revisions",
    METADATA,
    Column("image_id", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("label_id", String(64), ForeignKey("labels.id"), index=True),
    Column("height", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("counts", Text, nullable=False),
    Column("score", Float),
    Column("prompts", JSON(none_as_null=True)),
    Column("model", Text),
    Column("seconds", Float, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("author", Text, nullable=False),
    Column("time", Float, nullable=False),
    Column("suggested_by", String(64), index=True),
    Column("attributes", JSON(none_as_null=True)),
    Column("depth", Float, nullable=False, server_default="0"),
    ForeignKeyConstraint(["image_id"], ["images.id"]),
)

comments = Table(
    "comments",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("image_id", String(64), ForeignKey("images.id"), nullable=False, index=True),
    Column("mask_id", String(64)),
    Column("text", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("time", Float, nullable=False),
    Column("resolved", Boolean, nullable=False),
)

people = Table(
    "people",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
)
