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

from anymask import rle
from anymask.errors import InputError

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
        values = np.asarray(logits, np.float32)
        for axis, (low, high, part) in enumerate((_between(y), _between(x))):
            values = np.moveaxis(values, axis, -1)
            values = np.moveaxis(values[..., low] + part * (values[..., high] - values[..., low]), -1, axis)
        across, down = self._scale_xy()
        return values, (x + 0.5) * GRID_STRIDE / across, (y + 0.5) * GRID_STRIDE / down

    def _taps(self, size: tuple[int, int]) -> tuple[_Taps, _Taps]:
        """The interpolation tables of rows and columns."""
        return _axis_taps(size[0], self.scaled_hw[0]), _axis_taps(size[1], self.scaled_hw[1])

    def masks_rle(self, logits: Floats, threshold: float = 0.0) -> list[rle.Runs]:
        """Runs of `logits_to_image(logits) > threshold`, bit for bit, without making the full-size masks.

        Between two neighbouring cells the interpolation is monotone along a column, so a column changes at
        most once there, and only where the two cells lie on different sides of the threshold.
        """
        y, x = self._taps(self.size_hw)
        grids = np.asarray(logits, np.float32)
        return [_line_runs(_lines(grid, threshold, y, x), threshold, y, x) for grid in grids]

    def masks_and_areas(
        self, logits: Floats, offset: float
    ) -> Iterator[tuple[int, int, Callable[[], rle.Runs]]]:
        """For each of the logits the pixels over `offset` and over -`offset`, and a call for the runs over 0.

        The same as `masks_rle` at the three thresholds, whose work they share.
        """
        y, x = self._taps(self.size_hw)
        for grid in np.asarray(logits, np.float32):
            lines = _lines(grid, -offset, y, x)
            inner, outer = (_line_area(lines, bound, y) for bound in (offset, -offset))
            yield inner, outer, partial(_line_runs, lines, 0.0, y, x)

    def masks_rle_twice(self, logits: Floats, threshold: float = 0.0) -> list[rle.Runs]:
        """Runs of logits resized as by the released `postprocess_masks`: to `padded_hw`, then to the image.

        The cut between is after a resize that saw the padding, so that the last rows and columns mix with it.
        """
        (h, w), whole, full = self.scaled_hw, self.padded_hw[::-1], self.size_hw[::-1]
        frames = (cv2.resize(np.ascontiguousarray(grid), whole)[:h, :w] for grid in logits)
        return [rle.encode(cv2.resize(frame, full) > threshold) for frame in frames]


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


class _Taps(NamedTuple):
    """Where the pixels of one axis lie between cells: value = v[low] + part * (v[high] - v[low])."""

    low: NDArray[np.intp]  # (n,)
    high: NDArray[np.intp]  # (n,)
    part: Floats  # (n,) in [0, 1]
    first: NDArray[np.intp]  # (cells + 1,): the pixels with low == j are first[j] .. first[j + 1] - 1
    step: float  # pixels per cell


@lru_cache(maxsize=64)
def _axis_taps(pixels: int, scaled: int) -> _Taps:
    """Tables for an axis of `pixels`, whose content fills `scaled` model pixels."""
    cells = -(-scaled // GRID_STRIDE)
    place = (np.arange(pixels) + 0.5) * (scaled / (GRID_STRIDE * pixels)) - 0.5
    place = np.clip(place, 0, cells - 1)
    low = np.minimum(place.astype(np.intp), max(cells - 2, 0))
    low += ((place - low).astype(np.float32) == 1) & (low < cells - 2)  # rounded to the next cell
    high = np.minimum(low + 1, cells - 1)
    part = np.maximum(place - low, 0).astype(np.float32)
    first = np.searchsorted(low, np.arange(cells + 1))
    for table in (low, high, part, first):
        table.flags.writeable = False
    return _Taps(low, high, part, first, GRID_STRIDE * pixels / scaled)


def _knots(scaled: int) -> NDArray[np.float64]:
    """Places on an axis, in cells, of the image's border and of the cells' centres between."""
    end = scaled / GRID_STRIDE - 0.5
    return np.array([-0.5, *np.arange(0, max(end, 0)), end])


def _between(place: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """The cells on both sides of places and the share of the way; the outermost cells hold beyond."""
    most = int(np.ceil(place[-1] + 0.5)) - 1
    inside = np.clip(place, 0, most)
    low = np.minimum(inside.astype(np.intp), max(most - 1, 0))
    return low, np.minimum(low + 1, most), (inside - low).astype(np.float32)


@lru_cache(maxsize=64)
def _cell_edges(pixels: int, scaled: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Edges of the cells of an axis in image pixels, (cells + 1,), as whole part and rest."""
    edges = np.minimum(np.arange(cells + 1) * GRID_STRIDE, scaled) * (pixels / scaled)
    whole = np.minimum(edges.astype(np.intp), pixels - 1)
    return whole, edges - whole


class _Lines(NamedTuple):
    """A mask's values where image columns meet the rows of cells: columns are straight between these."""

    x0: int  # the first column
    y0: int  # the first row of cells
    values: Floats  # (columns, rows of cells), two at least unless the grid has but one row


def _lines(grid: Floats, threshold: float, y: _Taps, x: _Taps) -> _Lines | None:
    """What may lie over a threshold, and over every higher one; None if nothing does."""
    rows, columns = y.first.size - 1, x.first.size - 1
    held = _held_cells(grid[:rows, :columns], threshold)
    if held is None:
        return None
    (row0, row1), (column0, column1) = held
    # the pixels that take part of a held cell, and a row of cells that are not held above and below
    x0, x1 = x.first[max(column0 - 1, 0)], x.first[column1]
    y0, y1 = max(row0 - 1, 0), min(row1 + 1, rows)
    if x1 <= x0:
        return None
    first, last = int(x.low[x0]), int(x.high[x1 - 1])
    cells = np.ascontiguousarray(grid[y0:y1, first : last + 1].T)
    rise = np.append(cells[1:] - cells[:-1], np.zeros_like(cells[:1]), axis=0)
    values = rise.take(x.low[x0:x1] - first, axis=0, mode="clip")  # (pixels along x, cells along y)
    values *= x.part[x0:x1, None]
    values += cells.take(x.low[x0:x1] - first, axis=0, mode="clip")
    return _Lines(int(x0), y0, values)


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
    if knots > 1:  # pixels on the outermost row of cells, which rounding may move over the threshold
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
    """The first pixel of each gap between cells on the `wanted` side of the threshold, or the first after it.

    The pixel that the line's equation tells, then moved by what the pixels' own rounded values are.
    """
    low, high = y.first.take(gap), y.first.take(gap + 1)
    with np.errstate(all="ignore"):  # logits may be infinite
        place = (threshold - base) / rise + gap.astype(np.float32)
        guess = np.ceil((place + np.float32(0.5)) * np.float32(y.step) - np.float32(0.5))
        at = np.clip(np.nan_to_num(guess).astype(np.intp), low, high)
        while True:
            here, before = (base + y.part.take(it, mode="clip") * rise > threshold for it in (at, at - 1))
            late = (at < high) & (here != wanted)
            early = (at > low) & (before == wanted) & ~late
            if not (late.any() or early.any()):
                return np.asarray(at)
            at += late
            at -= early
