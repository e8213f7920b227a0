"""The images of a project: files in its folder, and uploaded images stored by content hash."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from anymask.data_engine.project.checks import plain_text
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import images
from anymask.data_engine.project.values import Image, Review
from anymask.errors import UnknownNameError

__all__ = [
    "Show",
    "Sort",
    "add",
    "by_path",
    "count",
    "file_of",
    "find",
    "is_hidden",
    "listed",
    "mark",
    "relative",
    "set_hash",
    "set_queue",
    "tags_used",
]

_COLUMNS = list(images.c)
_NEW: dict[str, Any] = {
    **dict.fromkeys(("masks", "suggestions", "changes", "comments"), 0),
    **dict.fromkeys(("missing", "done", "removed"), False),
    **dict.fromkeys(("sha256", "review", "assignee", "copy_of", "queue")),
    "tags": "",
}
_FIND = select(*_COLUMNS).where(images.c.id == bindparam("image"))
_PLACE = update(images).where(images.c.id == bindparam("image")).values(queue=bindparam("place"))
_FIND_AND_LOCK = _FIND.with_for_update()


Show: TypeAlias = Literal[
    "all", "todo", "done", "suggestions", "empty", "review", "accepted", "returned", "comments"
]
"""Which images to list: all, those to do, done ones, those with suggestions, without masks, done and not
reviewed, accepted, returned, with open comments."""
Sort: TypeAlias = Literal["name", "queue"]
"""By name, or by the place in the queue, images without one last."""
_LAST = 1 << 30
"""Stands for no place in the queue."""
_THERE = ~images.c.removed & (~images.c.missing | (images.c.masks > 0))
_SHOWN: dict[Show, ColumnElement[bool]] = {
    "all": true(),
    "todo": ~images.c.done,
    "done": images.c.done,
    "suggestions": images.c.suggestions > 0,
    "empty": images.c.masks == 0,
    "review": images.c.done & images.c.review.is_(None),
    "accepted": images.c.review == "accepted",
    "returned": images.c.review == "returned",
    "comments": images.c.comments > 0,
}


def relative(file: Path, folder: Path) -> str:
    """The path of a file relative to the folder, as stored in the database: its bytes percent-encoded."""
    return quote(os.fsencode(file.relative_to(folder)), safe="/")


def file_of(image: Image, folder: Path) -> Path:
    """The file of an image. Raises UnknownNameError if it is missing or outside the folder."""
    file = folder / os.fsdecode(unquote_to_bytes(image.path))
    if not is_inside(file, folder) or not file.is_file():
        raise UnknownNameError(
            f"image must be a file in the project's folder, got {image.name}, which is missing. Put it back."
        )
    return file


def is_inside(file: Path, folder: Path) -> bool:
    """Whether a file is inside a folder after resolving links."""
    return file.resolve().is_relative_to(folder.resolve())


def find(db: Database, id: str) -> Image:
    """An image by its id. Raises UnknownNameError."""
    with db.reading() as connection:
        return find_on(connection, id)


def find_on(connection: Connection, id: str, *, lock: bool = False) -> Image:
    """Like `find`, on an open connection; `lock` locks the row until the end of the transaction."""
    row = connection.execute(_FIND_AND_LOCK if lock else _FIND, {"image": id}).one_or_none()
    if row is None:
        raise UnknownNameError(f"image must be one of this project, got '{id}'. List them first.")
    return _image(row)


def listed(
    db: Database,
    after: str | None = None,
    limit: int = 100,
    *,
    search: str = "",
    show: Show = "all",
    tag: str = "",
    assignee: str = "",
    viewer: str | None = None,
    sort: Sort = "name",
) -> list[Image]:
    """Images in order; those that were removed, and missing files without masks, are left out.

    db: the database.
    after: only images after the one with this id.
    limit: as many at most.
    search: text in the name, in any case.
    show: only images in this state.
    tag: only images with this tag.
    assignee: only images of the user with this name.
    viewer: the name of an annotator, who sees no copies given to others, and no image of which they have one.
    sort: the order.

    Raises UnknownNameError for an unknown `after`.
    """
    c = images.c
    with db.reading() as connection:
        keys = [func.coalesce(c.queue, _LAST), c.name, c.id][sort == "name" :]
        query = select(*_COLUMNS).where(_THERE, _SHOWN[show]).order_by(*keys).limit(limit)
        if search:
            query = query.where(c.name.icontains(search, autoescape=True))
        if tag:
            query = query.where(c.tags.contains(f"\n{tag}\n", autoescape=True))
        if assignee:
            query = query.where(c.assignee == assignee)
        if viewer is not None:
            query = query.where(~hidden_from(viewer))
        if after is not None:
            last = find_on(connection, after)
            values = [_LAST if last.queue is None else last.queue, last.name, last.id][sort == "name" :]
            query = query.where(_beyond(keys, values))
        return [_image(row) for row in connection.execute(query)]


def hidden_from(annotator: str) -> ColumnElement[bool]:
    """Whether an image is hidden from an annotator: a copy given to somebody else, or one of which they have
    a copy."""
    copy = images.alias("copy")
    given = exists().where(copy.c.copy_of == images.c.id, copy.c.assignee == annotator, ~copy.c.removed)
    others = images.c.copy_of.is_not(None) & images.c.assignee.is_distinct_from(annotator)
    hidden: ColumnElement[bool] = others | given
    return hidden


def is_hidden(db: Database, id: str, annotator: str) -> bool:
    """Whether an image is hidden from an annotator, see `hidden_from`."""
    query = select(images.c.id).where(images.c.id == id, hidden_from(annotator))
    with db.reading() as connection:
        return connection.execute(query).first() is not None


def _beyond(keys: Sequence[ColumnElement[Any]], values: Sequence[Any]) -> ColumnElement[bool]:
    """Whether a row comes after one with these values in the order of the keys."""
    found: ColumnElement[bool] = keys[-1] > values[-1]
    for key, value in zip(keys[-2::-1], values[-2::-1], strict=True):
        found = or_(key > value, and_(key == value, found))
    return found


def every(db: Database, step: int = 500) -> Iterator[Image]:
    """All images of `listed` but copies, read `step` at a time."""
    page = listed(db, None, step)
    while page:
        yield from (image for image in page if image.copy_of is None)
        page = listed(db, page[-1].id, step)


def count(db: Database) -> dict[str, int]:
    """Numbers of images, of images with masks ("annotated") and of done ones, of masks and of suggestions."""
    c = images.c
    columns = {
        "images": func.count(),
        "annotated": func.count().filter(c.masks > 0),
        "done": func.count().filter(c.done),
        "masks": func.coalesce(func.sum(c.masks), 0),
        "suggestions": func.coalesce(func.sum(c.suggestions), 0),
    }
    query = select(*(column.label(name) for name, column in columns.items())).where(_THERE)
    with db.reading() as connection:
        return {name: int(value) for name, value in connection.execute(query).one()._mapping.items()}


def by_path(connection: Connection) -> dict[str, Image]:
    """All images but copies, by their path."""
    query = select(*_COLUMNS).where(images.c.copy_of.is_(None))
    return {row.path: _image(row) for row in connection.execute(query)}


def by_hash(db: Database, sha256: str) -> Image | None:
    """An image with this content whose file is not missing, or None."""
    own = (images.c.sha256 == sha256, ~images.c.missing, images.c.copy_of.is_(None))
    query = select(*_COLUMNS).where(*own).order_by(images.c.id)
    with db.reading() as connection:
        row = connection.execute(query).first()
    return None if row is None else _image(row)


def add(connection: Connection, facts: Iterable[Mapping[str, Any]]) -> None:
    """Add images from their path, name, sha256, width, height, bytes and modified."""
    rows = [{**_NEW, "id": new_id(), **fact} for fact in facts]
    if rows:
        connection.execute(insert(images), rows)


def new_id() -> str:
    """A new random id."""
    return secrets.token_hex(8)


def change(connection: Connection, id: str, **facts: Any) -> None:
    """Set columns of an image."""
    connection.execute(update(images).where(images.c.id == id).values(**facts))


def mark(
    db: Database,
    id: str,
    *,
    done: bool | None = None,
    removed: bool | None = None,
    review: Review | None = None,
    assignee: str | None = None,
    tags: Sequence[str] | None = None,
) -> Image:
    """Mark an image; None changes nothing. Returns it as it is now.

    db: the database.
    id: the image.
    done: whether its masks are complete; a review before that does not count any more.
    removed: a removed image is in no list and no export; its file and its masks are kept.
    review: "accepted" marks it as done, "returned" as not done.
    assignee: the name of the user who is to work on it; "" for nobody.
    tags: all its tags.

    Raises UnknownNameError for an unknown image.
    """
    facts: dict[str, Any] = {} if removed is None else {"removed": removed}
    if done is not None:
        facts |= {"done": done, "review": None}
    if review is not None:
        facts |= {"done": review == "accepted", "review": review}
    if assignee is not None:
        facts["assignee"] = assignee or None
    if tags is not None:
        facts["tags"] = _joined(tags)
    with db.writing() as connection:
        find_on(connection, id, lock=True)
        if facts:
            change(connection, id, **facts)
        return find_on(connection, id)


def tags_used(db: Database) -> list[str]:
    """All tags of the images, sorted."""
    query = select(images.c.tags).where(images.c.tags != "", ~images.c.removed).distinct()
    with db.reading() as connection:
        return sorted({tag for text in connection.scalars(query) for tag in _split(text)})


def _joined(tags: Sequence[str]) -> str:
    """Tags as they are stored, so that one can be searched for: each between line ends."""
    plain = dict.fromkeys(tag for one in tags if (tag := plain_text(one)))
    return "".join(f"\n{tag}\n" for tag in plain)


def _split(text: str) -> tuple[str, ...]:
    return tuple(tag for tag in text.split("\n") if tag)


def set_hash(db: Database, id: str, sha256: str) -> None:
    """Store the content hash of an image."""
    with db.writing() as connection:
        change(connection, id, sha256=sha256)


def set_queue(db: Database, ids: Sequence[str]) -> None:
    """Give images their places in the queue, in this order, and all others none."""
    with db.writing() as connection:
        connection.execute(update(images).where(images.c.queue.is_not(None)).values(queue=None))
        rows = [{"image": id, "place": place} for place, id in enumerate(ids, 1)]
        if rows:
            connection.execute(_PLACE, rows)


def _image(row: Row[Any]) -> Image:
    values = dict(row._mapping)
    return Image(**values | {"tags": _split(values["tags"])})
