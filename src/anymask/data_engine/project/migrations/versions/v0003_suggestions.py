"""Suggestions: masks that a search found and nobody has accepted; images that are done or removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns. All masks stored before are accepted, all images are still to do."""
    op.add_column("revisions", sa.Column("suggested_by", sa.String(64)))
    op.create_index("ix_revisions_suggested_by", "revisions", ["suggested_by"])
    op.add_column("pictures", sa.Column("suggestions", sa.Integer, nullable=False, server_default="0"))
    for name in ("done", "removed"):
        op.add_column("pictures", sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()))
