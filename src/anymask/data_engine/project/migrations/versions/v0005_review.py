"""Review: accepted and returned images, assignment, tags, comments; attributes and depth of masks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns and the table. Images that are done wait for review; all masks have the same depth."""
    op.add_column("images", sa.Column("review", sa.String(16)))
    op.add_column("images", sa.Column("assignee", sa.String(64)))
    op.add_column("images", sa.Column("tags", sa.Text, nullable=False, server_default=""))
    op.add_column("images", sa.Column("comments", sa.Integer, nullable=False, server_default="0"))
    op.add_column("labels", sa.Column("attributes", sa.JSON))
    op.add_column("revisions", sa.Column("attributes", sa.JSON))
    op.add_column("revisions", sa.Column("depth", sa.Float, nullable=False, server_default="0"))
    op.create_table(
        "comments",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("image_id", sa.String(64), sa.ForeignKey("images.id"), nullable=False, index=True),
        sa.Column("mask_id", sa.String(64)),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
        sa.Column("resolved", sa.Boolean, nullable=False),
    )
