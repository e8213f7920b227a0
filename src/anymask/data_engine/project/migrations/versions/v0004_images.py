"""One word for images: the table `pictures` becomes `images`, the columns `picture_id` become `image_id`."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Rename in place; both databases carry keys and references along."""
    op.rename_table("pictures", "images")
    for table in ("heads", "revisions"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN picture_id TO image_id")
    for name, columns in (("by_name", ["name", "id"]), ("sha256", ["sha256"])):
        prefix = "pictures_" if name == "by_name" else "ix_pictures_"
        op.drop_index(prefix + name, "images")
        op.create_index(prefix.replace("pictures", "images") + name, "images", columns)
