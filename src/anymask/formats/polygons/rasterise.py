"""Polygons to masks, pixel for pixel as the COCO API draws them (`maskApi`, function rleFrPoly).

The COCO API walks along every edge on a grid five times as fine and notes where it steps over the middle of a
column. Here those places are computed at once, for all edges of any number of polygons.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask import budget
from anymask.formats.polygons.rings import as_ring
from anymask.geometry import rle

__all__ = ["draw", "from_polygon", "from_polygons"]

_FINE = 5  # the grid is this much finer
_FARTHEST = 1e8  # corners farther away than this are moved to it, so that whole numbers stay exact
_MOST_EDGES = 1 << 20  # and columns crossed, of polygons that are drawn in one go


def from_polygons(polygons: Sequence[ArrayLike], size: tuple[int, int]) -> rle.Runs:
    """Runs of the union of polygons, each [x0, y0, x1, y1, ...] in pixels, in a mask of `size` (H, W)."""
    return rle.union([from_polygon(polygon, size) for polygon in polygons], size)


def from_polygon(polygon: ArrayLike, size: tuple[int, int]) -> rle.Runs:
    """Runs of one polygon [x0, y0, x1, y1, ...], even-odd inside. Raises FormatError below 3 corners."""
    ring = as_ring(polygon)
    return draw(ring, np.array([len(ring)]), size)[0]


def draw(corners: NDArray[np.float64], counts: NDArray[np.int64], size: tuple[int, int]) -> list[rle.Runs]:
    """Runs of each of many polygons in masks of `size` (H, W).

    corners: (N, 2) finite, those of all polygons in a row. counts: how many of them each polygon has, 1 or
    more.
    """
    ends = np.cumsum(counts)
    if not counts.size:
        return []
    work = np.cumsum(_work(corners, counts, size))
    parts = np.searchsorted(work, np.arange(0, work[-1], _MOST_EDGES), side="right")
    bounds = [*np.unique(parts).tolist(), counts.size]
    found: list[rle.Runs] = []
    for first, past in pairwise(bounds):
        start = int(ends[first] - counts[first])
        found += _draw(corners[start : ends[past - 1]], counts[first:past], size)
    return found


def _work(corners: NDArray[np.float64], counts: NDArray[np.int64], size: tuple[int, int]) -> NDArray[np.int64]:
    """For each polygon its edges and the columns that they cross. Raises FormatError beyond the budget."""
    budget.check("polygon", "corners", int(counts.max()))
    last = np.cumsum(counts) - 1
    x = np.clip(corners[:, 0], 0, size[1])
    after = np.append(x[1:], 0.0)
    after[last] = x[last - counts + 1]
    crossed = np.add.reduceat(np.abs(after - x), last - counts + 1)
    budget.check("columns crossed by a polygon", "corners", int(crossed.max()))
    budget.check("columns crossed by the polygons of an image", "crossings", int(crossed.sum()))
    return np.asarray(counts + crossed.astype(np.int64))


def _draw(corners: NDArray[np.float64], counts: NDArray[np.int64], size: tuple[int, int]) -> list[rle.Runs]:
    """`draw` for as many polygons as fit into memory."""
    fine = (np.clip(_FINE * corners + 0.5, -_FARTHEST, _FARTHEST)).astype(np.int64)
    last = np.cumsum(counts) - 1
    after = np.arange(1, len(fine) + 1)
    after[last] = last - counts + 1
    edge, column, row = _crossings(fine, fine[after], size)
    height, width = size
    reach = height * width + 1
    small = np.int32 if counts.size * reach < 1 << 31 else np.int64  # sorts twice as fast
    starts = np.arange(counts.size + 1) * reach
    places = (np.repeat(starts[:-1], counts)[edge] + column * height + row).astype(small)
    places.sort()
    return _runs(places[_odd(places)], starts, height * width)


def _odd(places: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of some ascending numbers to keep so that one is left of what is there an odd number of times."""
    new = np.ones(places.size + 1, np.bool_)
    np.not_equal(places[1:], places[:-1], out=new[1:-1])
    if new.all():
        return new[:-1]
    starts = np.flatnonzero(new)
    kept = np.zeros(places.size, np.bool_)
    kept[starts[:-1][np.diff(starts) % 2 == 1]] = True  # what is crossed twice is not crossed
    return kept


def _runs(places: NDArray[Any], starts: NDArray[np.int64], total: int) -> list[rle.Runs]:
    """Runs of masks of `total` pixels from the ascending places of changes, counted from its start."""
    bounds = np.searchsorted(places, starts)
    count = np.diff(bounds)
    ends = np.cumsum(count + 1)
    filled = np.empty(places.size + count.size, np.int64)
    filled[np.arange(places.size) + np.repeat(np.arange(count.size), count)] = places
    filled[ends - 1] = starts[:-1] + total
    runs = np.diff(filled, prepend=0)
    runs[ends[:-1]] = filled[ends[:-1]] - starts[1:-1]
    packed = runs.astype(np.uint32)
    found = [packed[a:b] for a, b in pairwise([0, *ends.tolist()])]
    return [one[:-1] if one.size > 1 and one[-1] == 0 else one for one in found]  # a change at the very end


_Crossings = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _crossings(start: NDArray[np.int64], end: NDArray[np.int64], size: tuple[int, int]) -> _Crossings:
    """Where edges (N, 2) on the fine grid step over the middles of columns: edge, column, first row below."""
    left, right = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    # the middle of column x lies between 5 x + 2 and 5 x + 3
    first = np.maximum((left + 2) // _FINE, 0)
    many = np.maximum(np.minimum((right - 3) // _FINE, size[1] - 1) + 1 - first, 0)
    way = end - start
    flat = np.abs(way[:, 0]) >= np.abs(way[:, 1])
    # an edge is drawn along its longer side, from the smaller coordinate on
    flip = (np.where(flat, way[:, 0], way[:, 1]) < 0)[:, None]
    low, way = np.where(flip, end, start), np.where(flip, -way, way)
    found = []
    for chosen, find in (
        (np.flatnonzero(flat & (many > 0)), _on_flat),
        (np.flatnonzero(~flat & (many > 0)), _on_steep),
    ):
        count = many[chosen]
        before = np.cumsum(count) - count
        column = np.arange(count.sum()) - np.repeat(before - first[chosen], count)
        row = find(low[chosen], way[chosen], column, count)
        found.append((np.repeat(chosen, count), column, row))
    edge, column, row = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return edge, column, np.clip((row + 2) // _FINE, 0, size[0])


def _on_flat(
    low: NDArray[np.int64], way: NDArray[np.int64], column: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The upper of the two fine rows where edges wider than high step over the middles of columns.

    low, way: (N, 2) start and extent of each edge. column: the columns, `count` for each edge in a row.
    """
    slope = np.repeat(way[:, 1] / np.maximum(way[:, 0], 1), count)
    before = _FINE * column + np.repeat(2 - low[:, 0], count)
    height = np.repeat(low[:, 1] + 0.5, count)
    rows = [(height + slope * step).astype(np.int64) for step in (before, before + 1)]
    return np.asarray(np.minimum(*rows))


def _on_steep(
    low: NDArray[np.int64], way: NDArray[np.int64], column: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`_on_flat` for edges that are higher than wide."""
    slope = np.repeat(way[:, 0] / way[:, 1], count)
    middle, base = (_FINE * column + 3).astype(np.float64), np.repeat(low[:, 0] + 0.5, count)
    rises = slope > 0

    def is_over(step: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((base + slope * step >= middle) == rises)

    step = np.ceil((middle - base) / slope).astype(np.int64)
    step -= is_over(step - 1)
    step += ~is_over(step)
    return np.asarray(np.repeat(low[:, 1] - 1, count) + step)
