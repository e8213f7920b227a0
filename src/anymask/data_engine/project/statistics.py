"""Statistics of a project: counts and annotation time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from anymask.data_engine.project import images
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import heads, labels, revisions

__all__ = ["collect"]

_IS_HEAD = (
    (heads.c.image_id == revisions.c.image_id)
    & (heads.c.id == revisions.c.id)
    & (heads.c.revision == revisions.c.revision)
)


def collect(db: Database) -> dict[str, Any]:
    """Numbers of images, masks and revisions, seconds spent, and groups by label, author and model.

    In groups a mask counts with the author, the model and the time of its newest revision, which holds the
    time of those before it. The total includes masks that were deleted.
    """
    counts = images.count(db)
    spent = select(func.coalesce(func.sum(revisions.c.seconds), 0.0)).join(heads, _IS_HEAD)
    with db.reading() as connection:
        return {
            **counts,
            "revisions": connection.execute(select(func.count()).select_from(revisions)).scalar_one(),
            "seconds": connection.execute(spent).scalar_one(),
            "by_label": _groups(connection, labels.c.name),
            "by_author": _groups(connection, revisions.c.author),
            "by_model": _groups(connection, revisions.c.model),
        }


def _groups(connection: Connection, column: ColumnElement[Any]) -> list[dict[str, Any]]:
    query = (
        select(column, func.count(), func.coalesce(func.sum(revisions.c.seconds), 0.0))
        .select_from(revisions)
        .join(heads, _IS_HEAD)
        .outerjoin(labels, labels.c.id == revisions.c.label_id)
        .where(~revisions.c.deleted, revisions.c.suggested_by.is_(None))
        .group_by(column)
        .order_by(func.count().desc())
    )
    return [
        {"name": name, "masks": masks, "seconds": seconds}
        for name, masks, seconds in connection.execute(query)
    ]
