"""Areas, boxes, centres and convex hulls of many masks of one image, from their run lengths alone.

A mask is the union of its pixels' squares: its hull holds the corners of its pixels, so a filled rectangle is
its own hull. All masks are processed together; nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry.rle import Runs

__all__ = ["Shapes", "shapes_of"]

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shapes:
    """Measures of the masks of an image; those of an empty mask are 0."""

    areas: Floats
    """(N,) pixels."""
    boxes: Ints
    """(N, 4) half-open x0, y0, x1, y1, pixels."""
    centres: Floats
    """(N, 2) centres of mass xy, pixels."""
    hull_areas: Floats
    """(N,) pixels."""

    @property
    def concavity(self) -> Floats:
        """(N,) 1 - area / area of the convex hull (SAM, section 5); 0 for empty masks."""
        return 1 - np.divide(self.areas, self.hull_areas, out=np.ones_like(self.areas), where=self.areas > 0)

    def touching(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """(N,) whether a mask touches the edge of an image of this size (H, W)."""
        x0, y0, x1, y1 = self.boxes.T
        edge: NDArray[np.bool_] = (self.areas > 0) & (
            (x0 == 0) | (y0 == 0) | (x1 == size[1]) | (y1 == size[0])
        )
        return edge


def shapes_of(many: Sequence[Runs], size: tuple[int, int]) -> Shapes:
    """Measure masks of an image of `size` (H, W)."""
    count = len(many)
    spans = _spans(many, size)
    if spans.mask.size == 0:
        zeros = np.zeros(count)
        return Shapes(zeros, np.zeros((count, 4), np.int64), np.zeros((count, 2)), zeros)
    length = spans.bottom - spans.top
    areas = np.bincount(spans.mask, length, count).astype(np.float64)
    x = np.bincount(spans.mask, length * (spans.column + 0.5), count)
    y = np.bincount(spans.mask, length * (spans.top + spans.bottom) / 2, count)
    columns = _columns(spans)
    centres = np.stack([x, y], axis=1) / np.maximum(areas, 1)[:, None]
    return Shapes(areas, _boxes(columns, count), centres, _hull_areas(columns, count))


@dataclass(frozen=True, eq=False)
class _Spans:
    """Vertical spans of pixels, sorted by mask, column and row: half-open rows `top` to `bottom`."""

    mask: Ints
    column: Ints
    top: Ints
    bottom: Ints


def _spans(many: Sequence[Runs], size: tuple[int, int]) -> _Spans:
    """The runs of ones of all masks, split at the ends of columns."""
    h, total = size[0], size[0] * size[1]
    pad = np.zeros(1, np.uint32)
    parts = [part for runs in many for part in ((runs, pad) if runs.size % 2 else (runs,))]
    ends = np.cumsum(np.concatenate(parts) if parts else pad[:0], dtype=np.int64)
    mask = np.repeat(np.arange(len(many)), [(runs.size + 1) // 2 for runs in many])
    start, end = ends[0::2] - mask * total, ends[1::2] - mask * total
    some = end > start
    start, end, mask = start[some], end[some], mask[some]
    first, last = start // max(h, 1), (end - 1) // max(h, 1)
    if (first == last).all():
        return _Spans(mask, first, start - first * h, end - first * h)
    columns = last - first + 1
    run = np.repeat(np.arange(columns.size), columns)
    column = first[run] + np.arange(run.size) - np.repeat(np.cumsum(columns) - columns, columns)
    top = np.maximum(start[run] - column * h, 0)
    return _Spans(mask[run], column, top, np.minimum(end[run] - column * h, h))


def _columns(spans: _Spans) -> _Spans:
    """One span for each column of each mask: from its first pixel to its last."""
    new = np.flatnonzero(_changes(spans.mask, spans.column))
    final = np.append(new[1:], spans.mask.size) - 1
    return _Spans(spans.mask[new], spans.column[new], spans.top[new], spans.bottom[final])


def _changes(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """Where one of the keys differs from its predecessor, the first place included."""
    out = np.ones(keys[0].size, np.bool_)
    if out.size:
        out[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return out


def _boxes(columns: _Spans, count: int) -> Ints:
    new = np.flatnonzero(_changes(columns.mask))
    final = np.append(new[1:], columns.mask.size) - 1
    boxes = np.zeros((count, 4), np.int64)
    tops, bottoms = np.minimum.reduceat(columns.top, new), np.maximum.reduceat(columns.bottom, new)
    boxes[columns.mask[new]] = np.stack(
        [columns.column[new], tops, columns.column[final] + 1, bottoms], axis=1
    )
    return boxes


def _hull_areas(columns: _Spans, count: int) -> Floats:
    """The areas between the lower and the upper chain of each hull."""
    lower = _under_chain(columns.mask, columns.column, columns.bottom, count)
    upper = _under_chain(columns.mask, columns.column, -columns.top, count)
    return lower + upper


def _under_chain(mask: Ints, column: Ints, height: Ints, count: int) -> Floats:
    """(N,) integral of the least concave function over the tops of bars, one chain for each mask.

    mask, column: sorted, of each bar, which is one pixel wide. height: of each bar.
    """
    owner = np.repeat(mask, 2)
    x = np.stack([column, column + 1], axis=1).ravel()
    y = np.repeat(height, 2)
    new = np.flatnonzero(_changes(owner, x))  # neighbours share a corner: the higher one counts
    owner, x, y = owner[new], x[new], np.maximum.reduceat(y, new)
    while True:
        keep = _convex(owner, x, y)
        if keep.all():
            break
        owner, x, y = owner[keep], x[keep], y[keep]
    same = owner[1:] == owner[:-1]
    step = np.where(same, (x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2, 0.0)
    return np.bincount(owner[1:], step, count).astype(np.float64)


def _convex(owner: Ints, x: Ints, y: Ints) -> NDArray[np.bool_]:
    """Which points may be corners: the first and last of a chain, and those above their two neighbours.

    A corner of the hull lies above every line between points on its two sides, so none is ever lost.
    """
    keep = np.ones(x.size, np.bool_)
    dx, dy = np.diff(x), np.diff(y)
    inner = (owner[2:] == owner[:-2]) & (dy[:-1] * dx[1:] <= dy[1:] * dx[:-1])
    keep[1:-1] = ~inner
    return keep
