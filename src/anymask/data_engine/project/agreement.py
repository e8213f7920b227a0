"""Agreement between annotators: an image is given to a second one, and their masks are compared.

A copy of an image has the same file and no masks; it belongs to its assignee, who does not see the image that
it was made of. A copy of an accepted image is a honeypot: what it is compared with is known to be true.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from anymask.data_engine.project import images, masks
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.tables import images as table
from anymask.data_engine.project.values import Image, Mask
from anymask.errors import InputError
from anymask.geometry import rle

__all__ = ["MATCHED_IOU", "Comparison", "Score", "compare", "compare_all", "give", "scores"]

MATCHED_IOU = 0.5
"""Two masks with at least this IoU are of the same object."""


@dataclass(frozen=True)
class Comparison:
    """The masks of an image and of its copy."""

    image: Image
    copy: Image
    known: bool
    """Whether the image is accepted, so that its masks count as true."""
    matched: int
    """Pairs of masks of the same object, see `MATCHED_IOU`; each mask is in one pair at most."""
    same_label: int
    """Pairs whose masks have the same label."""
    only_image: int
    only_copy: int
    """Masks without a partner."""
    mean_iou: float | None
    """Of the pairs; None without any."""


@dataclass(frozen=True)
class Score:
    """How well a user found what is known to be true."""

    name: str
    images: int
    found: int
    """True masks that the user's masks matched."""
    missed: int
    extra: int
    """Masks of the user where nothing is."""
    mean_iou: float | None
    """Of all pairs; None without any."""


def give(db: Database, image_id: str, assignee: str) -> Image:
    """Give an image to a second user as a copy without masks; returns the copy.

    Raises UnknownNameError for an unknown image, InputError for a copy, and where the user has the image.
    """
    with db.writing() as connection:
        image = images.find_on(connection, image_id, lock=True)
        if image.copy_of is not None:
            raise InputError("image must be no copy, got one. Give the image that it was made of.")
        query = select(table.c.id).where(
            table.c.copy_of == image_id, table.c.assignee == assignee, ~table.c.removed
        )
        if image.assignee == assignee or connection.execute(query).first() is not None:
            raise InputError(f"assignee must be another user, got '{assignee}', who has it. Choose another.")
        id = images.new_id()
        facts = {name: getattr(image, name) for name in ("name", "width", "height", "bytes", "modified")}
        given = {"id": id, "path": f"?{id}", "copy_of": image_id, "assignee": assignee}  # no file's path
        images.add(connection, [{**facts, **given}])
        return images.find_on(connection, id)


def compare_all(db: Database) -> list[Comparison]:
    """All copies that are in the project compared with their images, by name."""
    query = select(table.c.id).where(table.c.copy_of.is_not(None), ~table.c.removed)
    with db.reading() as connection:
        ids = list(connection.scalars(query.order_by(table.c.name, table.c.id)))
    return [compare(db, id) for id in ids]


def compare(db: Database, copy_id: str) -> Comparison:
    """A copy compared with its image. Raises UnknownNameError, InputError for an image that is no copy."""
    copy = images.find(db, copy_id)
    if copy.copy_of is None:
        raise InputError(f"image must be a copy, got '{copy_id}'. Give it to a second user first.")
    image = images.find(db, copy.copy_of)
    ours, theirs = (
        [mask for mask in masks.current(db, one.id) if mask.is_mask and mask.size == image.size]
        for one in (image, copy)
    )
    pairs = _pairs(ours, theirs)
    return Comparison(
        image=image,
        copy=copy,
        known=image.review == "accepted",
        matched=len(pairs),
        same_label=sum(ours[i].label_id == theirs[j].label_id for i, j, _ in pairs),
        only_image=len(ours) - len(pairs),
        only_copy=len(theirs) - len(pairs),
        mean_iou=float(np.mean([iou for _, _, iou in pairs])) if pairs else None,
    )


def _pairs(ours: Sequence[Mask], theirs: Sequence[Mask]) -> list[tuple[int, int, float]]:
    """Indices and IoU of matched masks, the most similar first; each mask is in one pair at most."""
    if not ours or not theirs:
        return []
    one, other = ([rle.from_string(mask.counts) for mask in some] for some in (ours, theirs))
    ious = rle.iou(one, other, ours[0].size)
    found = []
    while (best := ious.max()) >= MATCHED_IOU:
        i, j = divmod(int(ious.argmax()), ious.shape[1])
        found.append((i, j, float(best)))
        ious[i], ious[:, j] = -1, -1
    return found


def scores(comparisons: Sequence[Comparison]) -> list[Score]:
    """How well each user found what is known to be true, by name. Copies without masks that are not done yet
    do not count."""
    mine = defaultdict[str, list[Comparison]](list)
    for one in comparisons:
        if one.known and (one.copy.done or one.copy.masks):
            mine[one.copy.assignee or ""].append(one)
    return [_score(name, some) for name, some in sorted(mine.items())]


def _score(name: str, some: Sequence[Comparison]) -> Score:
    found = sum(one.matched for one in some)
    total = sum((one.mean_iou or 0.0) * one.matched for one in some)
    return Score(
        name=name,
        images=len(some),
        found=found,
        missed=sum(one.only_image for one in some),
        extra=sum(one.only_copy for one in some),
        mean_iou=total / found if found else None,
    )
