"""Masks as a tree of wholes, parts and subparts, and as a flat label map.

Automatic masks of an image overlap: a wheel, its car, the row of cars. `tree` orders them by containment,
`Tree.at` selects masks at a level of granularity, `flatten` assigns each pixel to one mask, and `cover`
assigns the remaining pixels.
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
from anymask.types.pieces import CONTAINED, SMALLER, meet

__all__ = ["Tree", "flatten", "tree"]


@dataclass(frozen=True, eq=False)
class Tree:
    """Masks ordered by containment: the parent of a mask is the smallest mask that contains it."""

    masks: Masks
    """All masks, in the original order."""
    parents: NDArray[np.int64]
    """(N,) index of each mask's parent, -1 for a top-level mask."""
    depths: NDArray[np.int64]
    """(N,) depth in the tree: 0 for a top-level mask, 1 for a part, 2 for a subpart, ..."""

    def children(self, index: int) -> NDArray[np.int64]:
        """Indices of the children of a mask; of the top-level masks for -1."""
        return np.flatnonzero(self.parents == index)

    def cut(self, granularity: float) -> NDArray[np.int64]:
        """Indices, ascending, of one mask on the path from each leaf mask up to its top-level mask.

        `granularity` 0 selects the top-level masks, 1 the leaf masks. In between, masks are selected at this
        share of the maximum depth below their top-level mask, or the leaf if it is less deep. No selected
        mask is a part of another, and a higher value never gives a coarser selection. Raises InputError
        outside 0 to 1.
        """
        if not 0 <= granularity <= 1:
            raise InputError(
                f"granularity must be 0 (top-level masks) to 1 (leaf masks), got {granularity}. "
                "Choose a value in between."
            )
        deepest = np.zeros(len(self.masks), np.int64)  # below each top-level mask
        roots = self._roots()
        np.maximum.at(deepest, roots, self.depths)
        level = np.ceil(granularity * deepest[roots] - 1e-9).astype(np.int64)
        inner = np.zeros(len(self.masks), np.bool_)
        inner[self.parents[self.parents >= 0]] = True
        return np.flatnonzero((self.depths == level) | ((self.depths < level) & ~inner))

    def at(self, granularity: float) -> Masks:
        """The masks of `cut`."""
        return self.masks[self.cut(granularity)]

    def down_to(self, granularity: float) -> Masks:
        """The masks of `cut` and all masks that contain them, so that the rest of a whole stays covered."""
        chosen = self.cut(granularity)
        kept = np.zeros(len(self.masks), np.bool_)
        while chosen.size:
            kept[chosen] = True
            chosen = self.parents[chosen]
            chosen = chosen[chosen >= 0]
        return self.masks[kept]

    def _roots(self) -> NDArray[np.int64]:
        """(N,) index of the top-level mask that each mask belongs to."""
        out = np.arange(len(self.masks))
        while (self.parents[out] >= 0).any():
            out = np.where(self.parents[out] >= 0, self.parents[out], out)
        return out


def tree(masks: Masks, *, contained: float = CONTAINED) -> Tree:
    """Order masks by containment; nothing is decoded.

    The parent of a mask is the smallest mask that contains the share `contained` of its pixels and is clearly
    larger (`SMALLER`). Near copies of a mask are therefore siblings; an empty mask is a top-level mask.
    Raises InputError unless `contained` is above 0.5 and at most 1.
    """
    if not 0.5 < contained <= 1:
        raise InputError(f"contained must be above 0.5 and at most 1, got {contained}. Omit it for 0.9.")
    parents = np.full(len(masks), -1, np.int64)
    areas, boxes = masks.areas, masks.boxes
    by_size = np.argsort(areas, kind="stable")
    for i in np.flatnonzero(areas):
        larger = by_size[np.searchsorted(areas[by_size] * SMALLER, areas[i]) :]
        near = larger[meet(boxes[larger], boxes[i])]
        for j in near:  # the smallest first
            if rle.intersection([masks.rles[i]], [masks.rles[j]])[0, 0] >= contained * areas[i]:
                parents[i] = j
                break
    return Tree(masks, parents, _depths(parents))


def _depths(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of ancestors of each mask."""
    depths = np.zeros(len(parents), np.int64)
    above = parents
    while (above >= 0).any():
        depths += above >= 0
        above = np.where(above >= 0, parents[above], -1)
    return depths


def flatten(masks: Masks, *, top: Literal["smaller", "better"] = "smaller") -> Labels:
    """Assign each pixel to one mask: (H, W) int32, i + 1 for mask i, 0 without a mask.

    Where masks overlap, the one with fewer pixels is on top, so that parts cover their whole; with
    `top="better"` the one of higher `Masks.quality`. Of equal masks the earlier is on top. Masks are not
    decoded to full size. Raises InputError for another `top`.
    """
    if top not in ("smaller", "better"):
        raise InputError(f"top must be 'smaller' or 'better', got {top!r}. Choose one of them.")
    if top == "smaller":
        return label_map(masks.rles, masks.size)
    last_first = np.argsort(masks.quality[::-1], kind="stable")
    return label_map(masks.rles, masks.size, (len(masks) - 1 - last_first).tolist())
