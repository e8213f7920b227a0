"""The pictures of a project: found in its folder, or uploaded and kept by their content."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import pictures
from anymask.data_engine.project.values import Picture
from anymask.errors import UnknownNameError

__all__ = ["add", "by_path", "count", "file_of", "find", "listed", "relative", "with_hash"]

_COLUMNS = list(pictures.c)
_FIND = select(*_COLUMNS).where(pictures.c.id == bindparam("picture"))
_FIND_AND_LOCK = _FIND.with_for_update()


def relative(file: Path, folder: Path) -> str:
    """The path of a file in the folder as the store keeps it: bytes percent-encoded, whatever they are."""
    return quote(os.fsencode(file.relative_to(folder)), safe="/")


def file_of(picture: Picture, folder: Path) -> Path:
    """The file of a picture. Raises UnknownNameError where it is gone or would lie outside of the folder."""
    file = folder / os.fsdecode(unquote_to_bytes(picture.path))
    if not is_inside(file, folder) or not file.is_file():
        raise UnknownNameError(
            f"image must be a file in the project's folder, got {picture.name}, which is gone. Put it back."
        )
    return file


def is_inside(file: Path, folder: Path) -> bool:
    """Whether a file lies in a folder, links followed."""
    return file.resolve().is_relative_to(folder.resolve())


def find(db: Database, id: str) -> Picture:
    """A picture by its id. Raises UnknownNameError."""
    with db.reading() as connection:
        return found(connection, id)


def found(connection: Connection, id: str, *, lock: bool = False) -> Picture:
    """As `find`, on a connection; with `lock` nobody else changes it until the end of the transaction."""
    row = connection.execute(_FIND_AND_LOCK if lock else _FIND, {"picture": id}).one_or_none()
    if row is None:
        raise UnknownNameError(f"image must be one of this project, got '{id}'. List them first.")
    return _picture(row)


def listed(db: Database, after: str | None = None, limit: int = 100) -> list[Picture]:
    """Pictures by name: at most `limit` of those that come after the picture with the id `after`.

    Missing files are left out unless there are masks for them. Raises UnknownNameError.
    """
    c = pictures.c
    with db.reading() as connection:
        query = select(*_COLUMNS).where(or_(~c.missing, c.masks > 0)).order_by(c.name, c.id).limit(limit)
        if after is not None:
            last = found(connection, after)
            query = query.where(or_(c.name > last.name, and_(c.name == last.name, c.id > last.id)))
        return [_picture(row) for row in connection.execute(query)]


def every(db: Database, step: int = 500) -> Iterator[Picture]:
    """All that `listed` gives, some at a time."""
    part = listed(db, None, step)
    while part:
        yield from part
        part = listed(db, part[-1].id, step)


def count(db: Database) -> dict[str, int]:
    """How many pictures there are, how many of them have masks, and how many masks."""
    c = pictures.c
    there = or_(~c.missing, c.masks > 0)
    query = select(func.count(), func.count().filter(c.masks > 0), func.coalesce(func.sum(c.masks), 0)).where(
        there
    )
    with db.reading() as connection:
        images, annotated, masks = connection.execute(query).one()
    return {"images": images, "annotated": annotated, "masks": masks}


def by_path(connection: Connection) -> dict[str, Picture]:
    """All pictures by their path."""
    return {row.path: _picture(row) for row in connection.execute(select(*_COLUMNS))}


def by_hash(db: Database, sha256: str) -> Picture | None:
    """A picture of some content whose file is there, if there is one."""
    query = select(*_COLUMNS).where(pictures.c.sha256 == sha256, ~pictures.c.missing).order_by(pictures.c.id)
    with db.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else _picture(row)


def add(connection: Connection, facts: Iterable[Mapping[str, Any]]) -> None:
    """Add pictures: their path, name, sha256, width, height, bytes and modified."""
    rows = [
        {"id": new_id(), "masks": 0, "changes": 0, "missing": False, "sha256": None, **fact} for fact in facts
    ]
    if rows:
        connection.execute(insert(pictures), rows)


def new_id() -> str:
    """An id that nobody has."""
    return secrets.token_hex(8)


def change(connection: Connection, id: str, **facts: Any) -> None:
    """Set facts of a picture."""
    connection.execute(update(pictures).where(pictures.c.id == id).values(**facts))


def with_hash(db: Database, id: str, sha256: str) -> None:
    """Note what a picture's content is."""
    with db.writing() as connection:
        change(connection, id, sha256=sha256)


def _picture(row: Row[Any]) -> Picture:
    return Picture(**row._mapping)
