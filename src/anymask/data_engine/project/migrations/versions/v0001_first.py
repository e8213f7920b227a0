"""The first tables: pictures, labels, heads, revisions, people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    _pictures()
    _labels()
    _masks()
    op.create_table(
        "people",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    )


def _pictures() -> None:
    op.create_table(
        "pictures",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("path", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("masks", sa.Integer, nullable=False),
        sa.Column("changes", sa.Integer, nullable=False),
        sa.Column("missing", sa.Boolean, nullable=False),
    )
    op.create_index("pictures_by_name", "pictures", ["name", "id"])
    op.create_index("ix_pictures_sha256", "pictures", ["sha256"])


def _labels() -> None:
    op.create_table(
        "labels",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("color", sa.String(7), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
    )


def _masks() -> None:
    op.create_table(
        "heads",
        sa.Column("picture_id", sa.String(64), sa.ForeignKey("pictures.id"), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_table(
        "revisions",
        sa.Column("picture_id", sa.String(64), sa.ForeignKey("pictures.id"), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("label_id", sa.String(64), sa.ForeignKey("labels.id")),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("prompts", sa.JSON),
        sa.Column("model", sa.Text),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
    )
    op.create_index("ix_revisions_label_id", "revisions", ["label_id"])
