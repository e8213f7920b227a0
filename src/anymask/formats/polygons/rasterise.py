"""Polygons to masks, pixel for pixel as the COCO API draws them (`maskApi`, function rleFrPoly).

The COCO API walks along every edge on a grid five times as fine and notes where it steps over the middle of a
column. Along an edge these places lie on a line, so that they are computed for all edges of many polygons at
once. Only where the line meets the boundary of a pixel, so that rounding decides, the walk's own steps are
repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.files import budget
from anymask.formats.polygons.rings import as_ring
from anymask.geometry import rle

__all__ = ["draw", "from_polygon", "from_polygons"]

Whole: TypeAlias = NDArray[np.int32]

_FINE = 5  # the grid is this much finer
_FARTHEST = 1e8  # corners farther away than this are moved to it, so that whole numbers stay exact
_MOST_CROSSINGS = 1 << 16  # of polygons that are drawn in one go, so that they stay in the cache
_NEAR = 1e-6  # pixels; a row this near to a whole number is computed exactly


def from_polygons(polygons: Sequence[ArrayLike], size: tuple[int, int]) -> rle.Runs:
    """Runs of the union of polygons, each [x0, y0, x1, y1, ...] in pixels, in a mask of `size` (H, W)."""
    return rle.union([from_polygon(polygon, size) for polygon in polygons], size)


def from_polygon(polygon: ArrayLike, size: tuple[int, int]) -> rle.Runs:
    """Runs of one polygon [x0, y0, x1, y1, ...], even-odd inside. Raises FormatError below 3 corners."""
    ring = as_ring(polygon)
    return draw(ring, np.array([len(ring)]), size)[0]


def draw(corners: NDArray[np.float64], counts: NDArray[np.int64], size: tuple[int, int]) -> list[rle.Runs]:
    """Runs of each of many polygons in masks of `size` (H, W). Raises FormatError beyond the budget.

    corners: (N, 2) finite, those of all polygons in a row. counts: how many of them each polygon has, 1 or
    more.
    """
    if not counts.size:
        return []
    budget.check("polygon", "corners", int(counts.max()))
    edges = _edges(corners, counts, size)
    crossed = np.bincount(edges.polygon, edges.many, counts.size).astype(np.int64)
    budget.check("columns crossed by a polygon", "corners", int(crossed.max()))
    crossings = np.cumsum(crossed)
    bounds = [0, *(np.flatnonzero(np.diff(crossings // _MOST_CROSSINGS)) + 1).tolist(), counts.size]
    found: list[rle.Runs] = []
    for first, past in pairwise(bounds):
        start, end = np.searchsorted(edges.polygon, (first, past))
        found += _draw(edges.part(start, end), first, past - first, size)
    return found


@dataclass(frozen=True)
class _Edges:
    """Edges that step over the middle of a column, in the order of their polygons."""

    polygon: NDArray[np.int64]
    first: NDArray[np.int64]
    """The first column."""
    many: NDArray[np.int64]
    """The number of columns."""
    x: Whole
    """The end, on the fine grid, from which an edge is drawn: that of the smaller coordinate along its longer
    side."""
    y: Whole
    dx: Whole
    """Its extent from there."""
    dy: Whole
    is_flat: NDArray[np.bool_]
    """Whether it is at least as wide as high."""

    def part(self, start: int, end: int) -> _Edges:
        return _Edges(*(getattr(self, one.name)[start:end] for one in fields(self)))


def _edges(corners: NDArray[np.float64], counts: NDArray[np.int64], size: tuple[int, int]) -> _Edges:
    fine = np.clip(_FINE * corners + 0.5, -_FARTHEST, _FARTHEST).astype(np.int32)
    last = np.cumsum(counts) - 1
    after = np.arange(1, len(fine) + 1)
    after[last] = last - counts + 1
    x0, y0 = np.ascontiguousarray(fine.T)
    x1, y1 = x0[after], y0[after]
    # the middle of column x lies between 5 x + 2 and 5 x + 3
    first = np.maximum((np.minimum(x0, x1) + 2) // _FINE, 0)
    past = np.minimum((np.maximum(x0, x1) + 2) // _FINE, size[1])
    some = np.flatnonzero(past > first)
    first, x0, y0, x1, y1 = first[some], x0[some], y0[some], x1[some], y1[some]
    dx, dy = x1 - x0, y1 - y0
    flat = np.abs(dx) >= np.abs(dy)
    flip = np.where(flat, dx, dy) < 0
    return _Edges(
        np.repeat(np.arange(counts.size), counts)[some],
        first,
        past[some] - first,
        np.where(flip, x1, x0),
        np.where(flip, y1, y0),
        np.where(flip, -dx, dx),
        np.where(flip, -dy, dy),
        flat,
    )


def _draw(edges: _Edges, first: int, count: int, size: tuple[int, int]) -> list[rle.Runs]:
    """Runs of `count` polygons from the number `first` on."""
    height, width = size
    reach = height * width + 1
    ends = np.cumsum(edges.many)
    before = ends - edges.many
    total = int(ends[-1]) if ends.size else 0
    small = np.int32 if max(count * reach, total * height) < 1 << 31 else np.int64  # sorts twice as fast
    places = np.arange(0, total * height, height, dtype=small) if total else np.zeros(0, small)
    places += np.repeat(
        ((edges.polygon - first) * reach + height * (edges.first - before)).astype(small), edges.many
    )
    places += _rows(edges, before, total, height)
    starts = np.arange(count + 1) * reach
    of_each = np.searchsorted(edges.polygon, np.arange(first, first + count + 1))
    for start, end in pairwise(np.append(before, total)[of_each].tolist()):
        places[start:end].sort()  # parts of some hundred numbers sort ten times as fast as all at once
    return _runs(_odd(places), starts, height * width)


def _rows(edges: _Edges, before: NDArray[np.int64], total: int, height: int) -> NDArray[np.int32]:
    """The first row below each place where edges step over the middle of a column, from 0 to the height.

    It is the whole part of a number that grows by the edge's slope from column to column.
    """
    slope = edges.dy / edges.dx
    middle = _FINE * edges.first + 2 - edges.x
    start = np.where(edges.is_flat, 0.5 + slope * (middle + (slope < 0)), slope * (middle + 0.5))
    start = (start + (edges.y + 2)) / _FINE - slope * before + _NEAR
    row = np.repeat(slope, edges.many)
    row *= np.arange(total, dtype=np.float64)
    row += np.repeat(start, edges.many)
    whole = row.astype(np.int32)
    row -= 2 * _NEAR
    unsure = row.astype(np.int32) != whole
    steep = np.abs(slope) * total > 1e8
    if steep.any():  # a sum of this size is not exact enough
        unsure |= np.repeat(steep, edges.many)
    at = np.flatnonzero(unsure)
    if at.size:
        edge = np.searchsorted(before, at, side="right") - 1
        exact = _walked(edges, edge, edges.first[edge] + at - before[edge])
        whole[at] = (exact + 2) // _FINE
    return np.clip(whole, 0, height, out=whole)


def _walked(edges: _Edges, edge: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.int64]:
    """The upper of the two fine rows where edges step over the middles of columns, by the walk's sums.

    edge: the number of each edge; column: of each column.
    """
    found = np.empty(column.size, np.int64)
    flat = edges.is_flat[edge]
    for chosen, find in ((flat, _on_flat), (~flat, _on_steep)):
        some = edge[chosen]
        found[chosen] = find(edges.x[some], edges.y[some], edges.dx[some], edges.dy[some], column[chosen])
    return found


def _on_flat(x: Whole, y: Whole, dx: Whole, dy: Whole, column: NDArray[np.int64]) -> NDArray[np.int64]:
    """`_walked` for edges wider than high."""
    slope, before = dy / dx, _FINE * column + 2 - x
    rows = [(y + slope * step + 0.5).astype(np.int64) for step in (before, before + 1)]
    return np.asarray(np.minimum(*rows))


def _on_steep(x: Whole, y: Whole, dx: Whole, dy: Whole, column: NDArray[np.int64]) -> NDArray[np.int64]:
    """`_walked` for edges higher than wide."""
    slope = dx / dy
    middle = (_FINE * column + 3).astype(np.float64)
    rises = slope > 0

    def is_over(step: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((x + slope * step + 0.5 >= middle) == rises)

    step = np.ceil((middle - 0.5 - x) / slope).astype(np.int64)
    step -= is_over(step - 1)
    step += ~is_over(step)
    return np.asarray(y - 1 + step)


def _odd(places: NDArray[Any]) -> NDArray[Any]:
    """Of each number among some ascending ones one if it is there an odd number of times, else none."""
    twice = np.flatnonzero(places[1:] == places[:-1])
    if not twice.size:
        return places
    is_first = np.diff(twice, prepend=-2) > 1  # of several after one another: the same number
    since = np.maximum.accumulate(np.where(is_first, np.arange(twice.size), 0))
    pairs = twice[(np.arange(twice.size) - since) % 2 == 0]  # what is crossed twice is not crossed
    kept = np.ones(places.size, np.bool_)
    kept[pairs] = kept[pairs + 1] = False
    return np.asarray(places[kept])


def _runs(places: NDArray[Any], starts: NDArray[np.int64], total: int) -> list[rle.Runs]:
    """Runs of masks of `total` pixels from the ascending places of changes, counted from its start."""
    bounds = np.searchsorted(places, starts.astype(places.dtype))
    filled = np.insert(places, bounds[1:], (starts[:-1] + total).astype(places.dtype))
    bounds += np.arange(bounds.size)
    runs = np.empty(filled.size, np.uint32)
    np.subtract(filled[1:], filled[:-1], out=runs[1:], casting="unsafe")
    runs[bounds[:-1]] = filled[bounds[:-1]] - starts[:-1]
    runs.flags.writeable = False
    ends = bounds[1:] - ((runs[bounds[1:] - 1] == 0) & (np.diff(bounds) > 1))  # a change at the very end
    return [runs[a:b] for a, b in zip(bounds[:-1].tolist(), ends.tolist(), strict=True)]
