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
        most once there: it is enough to look at the first and last pixel and to bisect where they differ.
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
            inner, outer = (_line_area(lines, bound, y.part) for bound in (offset, -offset))
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


@lru_cache(maxsize=64)
def _axis_taps(pixels: int, scaled: int) -> _Taps:
    """Tables for an axis of `pixels`, whose content fills `scaled` model pixels."""
    cells = -(-scaled // GRID_STRIDE)
    place = (np.arange(pixels) + 0.5) * (scaled / (GRID_STRIDE * pixels)) - 0.5
    place = np.clip(place, 0, cells - 1)
    low = np.minimum(place.astype(np.intp), max(cells - 2, 0))
    high = np.minimum(low + 1, cells - 1)
    part = (place - low).astype(np.float32)
    first = np.searchsorted(low, np.arange(cells + 1))
    for table in (low, high, part, first):
        table.flags.writeable = False
    return _Taps(low, high, part, first)


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
    """A mask's values along image columns, between cells: each interval of a column is a piece of a line."""

    x0: int  # the first column
    first: NDArray[np.intp]  # (g,) first and last pixel of each interval
    last: NDArray[np.intp]
    base: Floats  # (columns, g): value = base + part * rise
    rise: Floats
    start: Floats  # (columns, g) values at the first and at the last pixel
    end: Floats


def _lines(grid: Floats, threshold: float, y: _Taps, x: _Taps) -> _Lines | None:
    """What may lie over a threshold, and over every higher one; None if nothing does."""
    held = _held_cells(grid[: y.first.size - 1, : x.first.size - 1], threshold)
    if held is None:
        return None
    (row0, row1), (column0, column1) = held
    # the pixels that take part of a held cell, and the intervals between cells on which they lie
    x0, x1 = x.first[max(column0 - 1, 0)], x.first[column1]
    gaps = np.arange(max(row0 - 1, 0), row1)
    gaps = gaps[y.first[gaps] < y.first[gaps + 1]]
    if gaps.size == 0 or x1 <= x0:
        return None
    bottom = int(y.high[y.first[gaps[-1]]]) + 1
    columns = np.ascontiguousarray(grid[gaps[0] : bottom].T)
    left = columns[x.low[x0:x1]]
    values = left + x.part[x0:x1, None] * (columns[x.high[x0:x1]] - left)  # (pixels along x, cells along y)
    first, last = y.first[gaps], y.first[gaps + 1] - 1
    base = values[:, y.low[first] - gaps[0]]
    rise = values[:, y.high[first] - gaps[0]] - base
    start, end = (base + y.part[at] * rise for at in (first, last))
    return _Lines(int(x0), first, last, base, rise, start, end)


def _line_runs(lines: _Lines | None, threshold: float, y: _Taps, x: _Taps) -> rle.Runs:
    """Runs of one mask, see `Frame.masks_rle`."""
    height = y.low.size
    if lines is None:
        return rle.from_edges(np.zeros(0, np.int64), (height, x.low.size))
    return rle.from_edges(_edges(lines, threshold, y.part, height) + lines.x0 * height, (height, x.low.size))


def _line_area(lines: _Lines | None, threshold: float, part: Floats) -> int:
    """The pixels over a threshold: intervals that are whole, and what is in of those that it cuts."""
    if lines is None:
        return 0
    start, end = lines.start > threshold, lines.end > threshold
    length = lines.last - lines.first + 1
    whole = int(np.count_nonzero(start & end, axis=0) @ length)
    cut = np.flatnonzero(start != end)
    gap = cut % length.size
    turn = _bisect(
        lines.base.take(cut), lines.rise.take(cut), threshold, part, lines.first[gap], lines.last[gap]
    )
    inside = np.where(end.take(cut), lines.last[gap] + 1 - turn, turn - lines.first[gap])
    return whole + int(inside.sum())


def _held_cells(grid: Floats, threshold: float) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The range of rows and of columns whose cells may lift a pixel over the threshold, None if none does."""
    # away from 0 the rounding of an interpolated value may pass its larger neighbour by a trifle
    slack = 1e-6 * (abs(threshold) + float(np.abs(grid).max())) if threshold else 0.0
    above = grid > np.float32(threshold - slack)
    x, y, w, h = cv2.boundingRect(above.view(np.uint8))
    return ((y, y + h), (x, x + w)) if w else None


def _edges(lines: _Lines, threshold: float, part: Floats, height: int) -> NDArray[np.int64]:
    """Positions, column by column, at which the mask changes; the first column begins at 0."""
    first, last, count = lines.first, lines.last, lines.first.size
    end = int(last[-1]) + 1
    apart = int(
        first[0] > 0 or end < height
    )  # a zero below keeps columns apart unless they reach from edge to edge
    bits = np.zeros((len(lines.base), 2 * count + apart), np.bool_)
    np.greater(lines.start, threshold, out=bits[:, 0 : 2 * count : 2])
    np.greater(lines.end, threshold, out=bits[:, 1 : 2 * count : 2])
    flat = np.zeros(bits.size + 2, np.bool_)
    flat[1:-1] = bits.ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]).astype(np.int32)  # half the width, twice the speed
    column = changes // bits.shape[1]
    place = changes - column * bits.shape[1]
    gap = place >> 1
    row = np.append(first, end).take(gap)
    inside = np.flatnonzero((place & 1) != 0)
    g = gap[inside]
    cell = column[inside] * count + g
    ends = (first.take(g), last.take(g))
    row[inside] = _bisect(lines.base.take(cell), lines.rise.take(cell), threshold, part, *ends)
    return np.asarray(column.astype(np.int64) * height + row, np.int64)


def _bisect(
    base: Floats, rise: Floats, threshold: float, part: Floats, low: NDArray[np.intp], high: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The first pixel after `low` at which base + part * rise lies on the same side as at `high`."""
    wanted = base + part[high] * rise > threshold
    while (high - low > 1).any():
        middle = (low + high) // 2
        there = (base + part[middle] * rise > threshold) == wanted
        low, high = np.where(there, low, middle), np.where(there, middle, high)
    return np.asarray(high)
