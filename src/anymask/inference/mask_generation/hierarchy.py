"""Masks as a tree of wholes, parts and sub-parts, and as one flat map of labels.

The masks that a model gives of an image overlap: a wheel, its car, the row of cars. `tree` orders them by
what contains what, `Tree.at` cuts the tree at a chosen fineness, `flatten` gives every pixel to one mask, and
`cover` leaves no pixel without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.geometry.label_map import Labels, label_map
from anymask.types import Masks

__all__ = ["Tree", "flatten", "tree"]

CONTAINED = 0.9
"""Share of a part's pixels that must lie in its whole."""


SMALLER = 0.8
"""A part has at most this share of its whole's area; what is nearer in size is another version of it."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Masks with the smallest mask that contains each."""

    masks: Masks
    """All masks, in the order given."""
    parents: NDArray[np.int64]
    """(N,) index of the mask that each is a part of, -1 for a whole."""
    depths: NDArray[np.int64]
    """(N,) masks that contain each: 0 a whole, 1 a part, 2 a sub-part, ..."""

    def children(self, index: int) -> NDArray[np.int64]:
        """Indices of the masks directly below one; those of the wholes for -1."""
        return np.flatnonzero(self.parents == index)

    def cut(self, granularity: float) -> NDArray[np.int64]:
        """Indices, ascending, of one mask on the way from each finest part up to its whole.

        `granularity` 0 gives the wholes, 1 the masks without parts, between them the depth that is this share
        of the deepest one below the same whole (or a mask that ends before). No mask chosen lies below
        another; a larger number never gives a coarser cut. Raises InputError outside 0 to 1.
        """
        if not 0 <= granularity <= 1:
            raise InputError(
                f"granularity must be 0 (wholes) to 1 (finest parts), got {granularity}. Choose between them."
            )
        deepest = np.zeros(len(self.masks), np.int64)  # below the same whole, kept at the whole
        wholes = self._wholes()
        np.maximum.at(deepest, wholes, self.depths)
        level = np.ceil(granularity * deepest[wholes] - 1e-9).astype(np.int64)
        inner = np.zeros(len(self.masks), np.bool_)
        inner[self.parents[self.parents >= 0]] = True
        return np.flatnonzero((self.depths == level) | ((self.depths < level) & ~inner))

    def at(self, granularity: float) -> Masks:
        """The masks of `cut`."""
        return self.masks[self.cut(granularity)]

    def down_to(self, granularity: float) -> Masks:
        """The masks of `cut` and all that contain them: what parts leave of their whole stays covered."""
        chosen = self.cut(granularity)
        kept = np.zeros(len(self.masks), np.bool_)
        while chosen.size:
            kept[chosen] = True
            chosen = self.parents[chosen]
            chosen = chosen[chosen >= 0]
        return self.masks[kept]

    def _wholes(self) -> NDArray[np.int64]:
        """(N,) index of the whole that each belongs to."""
        out = np.arange(len(self.masks))
        while (self.parents[out] >= 0).any():
            out = np.where(self.parents[out] >= 0, self.parents[out], out)
        return out


def tree(masks: Masks, *, contained: float = CONTAINED) -> Tree:
    """Order masks by containment; nothing is decoded.

    A mask is a part of the smallest mask that holds the share `contained` of its pixels and is clearly larger
    (`SMALLER`). Near copies of one mask are no parts of each other, and an empty mask is a whole.
    Raises InputError unless `contained` is above 0.5 and at most 1.
    """
    if not 0.5 < contained <= 1:
        raise InputError(f"contained must be above 0.5 and at most 1, got {contained}. Leave it at 0.9.")
    parents = np.full(len(masks), -1, np.int64)
    areas, boxes = masks.areas, masks.boxes
    by_size = np.argsort(areas, kind="stable")
    for i in np.flatnonzero(areas):
        larger = by_size[np.searchsorted(areas[by_size] * SMALLER, areas[i]) :]
        near = larger[_meet(boxes[larger], boxes[i])]
        for j in near:  # the smallest first
            if rle.intersection([masks.rles[i]], [masks.rles[j]])[0, 0] >= contained * areas[i]:
                parents[i] = j
                break
    return Tree(masks, parents, _depths(parents))


def _meet(boxes: NDArray[np.float32], box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which boxes overlap a box."""
    return np.asarray(((boxes[:, :2] < box[2:]) & (boxes[:, 2:] > box[:2])).all(axis=1))


def _depths(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many steps up each has."""
    depths = np.zeros(len(parents), np.int64)
    above = parents
    while (above >= 0).any():
        depths += above >= 0
        above = np.where(above >= 0, parents[above], -1)
    return depths


def flatten(masks: Masks, *, top: Literal["smaller", "better"] = "smaller") -> Labels:
    """Give every pixel to one mask: (H, W) int32, i + 1 for mask i, 0 where there is none.

    Where masks overlap the one of fewer pixels shows, so that parts lie on their wholes; with
    `top="better"` the one of the higher `Masks.quality`. Of equals the earlier. Masks are never decoded to
    full size. Raises InputError for another `top`.
    """
    if top not in ("smaller", "better"):
        raise InputError(f"top must be 'smaller' or 'better', got {top!r}. Choose one of them.")
    if top == "smaller":
        return label_map(masks.rles, masks.size)
    last_first = np.argsort(masks.quality[::-1], kind="stable")
    return label_map(masks.rles, masks.size, (len(masks) - 1 - last_first).tolist())
