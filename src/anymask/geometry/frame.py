"""The model's frame of an image: the one place that converts coordinates, pictures and masks.

Three frames. *Image*: original pixels, x right, y down, as all public values. *Model*: the network's
input, the image resized to `scaled_hw` in the corner (0, 0) of `padded_hw`, zeros to the right and below.
*Grid*: mask logits, one cell for 4 x 4 model pixels.
Source of the rules: "Segment Anything" (2023), released code, `ResizeLongestSide` and `postprocess_masks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from anymask.errors import InputError
from anymask.geometry import rle

__all__ = ["GRID_STRIDE", "Frame", "affine_xy", "inverse_affine"]

GRID_STRIDE = 4  # model pixels per side of a logit cell

Floats: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """How one image lies in a model's input. All sizes are (height, width)."""

    size_hw: tuple[int, int]
    """The original image."""
    scaled_hw: tuple[int, int]
    """The part of the model's input that the image fills."""
    padded_hw: tuple[int, int]
    """The model's input."""

    @classmethod
    def fit(cls, size_hw: tuple[int, int], longest: int, *, square: bool, multiple: int = 32) -> Frame:
        """Scale the longest side to `longest`; pad to longest x longest (`square`, SAM) or to a `multiple`.

        A side is rounded half up and is at least 1 pixel.
        """
        h, w = (int(side) for side in size_hw)
        assert min(h, w, longest) >= 1, "sizes are positive"
        scale = longest * 1.0 / max(h, w)
        scaled = (max(1, int(h * scale + 0.5)), max(1, int(w * scale + 0.5)))
        if square:
            return cls((h, w), scaled, (longest, longest))
        return cls(
            (h, w), scaled, (-(-scaled[0] // multiple) * multiple, -(-scaled[1] // multiple) * multiple)
        )

    @property
    def grid_hw(self) -> tuple[int, int]:
        """Size of the mask logits."""
        return self.padded_hw[0] // GRID_STRIDE, self.padded_hw[1] // GRID_STRIDE

    @property
    def content_hw(self) -> tuple[int, int]:
        """Rows and columns of mask logits that hold the image, not only padding."""
        return -(-self.scaled_hw[0] // GRID_STRIDE), -(-self.scaled_hw[1] // GRID_STRIDE)

    def _scale_xy(self) -> NDArray[np.float64]:
        """Model pixels per image pixel, for x and for y."""
        return np.array([self.scaled_hw[1] / self.size_hw[1], self.scaled_hw[0] / self.size_hw[0]])

    def to_model_xy(self, points: ArrayLike) -> Floats:
        """Points (N, 2) from image to model frame, float32. No half pixel is added."""
        return (np.asarray(points, np.float64).reshape(-1, 2) * self._scale_xy()).astype(np.float32)

    def to_image_xy(self, points: ArrayLike) -> Floats:
        """Points (N, 2) from model to image frame, float32: the inverse of `to_model_xy`."""
        return (np.asarray(points, np.float64).reshape(-1, 2) / self._scale_xy()).astype(np.float32)

    def to_model_box(self, boxes: ArrayLike) -> Floats:
        """Boxes xyxy, (4,) or (N, 4), from image to model frame, float32, in the shape given."""
        return self.to_model_xy(boxes).reshape(np.shape(boxes))

    def to_image_box(self, boxes: ArrayLike) -> Floats:
        """Boxes xyxy, (4,) or (N, 4), from model to image frame, float32, in the shape given."""
        return self.to_image_xy(boxes).reshape(np.shape(boxes))

    def resize(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Resize an image (H, W, 3) uint8 to `scaled_hw`, not padded.

        Pillow's bilinear filter, which averages when it shrinks: what SAM was trained and released with.
        """
        assert image.shape[:2] == self.size_hw, "the frame is another image's"
        if self.scaled_hw == self.size_hw:
            return image
        picture = Image.fromarray(np.ascontiguousarray(image))
        return np.asarray(picture.resize(self.scaled_hw[::-1], Image.Resampling.BILINEAR))

    def mask_to_grid(self, mask: NDArray[np.bool_]) -> Floats:
        """How much of each grid cell a mask (H, W) of the image covers: `grid_hw` float32 in [0, 1].

        Exact areas, from the integral image, which is bilinear between whole pixels. Padding is 0.
        """
        assert mask.shape == self.size_hw, "the frame is another image's"
        bits = (
            np.ascontiguousarray(mask, np.bool_).view(np.uint8) != 0
        )  # Pillow gives bools that are 255 inside
        total = cv2.integral(bits.view(np.uint8), sdepth=cv2.CV_32S)
        rows, row_part = _cell_edges(self.size_hw[0], self.scaled_hw[0], self.grid_hw[0])
        columns, column_part = _cell_edges(self.size_hw[1], self.scaled_hw[1], self.grid_hw[1])
        lines = total[rows] + row_part[:, None] * (total[rows + 1] - total[rows])
        corners = lines[:, columns] + column_part * (lines[:, columns + 1] - lines[:, columns])
        cell = GRID_STRIDE**2 / float(self._scale_xy().prod())
        coverage = np.diff(np.diff(corners, axis=0), axis=1) / cell
        return np.asarray(np.clip(coverage, 0.0, 1.0), np.float32)

    def logits_to_image(self, logits: Floats, size: tuple[int, int] | None = None) -> Floats:
        """Upsample logits (N, gh, gw) to the image: (N, H, W) float32, bilinear, pixel centres aligned.

        Cells that hold only padding take no part. With `size` the same view is sampled at another (H, W).
        """
        y, x = self._taps(size or self.size_hw)
        out = np.empty((len(logits), y.low.size, x.low.size), np.float32)
        for grid, full in zip(logits, out, strict=True):
            left = grid[:, x.low]
            lines = left + x.part * (grid[:, x.high] - left)
            rise = np.append(lines[1:] - lines[:-1], np.zeros_like(lines[:1]), axis=0)
            np.take(rise, y.low, axis=0, out=full, mode="clip")
            full *= y.part[:, None]
            full += lines[y.low]
        return out

    def logits_in(self, other: Frame, xy: tuple[int, int], logits: Floats) -> Floats:
        """Logits (gh, gw) of this frame as another sees them: `other.grid_hw`, bilinear between cells.

        `xy` is where the corner of the other's image lies in this one, in image pixels; it may be negative.
        Cells of the other beyond this grid repeat its edge.
        """
        ratio = self._scale_xy() / other._scale_xy()
        start = (GRID_STRIDE / 2 / other._scale_xy() + np.array(xy)) * self._scale_xy() / GRID_STRIDE - 0.5
        matrix = np.array([[ratio[0], 0.0, start[0]], [0.0, ratio[1], start[1]]])
        seen = cv2.warpAffine(
            np.ascontiguousarray(logits, np.float32),
            matrix,
            other.grid_hw[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(seen, np.float32)

    def cells_within(self, xyxy: Sequence[float]) -> NDArray[np.bool_]:
        """The grid cells whose middle lies in a box of image pixels, half open: `grid_hw` bool."""
        rows, columns = (
            (np.arange(cells) + 0.5) * GRID_STRIDE / scale
            for cells, scale in zip(self.grid_hw, self._scale_xy()[::-1], strict=True)
        )
        x0, y0, x1, y1 = xyxy
        return np.outer((rows >= y0) & (rows < y1), (columns >= x0) & (columns < x1))

    def contour_grid(self, logits: Floats) -> tuple[Floats, NDArray[np.float64], NDArray[np.float64]]:
        """The knots between which `logits_to_image` interpolates one mask's logits (gh, gw).

        Gives values (m, n) and where they lie in the image, x (n,) and y (m,): the centres of the cells, and
        the image's border, which the outermost knots lie on.
        """
        y, x = (_knots(self.scaled_hw[axis]) for axis in (0, 1))
        rows, columns = (_between(place, n) for place, n in zip((y, x), self.content_hw, strict=True))
        values = _mixed(_mixed(np.asarray(logits, np.float32), rows).T, columns).T
        across, down = self._scale_xy()
        return values, (x + 0.5) * GRID_STRIDE / across, (y + 0.5) * GRID_STRIDE / down

    def _taps(self, size: tuple[int, int], *, twice: bool = False) -> tuple[_Taps, _Taps]:
        """The interpolation tables of rows and columns."""
        cells = self.grid_hw if twice else (None, None)
        y, x = (_axis_taps(*axis) for axis in zip(size, self.scaled_hw, cells, strict=True))
        return y, x

    def masks_rle(self, logits: Floats, threshold: float = 0.0) -> list[rle.Runs]:
        """Runs of `logits_to_image(logits) > threshold`, bit for bit, without making the full-size masks.

        Between two neighbouring cells the interpolation is monotone along a column, so a column changes at
        most once there, and only where the two cells lie on different sides of the threshold.
        """
        y, x = self._taps(self.size_hw)
        grids = np.asarray(logits, np.float32)
        return [_line_runs(_lines(grid, threshold, y, x), threshold, y, x) for grid in grids]

    def masks_and_areas(
        self, logits: Floats, offset: float, *, twice: bool = False
    ) -> Iterator[tuple[int, int, Callable[[], rle.Runs]]]:
        """For each of the logits the pixels over `offset` and over -`offset`, and a call for the runs over 0.

        The same as `masks_rle` at the three thresholds, whose work they share. With `twice` logits are
        resized as by the released `postprocess_masks`: to `padded_hw`, which is cut to `scaled_hw` after it
        mixed with the padding, and from there to the image. That reads one cell beyond `content_hw`.
        """
        y, x = self._taps(self.size_hw, twice=twice)
        for grid in np.asarray(logits, np.float32):
            lines = _lines(grid, -offset, y, x)
            inner, outer = (_line_area(lines, bound, y) for bound in (offset, -offset))
            yield inner, outer, partial(_line_runs, lines, 0.0, y, x)


def affine_xy(points: ArrayLike, transform: Sequence[float]) -> NDArray[np.float64]:
    """Points (N, 2) moved by a, b, c, d, e, f: x' = a x + b y + c, y' = d x + e y + f, float64."""
    a, b, c, d, e, f = (float(value) for value in transform[:6])
    matrix = np.array([[a, d], [b, e]])
    return np.asarray(np.asarray(points, np.float64).reshape(-1, 2) @ matrix + (c, f))


def inverse_affine(transform: Sequence[float]) -> tuple[float, float, float, float, float, float]:
    """The transform that undoes `affine_xy`. Raises InputError where there is none."""
    values = np.asarray(list(transform)[:6], np.float64)
    a, b, c, d, e, f = values if values.size == 6 else np.full(6, np.nan)
    scale = a * e - b * d
    if not np.isfinite(values).all() or not scale:
        raise InputError(
            f"transform must be six numbers that do not flatten, got {tuple(transform)}. "
            "Give a, b, c, d, e, f as rasterio does."
        )
    a, b, d, e = e / scale, -b / scale, -d / scale, a / scale
    return float(a), float(b), float(-a * c - b * f), float(d), float(e), float(-d * c - e * f)


class _Between(NamedTuple):
    """Places on an axis between cells: value = v[low] + part * (v[high] - v[low])."""

    low: NDArray[np.intp]  # (n,)
    high: NDArray[np.intp]  # (n,)
    part: Floats  # (n,) in [0, 1]

    def some(self, places: slice) -> _Between:
        """A range of the places."""
        return _Between(self.low[places], self.high[places], self.part[places])


class _Taps(NamedTuple):
    """Where the pixels of one axis lie between knots: value = v[low] + part * (v[high] - v[low])."""

    low: NDArray[np.intp]  # (n,)
    high: NDArray[np.intp]  # (n,)
    part: Floats  # (n,) in [0, 1]
    first: NDArray[np.intp]  # (knots + 1,): the pixels with low == j are first[j] .. first[j + 1] - 1
    start: Floats  # (knots,) where the knots lie, in pixels from the first one's centre
    width: Floats  # (knots,) pixels to the next knot
    cells: _Between | None  # what the knots are made of, None where they are the cells themselves

    @property
    def used(self) -> int:
        """How many cells have part in a pixel."""
        return self.start.size if self.cells is None else int(self.cells.high[-1]) + 1

    def near(self, cells: tuple[int, int]) -> tuple[int, int]:
        """The range of knots that a range of cells has part in."""
        if self.cells is None:
            return cells
        low = self.cells.low
        return int(np.searchsorted(low, cells[0] - 1)), int(np.searchsorted(low, cells[1]))


@lru_cache(maxsize=64)
def _axis_taps(pixels: int, scaled: int, through: int | None = None) -> _Taps:
    """Tables for an axis of `pixels`, whose content fills `scaled` model pixels.

    Knots are the centres of cells; for a resize `through` the model's frame, of so many cells with padding,
    they are `_bends`.
    """
    centres = np.arange(-(-scaled // GRID_STRIDE), dtype=np.float64)
    knots = centres if through is None else _bends(scaled)
    cells = None if through is None else _between(knots, through)
    place = (np.arange(pixels) + 0.5) * (scaled / (GRID_STRIDE * pixels)) - 0.5
    low, high, part = _among(np.clip(place, knots[0], knots[-1]), knots)
    first = np.searchsorted(low, np.arange(knots.size + 1))
    start = ((knots + 0.5) * (GRID_STRIDE * pixels / scaled) - 0.5).astype(np.float32)
    width = np.diff(start, append=start[-1:])
    for table in (low, high, part, first, start, width, *(cells or ())):
        table.flags.writeable = False
    return _Taps(low, high, part, first, start, width, cells)


def _bends(scaled: int) -> NDArray[np.float64]:
    """Places on an axis, in cells, between which a resize through the model's frame is straight.

    It is straight between the frame's samples, and these lie on straight lines between cells. So it bends at
    two samples for each cell, the last before its centre and the first behind, and ends at the cut.
    """
    samples = np.arange(scaled)
    bends = samples[np.isin(samples % GRID_STRIDE, (1, 2)) | (samples == scaled - 1)]
    return np.asarray((bends + 0.5) / GRID_STRIDE - 0.5)


def _among(place: NDArray[np.float64], knots: NDArray[np.float64]) -> _Between:
    """The knots on both sides of places, which do not lie beyond, and the share of the way."""
    last, span = knots.size - 1, np.diff(knots, append=np.inf)
    low = np.minimum(np.searchsorted(knots, place, "right") - 1, max(last - 1, 0))
    part = ((place - knots[low]) / span[low]).astype(np.float32)
    moved = (part == 1) & (low < last - 1)  # rounded to the next knot
    return _Between(low + moved, np.minimum(low + moved + 1, last), np.where(moved, np.float32(0), part))


def _knots(scaled: int) -> NDArray[np.float64]:
    """Places on an axis, in cells, of the image's border and of the cells' centres between."""
    end = scaled / GRID_STRIDE - 0.5
    return np.array([-0.5, *np.arange(0, max(end, 0)), end])


def _between(place: NDArray[np.float64], cells: int) -> _Between:
    """The cells on both sides of places and the share of the way; the outermost cells hold beyond."""
    return _among(np.clip(place, 0, cells - 1), np.arange(cells, dtype=np.float64))


def _mixed(values: Floats, at: _Between) -> Floats:
    """Values (cells, n) of an axis's cells at places between them: (places, n)."""
    low = values.take(at.low, axis=0)
    return np.asarray(low + at.part[:, None] * (values.take(at.high, axis=0) - low), np.float32)


@lru_cache(maxsize=64)
def _cell_edges(pixels: int, scaled: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Edges of the cells of an axis in image pixels, (cells + 1,), as whole part and rest."""
    edges = np.minimum(np.arange(cells + 1) * GRID_STRIDE, scaled) * (pixels / scaled)
    whole = np.minimum(edges.astype(np.intp), pixels - 1)
    return whole, edges - whole


class _Lines(NamedTuple):
    """A mask's values where image columns meet the rows of knots: columns are straight between these."""

    x0: int  # the first column
    y0: int  # the first row of knots
    values: Floats  # (columns, rows of knots), two at least unless there is but one row


def _lines(grid: Floats, threshold: float, y: _Taps, x: _Taps) -> _Lines | None:
    """What may lie over a threshold, and over every higher one; None if nothing does."""
    held = _held_cells(grid[: y.used, : x.used], threshold)
    if held is None:
        return None
    (row0, row1), (column0, column1) = y.near(held[0]), x.near(held[1])
    # the pixels that take part of a held knot, and a row of knots that are not held above and below
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
    return _Lines(int(x0), y0, values)


def _at_knots(grid: Floats, y: _Taps, x: _Taps, rows: slice, columns: slice) -> Floats:
    """The values of a range of knots, (columns, rows)."""
    if y.cells is None or x.cells is None:
        return np.ascontiguousarray(grid[rows, columns].T)
    down, across = y.cells.some(rows), x.cells.some(columns)
    x0, x1 = across.low[0], across.high[-1] + 1
    lines = np.ascontiguousarray(_mixed(grid[:, x0:x1], down).T)
    return _mixed(lines, across._replace(low=across.low - x0, high=across.high - x0))


def _line_runs(lines: _Lines | None, threshold: float, y: _Taps, x: _Taps) -> rle.Runs:
    """Runs of one mask, see `Frame.masks_rle`."""
    height = y.low.size
    if lines is None:
        return rle.from_edges(np.zeros(0, np.int64), (height, x.low.size))
    edges = _edges(lines, threshold, y) + lines.x0 * height
    new = edges[1:] != edges[:-1]
    if not new.all():  # two changes at one pixel are none
        starts = np.flatnonzero(np.concatenate([[True], new, [True]]))
        edges = edges[starts[:-1][np.diff(starts) % 2 == 1]]
    return rle.from_edges(edges, (height, x.low.size))


def _line_area(lines: _Lines | None, threshold: float, y: _Taps) -> int:
    """The pixels over a threshold."""
    if lines is None:
        return 0
    edges = _edges(lines, threshold, y)
    return int(edges[1::2].sum() - edges[0::2].sum())


def _held_cells(grid: Floats, threshold: float) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The range of rows and of columns whose cells may lift a pixel over the threshold, None if none does."""
    # away from 0 the rounding of an interpolated value may pass its larger neighbour by a trifle
    slack = 1e-6 * (abs(threshold) + float(np.abs(grid).max())) if threshold else 0.0
    above = grid > np.float32(threshold - slack)
    x, y, w, h = cv2.boundingRect(above.view(np.uint8))
    return ((y, y + h), (x, x + w)) if w else None


def _edges(lines: _Lines, threshold: float, y: _Taps) -> NDArray[np.int64]:
    """Positions, column by column, at which the mask changes, ascending and even in number.

    The first column begins at 0, every one begins and ends outside the mask; a position may come repeatedly.
    """
    values = lines.values
    columns, knots = values.shape
    flat = np.zeros(columns * (knots + 1) + 1, np.bool_)
    bits = flat[1:].reshape(columns, knots + 1)  # the last of each column stays outside
    np.greater(values, threshold, out=bits[:, :-1])
    if knots > 1:  # pixels on the outermost row of knots, which rounding may move over the threshold
        bits[:, -2] = values[:, -2] + (values[:, -1] - values[:, -2]) > threshold
    changes = np.flatnonzero(flat[1:] != flat[:-1]).astype(np.int32)  # half the width, twice the speed
    column = changes // (knots + 1)
    place = changes - column * (knots + 1)
    row = np.where(place == 0, 0, y.low.size)
    between = np.flatnonzero((place > 0) & (place < knots))
    cell = changes.take(between) - column.take(between)
    base = values.ravel().take(cell - 1)
    rise = values.ravel().take(cell) - base
    wanted = flat[1:].take(changes.take(between))
    row[between] = _turns(base, rise, threshold, wanted, place.take(between) + (lines.y0 - 1), y)
    return np.asarray(column.astype(np.int64) * y.low.size + row, np.int64)


def _turns(
    base: Floats, rise: Floats, threshold: float, wanted: NDArray[np.bool_], gap: NDArray[np.int32], y: _Taps
) -> NDArray[np.intp]:
    """The first pixel of each gap between knots on the `wanted` side of the threshold, or the first after it.

    The pixel that the line's equation tells, then moved by what the pixels' own rounded values are.
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
