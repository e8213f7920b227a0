"""The masks of a record drawn into one map, as palette images of objects hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.geometry.label_map import Labels, label_map
from anymask.types import Record

__all__ = ["DrawnMap", "draw"]


@dataclass(frozen=True, eq=False)
class DrawnMap:
    """A map of N masks, and what became of each."""

    objects: Labels
    """(H, W): i + 1 where mask i is on top, the smallest of those there."""
    void: NDArray[np.bool_] | None
    """(H, W): the ignored pixels that are in no mask; None where a record has none."""
    runs: list[rle.Runs | None]
    """What shows of each mask; None for nothing."""
    hidden: frozenset[int]
    """Masks that others hide in part."""
    covering: frozenset[int]
    """Masks that are drawn over ignored pixels."""


def draw(record: Record) -> DrawnMap:
    """Draw the masks of a record; the smallest is on top."""
    masks = record.masks
    objects = label_map(masks.rles, masks.size)
    ignored = None if record.ignore is None else rle.decode(record.ignore, masks.size)
    shown = rle.encode_numbers(objects)
    runs = [shown.get(i + 1) for i in range(len(masks))]
    pairs = enumerate(zip(masks.rles, runs, strict=True))
    return DrawnMap(
        objects,
        None if ignored is None else ignored & (objects == 0),
        runs,
        frozenset(i for i, (mask, seen) in pairs if seen is not None and not np.array_equal(mask, seen)),
        frozenset() if ignored is None else frozenset((np.unique(objects[ignored]) - 1).tolist()),
    )
