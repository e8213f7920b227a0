"""The queue: the place of an image by expected gain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column. No image has a place."""
    op.add_column("images", sa.Column("queue", sa.Integer))
