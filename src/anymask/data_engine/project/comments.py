"""Comments on images and on single masks, for review: each has a text, an author, and may be resolved."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from anymask.data_engine.project import checks, images
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import comments
from anymask.data_engine.project.values import Comment
from anymask.errors import FormatError, UnknownNameError

__all__ = ["LONGEST", "listed", "remove", "resolve", "save"]

LONGEST = 4000
"""Letters of a comment."""


def listed(db: Database, image_id: str) -> list[Comment]:
    """The comments on an image and its masks, oldest first."""
    query = select(comments).where(comments.c.image_id == image_id).order_by(comments.c.time, comments.c.id)
    with db.reading() as connection:
        images.find_on(connection, image_id)
        return [_comment(row) for row in connection.execute(query)]


def find(db: Database, image_id: str, id: str) -> Comment | None:
    """A comment by its id, or None."""
    with db.reading() as connection:
        return _find(connection, image_id, id)


def save(db: Database, image_id: str, id: str, text: str, *, mask_id: str | None, author: str) -> Comment:
    """Add a comment, or change the text of one with this id; the author and the time of the first stay.

    db: the database.
    image_id: the image.
    id: chosen by the client, so that a save may be repeated.
    text: at most LONGEST letters.
    mask_id: the mask that the comment is about; None for the whole image.
    author: the user's name.

    Raises UnknownNameError for an unknown image, FormatError for an empty or overlong text, or an id that a
    comment on another image has.
    """
    plain = "\n".join(checks.plain_text(line, LONGEST) for line in text.splitlines()).strip()
    if not plain or len(text) > LONGEST:
        raise FormatError(f"text must have 1 to {LONGEST} letters, got {len(text)}. Shorten it.")
    with db.writing() as connection:
        images.find_on(connection, image_id, lock=True)
        owner = connection.scalars(select(comments.c.image_id).where(comments.c.id == id)).one_or_none()
        if owner not in (None, image_id):
            raise FormatError(f"id must be new, got '{id}', which another image has. Choose another.")
        if owner is None:
            facts = {"mask_id": mask_id, "author": author, "time": time.time(), "resolved": False}
            connection.execute(insert(comments).values(id=id, image_id=image_id, text=plain, **facts))
        else:
            connection.execute(update(comments).where(comments.c.id == id).values(text=plain))
        _count(connection, image_id)
        return _known(connection, image_id, id)


def resolve(db: Database, image_id: str, id: str, resolved: bool) -> Comment:
    """Mark a comment as resolved, or as open again. Raises UnknownNameError."""
    with db.writing() as connection:
        images.find_on(connection, image_id, lock=True)
        _known(connection, image_id, id)
        connection.execute(update(comments).where(comments.c.id == id).values(resolved=resolved))
        _count(connection, image_id)
        return _known(connection, image_id, id)


def remove(db: Database, image_id: str, id: str) -> None:
    """Delete a comment. Raises UnknownNameError."""
    with db.writing() as connection:
        images.find_on(connection, image_id, lock=True)
        _known(connection, image_id, id)
        connection.execute(delete(comments).where(comments.c.id == id))
        _count(connection, image_id)


def _count(connection: Connection, image_id: str) -> None:
    """Store the number of open comments with the image, for lists."""
    query = select(func.count()).where(comments.c.image_id == image_id, ~comments.c.resolved)
    images.change(connection, image_id, comments=connection.execute(query).scalar_one())


def _find(connection: Connection, image_id: str, id: str) -> Comment | None:
    query = select(comments).where(comments.c.image_id == image_id, comments.c.id == id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _comment(row)


def _known(connection: Connection, image_id: str, id: str) -> Comment:
    found = _find(connection, image_id, id)
    if found is None:
        raise UnknownNameError(f"comment must be one of this image, got '{id}'. List them first.")
    return found


def _comment(row: Row[Any]) -> Comment:
    values = dict(row._mapping)
    del values["image_id"]
    return Comment(**values)
