"""Masks with every revision, saved with a check that no newer revision is overwritten."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from typing import Any, BinaryIO

from sqlalchemy import Connection, Row, Select, Text, bindparam, cast, func, insert, select, text, update

from anymask.data_engine.project import checks, images, labels
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import heads, revisions
from anymask.data_engine.project.values import Draft, Image, Mask
from anymask.errors import ConflictError, FormatError, UnknownNameError
from anymask.geometry import rle

__all__ = [
    "current",
    "current_json",
    "find",
    "history",
    "save",
    "save_all",
    "size_of_current",
    "write_current",
]


def save(db: Database, image_id: str, draft: Draft, *, seen: int, author: str) -> Mask:
    """Save a revision of a mask that is based on revision `seen` (0 for a new mask); returns what is stored.

    A draft equal to the stored mask changes nothing, so a save may be repeated. Raises ConflictError, with
    the current Mask or None, if there is a newer revision; UnknownNameError for an unknown image or label;
    FormatError for a mask that does not fit its image.
    """
    draft = _clipped(draft)
    return db.group_commit(lambda it: save_on(it, _image(it, image_id), draft, seen, author))


def _clipped(draft: Draft) -> Draft:
    """The draft with its score from 0 to 1."""
    return replace(draft, score=checks.clipped(draft.score))


def save_all(db: Database, image_id: str, drafts: list[Draft], *, author: str) -> int:
    """Save new masks of an image, all or none; existing ones are not changed. Returns how many are new.

    They are checked before the transaction and written at once, so that nobody waits for them.
    """
    drafts = [_clipped(draft) for draft in drafts]
    image = images.find(db, image_id)
    for draft in drafts:
        check(draft, image)
    with db.writing() as connection:
        image = _image(connection, image_id)
        before = set(connection.scalars(select(heads.c.id).where(heads.c.image_id == image_id)))
        new = [draft for draft in drafts if draft.id not in before]
        for label_id in {draft.label_id for draft in new} - {None}:
            labels.use(connection, str(label_id))
        if new:
            _add_all(connection, image, new, author)
    return len(new)


def _add_all(connection: Connection, image: Image, new: list[Draft], author: str) -> None:
    made = [Mask(**vars(draft), revision=1, author=author, time=time.time()) for draft in new]
    connection.execute(_ADD, [_row(image.id, mask) for mask in made])
    connection.execute(_START, [{"image_id": image.id, "id": mask.id, "revision": 1} for mask in made])
    shown = sum(mask.is_mask for mask in made)
    images.change(connection, image.id, masks=image.masks + shown, changes=image.changes + len(made))


def current(db: Database, image_id: str, *, deleted: bool = False) -> list[Mask]:
    """The masks and suggestions of an image, oldest first; with `deleted` including the deleted ones."""
    with db.reading() as connection:
        found = all_on(connection, image_id)
    return [mask for mask in found if deleted or not mask.deleted]


def current_json(db: Database, image_id: str) -> str:
    """The masks of `current` as a JSON array.

    SQLite builds the text itself, without Python's global lock, so hundreds of masks do not block other
    requests.
    """
    if db.file is None:
        return json.dumps([vars(mask) for mask in current(db, image_id)])
    with db.reading() as connection:
        return str(connection.execute(_AS_JSON, {"image": image_id}).scalar_one())


def size_of_current(db: Database, image_id: str) -> int:
    """About how many bytes `current_json` has: those of run lengths and prompts."""
    total = func.sum(func.length(revisions.c.counts) + func.coalesce(func.length(_PROMPTS), 0))
    same = (heads.c.id == revisions.c.id) & (heads.c.revision == revisions.c.revision)
    query = (
        select(total).select_from(revisions).join(heads, same & (heads.c.image_id == revisions.c.image_id))
    )
    with db.reading() as connection:
        return int(
            connection.execute(query.where(heads.c.image_id == image_id, ~revisions.c.deleted)).scalar() or 0
        )


def write_current(db: Database, image_id: str, file: BinaryIO) -> None:
    """Write the JSON array of `current_json` to a file, one mask in memory at a time."""
    with db.reading() as connection:
        rows = connection.execute(_ordered(image_id).execution_options(yield_per=1))
        start = b"["
        for mask in map(_mask, rows):
            if not mask.deleted:
                file.write(start + json.dumps(vars(mask)).encode())
                start = b","
    file.write(b"]" if start == b"," else b"[]")


def find(db: Database, image_id: str, id: str) -> Mask:
    """The newest revision of a mask. Raises UnknownNameError."""
    with db.reading() as connection:
        mask = head_on(connection, image_id, id)
    if mask is None:
        raise _unknown(id)
    return mask


def history(db: Database, image_id: str, id: str) -> list[Mask]:
    """All revisions of a mask, oldest first. Raises UnknownNameError."""
    where = (revisions.c.image_id == image_id, revisions.c.id == id)
    with db.reading() as connection:
        rows = connection.execute(select(revisions).where(*where).order_by(revisions.c.revision)).all()
    if not rows:
        raise _unknown(id)
    return [_mask(row) for row in rows]


def _unknown(id: str) -> UnknownNameError:
    return UnknownNameError(f"mask must be one of this image, got '{id}'. List them first.")


def _image(connection: Connection, id: str) -> Image:
    return images.find_on(connection, id, lock=True)


def save_on(connection: Connection, image: Image, draft: Draft, seen: int, author: str) -> Mask:
    """Like `save`, in an open transaction; `image` is as stored now."""
    there = head_on(connection, image.id, draft.id)
    if there is not None and there.same(draft):
        return there
    if seen != (0 if there is None else there.revision):
        raise ConflictError(_explain(draft, seen, there), there)
    check(draft, image)
    if draft.label_id is not None:
        labels.use(connection, draft.label_id)
    mask = Mask(**vars(draft), revision=seen + 1, author=author, time=time.time())
    connection.execute(_ADD, _row(image.id, mask))
    key = {"image_id": image.id, "id": draft.id}
    if there is None:
        connection.execute(_START, {**key, "revision": 1})
    else:
        connection.execute(_MOVE, {"image": image.id, "mask": draft.id, "revision": mask.revision})
    more = int(mask.is_mask) - int(there is not None and there.is_mask)
    suggested = int(mask.is_suggestion) - int(there is not None and there.is_suggestion)
    images.change(
        connection,
        image.id,
        masks=image.masks + more,
        suggestions=image.suggestions + suggested,
        changes=image.changes + 1,
    )
    return mask


def _explain(draft: Draft, seen: int, there: Mask | None) -> str:
    if there is None:
        return f"revision must be 0 for a new mask, got {seen}. Mask {draft.id} is not in this image."
    return (
        f"revision must be {there.revision}, the newest of mask {draft.id}, got {seen}. "
        f"{there.author} changed it in the meantime. Compare both."
    )


def check(draft: Draft, image: Image) -> None:
    """Raise FormatError unless the mask has the image size and valid run lengths."""
    if draft.size != image.size:
        raise FormatError(
            f"size must be the image size {list(image.size)} (height, width), got {list(draft.size)}. "
            "Draw the mask on this image."
        )
    rle.from_coco({"size": draft.size, "counts": draft.counts})
    _check_attributes(draft)
    if not math.isfinite(draft.seconds):
        raise FormatError(f"seconds must be a finite number, got {draft.seconds}. Leave it out.")
    if not checks.is_plain(draft.prompts):
        raise FormatError(
            f"prompts must be JSON of finite numbers and valid text, {checks.DEEPEST} levels deep and "
            f"{checks.MOST_VALUES} values at most, got other. Leave them out."
        )
    if not checks.is_text(draft.model or ""):
        raise FormatError("model must be valid text, got half a surrogate pair or NUL. Leave it out.")


def _check_attributes(draft: Draft) -> None:
    values = draft.attributes or {}
    if not checks.is_plain(dict(values)) or any(isinstance(one, (dict, list)) for one in values.values()):
        raise FormatError(
            "attributes must be names with texts, numbers or yes and no, got other. Leave them out."
        )
    if not math.isfinite(draft.depth):
        raise FormatError(f"depth must be a finite number, got {draft.depth}. Leave it out.")


def _newest() -> Select[Any]:
    same = (
        (heads.c.image_id == revisions.c.image_id)
        & (heads.c.id == revisions.c.id)
        & (heads.c.revision == revisions.c.revision)
    )
    return select(revisions).join(heads, same)


# Built once: SQLAlchemy takes longer to build a statement than SQLite to execute it.
_THIS = (heads.c.image_id == bindparam("image"), heads.c.id == bindparam("mask"))
_HEAD = _newest().where(*_THIS)
_MOVE = update(heads).where(*_THIS).values(revision=bindparam("revision"))
_PROMPTS = cast(revisions.c.prompts, Text)
_ADD, _START = insert(revisions), insert(heads)

_AS_JSON = text("""
SELECT '[' || coalesce(group_concat(entry, ','), '') || ']' FROM (
    SELECT json_object(
        'id', mask.id, 'size', json_array(mask.height, mask.width), 'counts', mask.counts,
        'label_id', mask.label_id, 'score', CASE WHEN mask.score IS NULL THEN NULL ELSE
            json(printf('%!.17g', mask.score)) END,
        'prompts', CASE WHEN json_valid(mask.prompts) THEN json(mask.prompts) END, 'model', mask.model,
        'seconds', json(printf('%!.17g', mask.seconds)), 'deleted', json('false'),
        'suggested_by', mask.suggested_by,
        'attributes', CASE WHEN json_valid(mask.attributes) THEN json(mask.attributes) END,
        'depth', json(printf('%!.17g', mask.depth)), 'revision', mask.revision, 'author', mask.author,
        'time', json(printf('%!.17g', mask.time))
    ) AS entry
    FROM heads CROSS JOIN revisions AS mask USING (image_id, id, revision)
    CROSS JOIN revisions AS first
        ON first.image_id = mask.image_id AND first.id = mask.id AND first.revision = 1
    WHERE heads.image_id = :image AND NOT mask.deleted
    ORDER BY first.time, first.id
)""")
"""The newest revisions that are not deleted, with numbers in full precision.

CROSS JOIN keeps SQLite from scanning all revisions of the image first.
"""


def head_on(connection: Connection, image_id: str, id: str) -> Mask | None:
    """The newest revision of a mask, also a deleted one, on an open connection."""
    row = connection.execute(_HEAD, {"image": image_id, "mask": id}).one_or_none()
    return None if row is None else _mask(row)


def all_on(connection: Connection, image_id: str) -> list[Mask]:
    """The newest revisions, deleted ones too, on an open connection; ordered by the time of the first."""
    return [_mask(row) for row in connection.execute(_ordered(image_id))]


def _ordered(image_id: str) -> Select[Any]:
    first = revisions.alias("first")
    started = (first.c.image_id == heads.c.image_id) & (first.c.id == heads.c.id) & (first.c.revision == 1)
    query = _newest().join(first, started).where(heads.c.image_id == image_id)
    return query.order_by(first.c.time, first.c.id)


def counted(db: Database) -> int:
    """The total number of revisions."""
    with db.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(revisions)).scalar_one())


def _row(image_id: str, mask: Mask) -> dict[str, Any]:
    values = dict(vars(mask))
    values["height"], values["width"] = values.pop("size")
    return {"image_id": image_id, **values}


def _mask(row: Row[Any]) -> Mask:
    values = dict(row._mapping)
    del values["image_id"]
    size = values.pop("height"), values.pop("width")
    return Mask(**values, size=size)
