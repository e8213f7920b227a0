"""Suggestions: masks that a search for similar objects, or of all objects, found and that a user judges.

A suggestion is a mask whose `suggested_by` names the example mask of its search, or AUTOMATIC. Accepting it
saves it without that name; rejecting it deletes it. A new search with the same example replaces the
suggestions that are still open, and does not suggest again what is a mask already or what was rejected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as changed
from typing import Any

from sqlalchemy import Connection, select

from anymask.data_engine.project import images, masks
from anymask.data_engine.project.checks import clipped
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import heads, revisions
from anymask.data_engine.project.values import Draft
from anymask.geometry import rle

__all__ = ["AUTOMATIC", "SAME_IOU", "add_on", "judged", "replace", "replace_in", "withdraw"]

AUTOMATIC = "automatic"
"""What `suggested_by` names for automatic masks."""
SAME_IOU = 0.7
"""A suggestion with at least this IoU with a mask, or with a rejected suggestion, is the same object."""


def replace(db: Database, by: str, found: Mapping[str, Sequence[Draft]], *, author: str) -> dict[str, int]:
    """Replace the open suggestions of a search in one transaction; returns how many are new, by image id.

    by: the id of the example mask.
    found: the masks found, by image id; without any, the suggestions of the search are only withdrawn.
    author: who searched.

    Raises UnknownNameError and FormatError like `masks.save`; nothing is changed then.
    """
    with db.writing() as connection:
        _withdraw(connection, by, author)
        return {
            id: count for id, some in found.items() if (count := add_on(connection, id, by, some, author)) > 0
        }


def replace_in(db: Database, by: str, image_id: str, found: Sequence[Draft], *, author: str) -> int:
    """Replace the open suggestions of a search in one image, as `replace`; returns how many are new."""
    with db.writing() as connection:
        _withdraw(connection, by, author, image_id)
        return add_on(connection, image_id, by, found, author)


def withdraw(db: Database, *, author: str) -> int:
    """Withdraw all open suggestions of a project; returns how many there were."""
    with db.writing() as connection:
        return _withdraw(connection, None, author)


def judged(db: Database) -> list[tuple[float, bool]]:
    """The predicted IoU of every automatic suggestion that people judged, and whether they accepted it."""
    first, newest = revisions.alias("first"), revisions.alias("newest")

    def same(one: Any) -> Any:
        return (one.c.image_id == heads.c.image_id) & (one.c.id == heads.c.id)

    query = (
        select(first.c.score, newest.c.deleted)
        .select_from(heads)
        .join(newest, same(newest) & (newest.c.revision == heads.c.revision))
        .join(first, same(first) & (first.c.revision == 1))
        .where(first.c.suggested_by == AUTOMATIC, first.c.score.is_not(None))
        .where(newest.c.deleted == newest.c.suggested_by.is_not(None))  # neither open nor withdrawn
    )
    with db.reading() as connection:
        return [(float(row.score), not row.deleted) for row in connection.execute(query)]


def _withdraw(connection: Connection, by: str | None, author: str, within: str | None = None) -> int:
    """Delete open suggestions so that they do not count as rejected.

    connection: an open transaction.
    by: of this search, None for all.
    author: who withdraws them.
    within: only those in this image.
    """
    same = (
        (heads.c.image_id == revisions.c.image_id)
        & (heads.c.id == revisions.c.id)
        & (heads.c.revision == revisions.c.revision)
    )
    named = revisions.c.suggested_by.is_not(None) if by is None else revisions.c.suggested_by == by
    query = select(heads.c.image_id, heads.c.id).join(revisions, same).where(named, ~revisions.c.deleted)
    if within is not None:
        query = query.where(heads.c.image_id == within)
    rows = connection.execute(query.order_by(heads.c.image_id, heads.c.id)).all()
    for image_id, id in rows:
        image = images.find_on(connection, image_id, lock=True)
        there = masks.head_on(connection, image_id, id)
        assert there is not None, "it was listed just now"
        gone = changed(there.draft(), deleted=True, suggested_by=None)
        masks.save_on(connection, image, gone, there.revision, author)
    return len(rows)


def add_on(connection: Connection, image_id: str, by: str, found: Sequence[Draft], author: str) -> int:
    """Save the new ones among the masks found in an image, on an open connection; returns their number."""
    size = images.find_on(connection, image_id).size
    known = [
        rle.from_string(mask.counts)
        for mask in masks.all_on(connection, image_id)
        if (not mask.deleted or mask.suggested_by == by) and mask.size == size
    ]
    count = 0
    for draft in found:
        image = images.find_on(connection, image_id, lock=True)
        masks.check(draft, image)
        runs = rle.from_string(draft.counts)
        if known and rle.iou([runs], known).max() >= SAME_IOU:
            continue
        mine = changed(draft, suggested_by=by, score=clipped(draft.score))
        masks.save_on(connection, image, mine, 0, author)
        known.append(runs)
        count += 1
    return count
