"""Polygons to masks, pixel for pixel as the COCO API draws them (`maskApi`, function rleFrPoly)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.formats.polygons.rings import as_ring
from anymask.geometry import rle

__all__ = ["from_polygon", "from_polygons"]

_FINE = 5  # the outline is drawn on a grid this much finer


def from_polygons(polygons: Sequence[ArrayLike], size: tuple[int, int]) -> rle.Runs:
    """Runs of the union of polygons, each [x0, y0, x1, y1, ...] in pixels, in a mask of `size` (H, W)."""
    return rle.union([from_polygon(polygon, size) for polygon in polygons], size)


def from_polygon(polygon: ArrayLike, size: tuple[int, int]) -> rle.Runs:
    """Runs of one polygon [x0, y0, x1, y1, ...], even-odd inside. Raises FormatError below 3 corners."""
    h, w = size
    u, v = _outline((_FINE * as_ring(polygon) + 0.5).astype(np.int64))
    x, y = _crossings(u, v, h, w)
    edges = np.sort(x * h + y)
    where, times = np.unique(edges, return_counts=True)  # what is crossed twice is not crossed
    return rle.from_edges(where[times % 2 == 1], size)


def _outline(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All points (u, v) of the closed outline on the fine grid, each edge with both its ends."""
    start, end = corners, np.roll(corners, -1, axis=0)
    span = np.abs(end - start)
    flat = span[:, 0] >= span[:, 1]
    # an edge is drawn along its longer side, from the smaller coordinate on
    flip = np.where(flat, start[:, 0] > end[:, 0], start[:, 1] > end[:, 1])
    low = np.where(flip[:, None], end, start)
    high = np.where(flip[:, None], start, end)
    steps = span.max(axis=1)
    rise = np.where(flat, (high - low)[:, 1], (high - low)[:, 0]) / np.maximum(steps, 1)
    edge = np.repeat(np.arange(len(corners)), steps + 1)
    place = np.arange(edge.size) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    t = np.where(flip[edge], steps[edge] - place, place)
    along = np.where(flat, low[:, 0], low[:, 1])[edge] + t
    across = (np.where(flat, low[:, 1], low[:, 0])[edge] + rise[edge] * t + 0.5).astype(np.int64)
    return np.where(flat[edge], along, across), np.where(flat[edge], across, along)


def _crossings(
    u: NDArray[np.int64], v: NDArray[np.int64], h: int, w: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the outline crosses the middle of a column: the column, and the first row below."""
    moved = np.flatnonzero(np.diff(u)) + 1
    before, after = moved - 1, moved
    back = u[after] < u[before]
    x = (np.where(back, u[after], u[after] - 1) + 0.5) / _FINE - 0.5
    y = (np.where(v[after] < v[before], v[after], v[before]) + 0.5) / _FINE - 0.5
    inside = (np.floor(x) == x) & (x >= 0) & (x <= w - 1)
    rows = np.ceil(np.clip(y[inside], 0, h))
    return x[inside].astype(np.int64), rows.astype(np.int64)
