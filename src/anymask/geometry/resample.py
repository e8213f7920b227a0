"""Bilinear upsampling of mask logits, thresholded exactly to run-length codes.

Interpolation is separable. The tables of an axis depend on its sizes only; they are cached and shared.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle

__all__ = [
    "GRID_STRIDE",
    "Between",
    "Lines",
    "Taps",
    "axis_taps",
    "cell_edges",
    "cells_around",
    "interpolate",
    "knots_of",
    "line_area",
    "line_runs",
    "lines_at_knots",
]

GRID_STRIDE = 4  # model pixels per side of a logit cell


Floats: TypeAlias = NDArray[np.float32]


class Between(NamedTuple):
    """Positions on an axis between cells: value = v[low] + part * (v[high] - v[low])."""

    low: NDArray[np.intp]  # (n,)
    high: NDArray[np.intp]  # (n,)
    part: Floats  # (n,) in [0, 1]

    def some(self, places: slice) -> Between:
        """A range of the positions."""
        return Between(self.low[places], self.high[places], self.part[places])


class Taps(NamedTuple):
    """Positions of the pixels of one axis between knots: value = v[low] + part * (v[high] - v[low])."""

    low: NDArray[np.intp]  # (n,)
    high: NDArray[np.intp]  # (n,)
    part: Floats  # (n,) in [0, 1]
    first: NDArray[np.intp]  # (knots + 1,): the pixels with low == j are first[j] .. first[j + 1] - 1
    start: Floats  # (knots,) positions of the knots, in pixels from the centre of the first pixel
    width: Floats  # (knots,) pixels to the next knot
    cells: Between | None  # the cells that the knots are interpolated from, None if they are the cells

    @property
    def used(self) -> int:
        """Number of cells that contribute to a pixel."""
        return self.start.size if self.cells is None else int(self.cells.high[-1]) + 1

    def near(self, cells: tuple[int, int]) -> tuple[int, int]:
        """The range of knots that a range of cells contributes to."""
        if self.cells is None:
            return cells
        low = self.cells.low
        return int(np.searchsorted(low, cells[0] - 1)), int(np.searchsorted(low, cells[1]))


@lru_cache(maxsize=64)
def axis_taps(pixels: int, scaled: int, through: int | None = None) -> Taps:
    """Interpolation tables for an axis of `pixels` image pixels that fill `scaled` model pixels.

    Knots are the cell centres. For a resize through the model's frame (`Frame.masks_and_areas`, `twice`),
    `through` is its number of cells with padding, and the knots are `_bends`.
    """
    centres = np.arange(-(-scaled // GRID_STRIDE), dtype=np.float64)
    knots = centres if through is None else _bends(scaled)
    cells = None if through is None else cells_around(knots, through)
    place = (np.arange(pixels) + 0.5) * (scaled / (GRID_STRIDE * pixels)) - 0.5
    low, high, part = _among(np.clip(place, knots[0], knots[-1]), knots)
    first = np.searchsorted(low, np.arange(knots.size + 1))
    start = ((knots + 0.5) * (GRID_STRIDE * pixels / scaled) - 0.5).astype(np.float32)
    width = np.diff(start, append=start[-1:])
    for table in (low, high, part, first, start, width, *(cells or ())):
        table.flags.writeable = False
    return Taps(low, high, part, first, start, width, cells)


def _bends(scaled: int) -> NDArray[np.float64]:
    """Positions on an axis, in cells, between which a resize through the model's frame is linear.

    It is linear between the pixels of the model's frame, and these lie on straight lines between cell
    centres. So its slope changes at two pixels for each cell, the last before its centre and the first
    behind, and it ends at the image border.
    """
    samples = np.arange(scaled)
    bends = samples[np.isin(samples % GRID_STRIDE, (1, 2)) | (samples == scaled - 1)]
    return np.asarray((bends + 0.5) / GRID_STRIDE - 0.5)


def _among(place: NDArray[np.float64], knots: NDArray[np.float64]) -> Between:
    """The knots on both sides of positions within their range, and the fraction in between."""
    last, span = knots.size - 1, np.diff(knots, append=np.inf)
    low = np.minimum(np.searchsorted(knots, place, "right") - 1, max(last - 1, 0))
    part = ((place - knots[low]) / span[low]).astype(np.float32)
    moved = (part == 1) & (low < last - 1)  # rounded to the next knot
    return Between(low + moved, np.minimum(low + moved + 1, last), np.where(moved, np.float32(0), part))


def knots_of(scaled: int) -> NDArray[np.float64]:
    """Positions on an axis, in cells: the image borders and the cell centres in between."""
    end = scaled / GRID_STRIDE - 0.5
    return np.array([-0.5, *np.arange(0, max(end, 0)), end])


def cells_around(place: NDArray[np.float64], cells: int) -> Between:
    """The cells on both sides of positions and the fraction in between; outside, the outermost cells."""
    return _among(np.clip(place, 0, cells - 1), np.arange(cells, dtype=np.float64))


def interpolate(values: Floats, at: Between) -> Floats:
    """Interpolate values (cells, n) of the cells of an axis at positions between them: (positions, n)."""
    low = values.take(at.low, axis=0)
    return np.asarray(low + at.part[:, None] * (values.take(at.high, axis=0) - low), np.float32)


@lru_cache(maxsize=64)
def cell_edges(pixels: int, scaled: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Edges of the cells of an axis in image pixels, (cells + 1,), as integer and fractional part."""
    edges = np.minimum(np.arange(cells + 1) * GRID_STRIDE, scaled) * (pixels / scaled)
    whole = np.minimum(edges.astype(np.intp), pixels - 1)
    return whole, edges - whole


class Lines(NamedTuple):
    """A mask's values at image columns and rows of knots; along a column they are linear in between."""

    x0: int  # the first column
    y0: int  # the first row of knots
    values: Floats  # (columns, rows of knots); at least two rows unless the axis has only one


def lines_at_knots(grid: Floats, threshold: float, y: Taps, x: Taps) -> Lines | None:
    """The columns that may exceed a threshold, usable for any higher one too; None if there are none."""
    held = _held_cells(grid[: y.used, : x.used], threshold)
    if held is None:
        return None
    (row0, row1), (column0, column1) = y.near(held[0]), x.near(held[1])
    # the pixels next to a knot above the threshold, and one more row of knots above and below
    x0, x1 = x.first[max(column0 - 1, 0)], x.first[column1]
    y0, y1 = max(row0 - 1, 0), min(row1 + 1, y.first.size - 1)
    if x1 <= x0:
        return None
    first, last = int(x.low[x0]), int(x.high[x1 - 1])
    knots = _at_knots(grid, y, x, slice(y0, y1), slice(first, last + 1))
    rise = np.append(knots[1:] - knots[:-1], np.zeros_like(knots[:1]), axis=0)
    values = rise.take(x.low[x0:x1] - first, axis=0, mode="clip")  # (pixels along x, knots along y)
    values *= x.part[x0:x1, None]
    values += knots.take(x.low[x0:x1] - first, axis=0, mode="clip")
    return Lines(int(x0), y0, values)


def _at_knots(grid: Floats, y: Taps, x: Taps, rows: slice, columns: slice) -> Floats:
    """Values of a range of knots, (columns, rows)."""
    if y.cells is None or x.cells is None:
        return np.ascontiguousarray(grid[rows, columns].T)
    down, across = y.cells.some(rows), x.cells.some(columns)
    x0, x1 = across.low[0], across.high[-1] + 1
    lines = np.ascontiguousarray(interpolate(grid[:, x0:x1], down).T)
    return interpolate(lines, across._replace(low=across.low - x0, high=across.high - x0))


def line_runs(lines: Lines | None, threshold: float, y: Taps, x: Taps) -> rle.Runs:
    """Run-length code of one mask, see `Frame.masks_rle`."""
    height = y.low.size
    if lines is None:
        return rle.from_edges(np.zeros(0, np.int64), (height, x.low.size))
    edges = _edges(lines, threshold, y) + lines.x0 * height
    new = edges[1:] != edges[:-1]
    if not new.all():  # two changes at one pixel cancel out
        starts = np.flatnonzero(np.concatenate([[True], new, [True]]))
        edges = edges[starts[:-1][np.diff(starts) % 2 == 1]]
    return rle.from_edges(edges, (height, x.low.size))


def line_area(lines: Lines | None, threshold: float, y: Taps) -> int:
    """Number of pixels above a threshold."""
    if lines is None:
        return 0
    edges = _edges(lines, threshold, y)
    return int(edges[1::2].sum() - edges[0::2].sum())


def _held_cells(grid: Floats, threshold: float) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Range of rows and of columns whose cells may lift a pixel above the threshold, None if none does."""
    # away from 0, rounding can make an interpolated value slightly larger than its larger neighbour
    slack = 1e-6 * (abs(threshold) + float(np.abs(grid).max())) if threshold else 0.0
    above = grid > np.float32(threshold - slack)
    x, y, w, h = cv2.boundingRect(above.view(np.uint8))
    return ((y, y + h), (x, x + w)) if w else None


def _edges(lines: Lines, threshold: float, y: Taps) -> NDArray[np.int64]:
    """Positions, column by column, at which the mask changes: ascending, an even number of them.

    The first column begins at 0; each column begins and ends outside the mask; positions may repeat.
    """
    values = lines.values
    columns, knots = values.shape
    flat = np.zeros(columns * (knots + 1) + 1, np.bool_)
    bits = flat[1:].reshape(columns, knots + 1)  # the last of each column stays False
    np.greater(values, threshold, out=bits[:, :-1])
    if knots > 1:  # pixels on the outermost row of knots, which rounding may move above the threshold
        bits[:, -2] = values[:, -2] + (values[:, -1] - values[:, -2]) > threshold
    changes = np.flatnonzero(flat[1:] != flat[:-1]).astype(np.int32)  # twice as fast as int64
    column = changes // (knots + 1)
    place = changes - column * (knots + 1)
    row = np.where(place == 0, 0, y.low.size)
    between = np.flatnonzero((place > 0) & (place < knots))
    cell = changes.take(between) - column.take(between)
    base = values.ravel().take(cell - 1)
    rise = values.ravel().take(cell) - base
    wanted = flat[1:].take(changes.take(between))
    row[between] = _crossings(base, rise, threshold, wanted, place.take(between) + (lines.y0 - 1), y)
    return np.asarray(column.astype(np.int64) * y.low.size + row, np.int64)


def _crossings(
    base: Floats, rise: Floats, threshold: float, wanted: NDArray[np.bool_], gap: NDArray[np.int32], y: Taps
) -> NDArray[np.intp]:
    """The first pixel of each gap between knots that lies on the wanted side of the threshold, (n,).

    If no pixel of the gap does, the first one behind it. The line's equation gives an estimate, which is then
    corrected by the rounded values of the pixels.

    base: (n,) values at the knots before the gaps.
    rise: (n,) change of the value over each gap.
    threshold: the threshold.
    wanted: (n,) True for values above the threshold.
    gap: (n,) number of the knot before each gap.
    y: tables of the vertical axis.
    """
    low, high = y.first.take(gap), y.first.take(gap + 1)
    with np.errstate(all="ignore"):  # logits may be infinite
        guess = np.ceil(y.start.take(gap) + y.width.take(gap) * ((threshold - base) / rise))
        at = np.clip(np.nan_to_num(guess).astype(np.intp), low, high)
        while True:
            here, before = (base + y.part.take(it, mode="clip") * rise > threshold for it in (at, at - 1))
            late = (at < high) & (here != wanted)
            early = (at > low) & (before == wanted) & ~late
            if not (late.any() or early.any()):
                return np.asarray(at)
            at += late
            at -= early
