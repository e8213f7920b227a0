"""Copies of images, which give an image to a second user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column. No image stored before is a copy."""
    op.add_column("images", sa.Column("copy_of", sa.String(64)))
    op.create_index("ix_images_copy_of", "images", ["copy_of"])
