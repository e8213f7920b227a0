"""Masks with every revision. Nobody overwrites what he has not seen."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, text, update

from anymask.data_engine.project import images as pictures
from anymask.data_engine.project import labels
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import heads, revisions
from anymask.data_engine.project.values import Draft, Mask, Picture
from anymask.errors import ConflictError, FormatError, UnknownNameError
from anymask.geometry import rle

__all__ = ["current", "current_json", "find", "history", "save", "save_all"]


def save(db: Database, picture_id: str, draft: Draft, *, seen: int, author: str) -> Mask:
    """Keep a revision of a mask, made by somebody who saw the revision `seen` (0: none); gives what is kept.

    A draft that says what is there already changes nothing, so that a save may be repeated. Raises
    ConflictError, with the present Mask or None, where another revision came between; UnknownNameError for
    another image or label; FormatError for a mask that does not fit its image.
    """
    return db.together(lambda it: _save(it, _picture(it, picture_id), draft, seen, author))


def save_all(db: Database, picture_id: str, drafts: list[Draft], *, author: str) -> int:
    """Keep new masks of one image, all or none; those that are there are left. Gives how many are new."""
    with db.writing() as connection:
        before = set(connection.scalars(select(heads.c.id).where(heads.c.picture_id == picture_id)))
        new = [draft for draft in drafts if draft.id not in before]
        for draft in new:
            _save(connection, _picture(connection, picture_id), draft, 0, author)
    return len(new)


def current(db: Database, picture_id: str, *, deleted: bool = False) -> list[Mask]:
    """The masks of an image in the order in which they came; with `deleted` the removed ones too."""
    with db.reading() as connection:
        found = _all(connection, picture_id)
    return [mask for mask in found if deleted or not mask.deleted]


def current_json(db: Database, picture_id: str) -> str:
    """What `current` gives, as a JSON array.

    SQLite writes it itself, in one step and beside Python: hundreds of masks hold up nobody else.
    """
    if db.file is None:
        return json.dumps([vars(mask) for mask in current(db, picture_id)])
    with db.reading() as connection:
        return str(connection.execute(_AS_JSON, {"picture": picture_id}).scalar_one())


def find(db: Database, picture_id: str, id: str) -> Mask:
    """The newest revision of a mask. Raises UnknownNameError."""
    with db.reading() as connection:
        mask = _head(connection, picture_id, id)
    if mask is None:
        raise _unknown(id)
    return mask


def history(db: Database, picture_id: str, id: str) -> list[Mask]:
    """All revisions of a mask, the first one first. Raises UnknownNameError."""
    where = (revisions.c.picture_id == picture_id, revisions.c.id == id)
    with db.reading() as connection:
        rows = connection.execute(select(revisions).where(*where).order_by(revisions.c.revision)).all()
    if not rows:
        raise _unknown(id)
    return [_mask(row) for row in rows]


def _unknown(id: str) -> UnknownNameError:
    return UnknownNameError(f"mask must be one of this image, got '{id}'. List them first.")


def _picture(connection: Connection, id: str) -> Picture:
    return pictures.found(connection, id, lock=True)


def _save(connection: Connection, picture: Picture, draft: Draft, seen: int, author: str) -> Mask:
    there = _head(connection, picture.id, draft.id)
    if there is not None and there.same(draft):
        return there
    if seen != (0 if there is None else there.revision):
        raise ConflictError(_explain(draft, seen, there), there)
    _check(draft, picture)
    if draft.label_id is not None:
        labels.use(connection, draft.label_id)
    mask = Mask(**vars(draft), revision=seen + 1, author=author, time=time.time())
    connection.execute(_ADD, _row(picture.id, mask))
    key = {"picture_id": picture.id, "id": draft.id}
    if there is None:
        connection.execute(_START, {**key, "revision": 1})
    else:
        connection.execute(_MOVE, {"picture": picture.id, "mask": draft.id, "revision": mask.revision})
    more = int(not mask.deleted) - int(there is not None and not there.deleted)
    pictures.change(connection, picture.id, masks=picture.masks + more, changes=picture.changes + 1)
    return mask


def _explain(draft: Draft, seen: int, there: Mask | None) -> str:
    if there is None:
        return f"revision must be 0 for a new mask, got {seen}. Mask {draft.id} is not in this image."
    return (
        f"revision must be {there.revision}, the newest of mask {draft.id}, got {seen}. "
        f"{there.author} changed it meanwhile; look at both."
    )


def _check(draft: Draft, picture: Picture) -> None:
    """Raise FormatError unless the mask has the image's size and its runs fill it."""
    if draft.size != picture.size:
        raise FormatError(
            f"size must be the image's {list(picture.size)} (height, width), got {list(draft.size)}. "
            "Draw the mask on this image."
        )
    rle.from_coco({"size": draft.size, "counts": draft.counts})


def _newest() -> Select[Any]:
    same = (
        (heads.c.picture_id == revisions.c.picture_id)
        & (heads.c.id == revisions.c.id)
        & (heads.c.revision == revisions.c.revision)
    )
    return select(revisions).join(heads, same)


# Built once: SQLAlchemy takes longer to build a statement than SQLite to carry it out.
_THIS = (heads.c.picture_id == bindparam("picture"), heads.c.id == bindparam("mask"))
_HEAD = _newest().where(*_THIS)
_MOVE = update(heads).where(*_THIS).values(revision=bindparam("revision"))
_ADD, _START = insert(revisions), insert(heads)

_AS_JSON = text("""
SELECT '[' || coalesce(group_concat(entry, ','), '') || ']' FROM (
    SELECT json_object(
        'id', mask.id, 'size', json_array(mask.height, mask.width), 'counts', mask.counts,
        'label_id', mask.label_id, 'score', CASE WHEN mask.score IS NULL THEN NULL ELSE
            json(printf('%!.17g', mask.score)) END,
        'prompts', CASE WHEN json_valid(mask.prompts) THEN json(mask.prompts) END, 'model', mask.model,
        'seconds', json(printf('%!.17g', mask.seconds)), 'deleted', json('false'),
        'revision', mask.revision, 'author', mask.author, 'time', json(printf('%!.17g', mask.time))
    ) AS entry
    FROM heads CROSS JOIN revisions AS mask USING (picture_id, id, revision)
    CROSS JOIN revisions AS first
        ON first.picture_id = mask.picture_id AND first.id = mask.id AND first.revision = 1
    WHERE heads.picture_id = :picture AND NOT mask.deleted
    ORDER BY first.time, first.id
)""")
"""The newest revisions that are not deleted, numbers to the last digit.

CROSS keeps SQLite from going through all revisions of the image first.
"""


def _head(connection: Connection, picture_id: str, id: str) -> Mask | None:
    row = connection.execute(_HEAD, {"picture": picture_id, "mask": id}).one_or_none()
    return None if row is None else _mask(row)


def _all(connection: Connection, picture_id: str) -> list[Mask]:
    """The newest revisions, in the order of the first."""
    first = revisions.alias("first")
    started = (
        (first.c.picture_id == heads.c.picture_id) & (first.c.id == heads.c.id) & (first.c.revision == 1)
    )
    query = _newest().join(first, started).where(heads.c.picture_id == picture_id)
    return [_mask(row) for row in connection.execute(query.order_by(first.c.time, first.c.id))]


def counted(db: Database) -> int:
    """The number of revisions in all."""
    with db.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(revisions)).scalar_one())


def _row(picture_id: str, mask: Mask) -> dict[str, Any]:
    values = dict(vars(mask))
    values["height"], values["width"] = values.pop("size")
    return {"picture_id": picture_id, **values}


def _mask(row: Row[Any]) -> Mask:
    values = dict(row._mapping)
    del values["picture_id"]
    size = values.pop("height"), values.pop("width")
    return Mask(**values, size=size)
