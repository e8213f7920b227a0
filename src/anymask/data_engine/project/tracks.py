"""Tracks: an object that is followed through the images of a project, which are the frames of a video.

What tracking finds are suggestions whose `suggested_by` is the id of the track. A mask belongs to a track if
it is one of its suggestions, came of one by acceptance or correction, or is the mask that the track began
with.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import or_, select

from anymask.data_engine.project import images, masks, suggestions
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import heads, revisions
from anymask.data_engine.project.values import Draft, Image, Mask
from anymask.images.folder import natural

__all__ = [
    "DRIFT",
    "PREFIX",
    "add",
    "frames",
    "mark_drift",
    "masks_of",
    "numbers",
    "track_of",
    "withdraw",
]

PREFIX = "track-"
DRIFT = "drift"
"""The tag of frames in which tracking was not sure."""


def frames(db: Database) -> list[Image]:
    """The images of a project whose files are there, in the natural order of their names: 2 before 10."""
    there = (image for image in images.every(db) if not image.missing)
    return sorted(there, key=lambda image: natural(image.name))


def track_of(db: Database, image_id: str, mask_id: str) -> str:
    """The track of a mask: that which it came of, or a new one. Raises UnknownNameError for no such mask."""
    first = masks.history(db, image_id, mask_id)[0]
    known = first.suggested_by or ""
    return known if known.startswith(PREFIX) else f"{PREFIX}{mask_id}"[:64]


def masks_of(db: Database, tracks: Collection[str]) -> dict[str, dict[str, Mask]]:
    """The masks and open suggestions of tracks: by image id, then by track."""
    first, newest = revisions.alias("first"), revisions.alias("newest")
    same_first = (first.c.image_id == heads.c.image_id) & (first.c.id == heads.c.id) & (first.c.revision == 1)
    began = {track.removeprefix(PREFIX) for track in tracks}
    same = (newest.c.image_id == heads.c.image_id) & (newest.c.id == heads.c.id)
    query = (
        select(heads.c.image_id, heads.c.id, first.c.suggested_by.label("track"))
        .join(first, same_first)
        .join(newest, same & (newest.c.revision == heads.c.revision))
        .where(~newest.c.deleted, or_(first.c.suggested_by.in_(tracks), heads.c.id.in_(began)))
    )
    with db.reading() as connection:
        rows = connection.execute(query).all()
    found: dict[str, dict[str, Mask]] = {}
    for row in rows:
        track = row.track if row.track in tracks else f"{PREFIX}{row.id}"
        found.setdefault(row.image_id, {})[track] = masks.find(db, row.image_id, row.id)
    return found


def numbers(db: Database) -> dict[tuple[str, str], int]:
    """The number of the track of each mask that has one, by image id and mask id; tracks count from 1."""
    first = revisions.alias("first")
    same = (first.c.image_id == heads.c.image_id) & (first.c.id == heads.c.id) & (first.c.revision == 1)
    query = select(heads.c.image_id, heads.c.id, first.c.suggested_by.label("track")).join(first, same)
    with db.reading() as connection:
        followed = connection.execute(query.where(first.c.suggested_by.startswith(PREFIX))).all()
        number = {track: at for at, track in enumerate(sorted({row.track for row in followed}), 1)}
        began = [track.removeprefix(PREFIX) for track in number]
        begun = connection.execute(query.where(heads.c.id.in_(began))).all() if began else []
    known = {(row.image_id, row.id): number[row.track] for row in followed}
    return {(row.image_id, row.id): number[f"{PREFIX}{row.id}"] for row in begun} | known


def withdraw(db: Database, tracks: Collection[str], image_ids: Sequence[str], *, author: str) -> None:
    """Delete the open suggestions of tracks in some images, so that they do not count as rejected."""
    wanted = set(image_ids)
    there = [(id, some) for id, some in masks_of(db, tracks).items() if id in wanted]
    with db.writing() as connection:
        for image_id, some in there:
            for mask in some.values():
                if mask.is_suggestion:
                    image = images.find_on(connection, image_id, lock=True)
                    gone = replace(mask.draft(), deleted=True, suggested_by=None)
                    masks.save_on(connection, image, gone, mask.revision, author)


def add(db: Database, image_id: str, found: Mapping[str, Draft], *, author: str) -> int:
    """Suggest masks in an image, by track; those that are there already, or were rejected, are left out."""
    with db.writing() as connection:
        return sum(
            suggestions.add_on(connection, image_id, track, [draft], author) for track, draft in found.items()
        )


def mark_drift(db: Database, image_id: str, drifted: bool) -> None:
    """Tag an image in which tracking was not sure, or take the tag away."""
    image = images.find(db, image_id)
    if drifted != (DRIFT in image.tags):
        others = [tag for tag in image.tags if tag != DRIFT]
        images.mark(db, image_id, tags=[*others, DRIFT] if drifted else others)
