"""The model's frame of an image: the only place that converts coordinates, images and masks.

Three frames. *Image*: original pixels, x right, y down, as all public values. *Model*: the network's
input, the image resized to `scaled_hw` at the corner (0, 0) of `padded_hw`, padded right and below with
zeros. *Grid*: mask logits, one cell for 4 x 4 model pixels.
Source of the rules: "Segment Anything" (2023), released code, `ResizeLongestSide` and `postprocess_masks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from anymask.geometry import rle
from anymask.geometry.resample import (
    GRID_STRIDE,
    Floats,
    Taps,
    axis_taps,
    cell_edges,
    cells_around,
    interpolate,
    knots_of,
    line_area,
    line_runs,
    lines_at_knots,
)

__all__ = ["Frame"]


@dataclass(frozen=True)
class Frame:
    """Position and scale of one image in a model's input. All sizes are (height, width)."""

    size_hw: tuple[int, int]
    """Size of the original image."""
    scaled_hw: tuple[int, int]
    """Size of the resized image in the model's input, without padding."""
    padded_hw: tuple[int, int]
    """Size of the model's input."""

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
        """Rows and columns of mask logits that cover the image, without those of padding alone."""
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

        Pillow's bilinear filter with antialiasing, with which SAM was trained and released.
        """
        assert image.shape[:2] == self.size_hw, "the frame is another image's"
        if self.scaled_hw == self.size_hw:
            return image
        full = Image.fromarray(np.ascontiguousarray(image))
        return np.asarray(full.resize(self.scaled_hw[::-1], Image.Resampling.BILINEAR))

    def mask_to_grid(self, mask: NDArray[np.bool_]) -> Floats:
        """The share of each grid cell that a mask (H, W) of the image covers: `grid_hw` float32 in [0, 1].

        The areas are exact, from the integral image, which is bilinear between whole pixels. Padding is 0.
        """
        assert mask.shape == self.size_hw, "the frame is another image's"
        # bools from Pillow are 255 inside
        bits = np.ascontiguousarray(mask, np.bool_).view(np.uint8) != 0
        total = cv2.integral(bits.view(np.uint8), sdepth=cv2.CV_32S)
        rows, row_part = cell_edges(self.size_hw[0], self.scaled_hw[0], self.grid_hw[0])
        columns, column_part = cell_edges(self.size_hw[1], self.scaled_hw[1], self.grid_hw[1])
        lines = total[rows] + row_part[:, None] * (total[rows + 1] - total[rows])
        corners = lines[:, columns] + column_part * (lines[:, columns + 1] - lines[:, columns])
        cell = GRID_STRIDE**2 / float(self._scale_xy().prod())
        coverage = np.diff(np.diff(corners, axis=0), axis=1) / cell
        return np.asarray(np.clip(coverage, 0.0, 1.0), np.float32)

    def logits_to_image(self, logits: Floats, size: tuple[int, int] | None = None) -> Floats:
        """Upsample logits (N, gh, gw) to the image size: (N, H, W) float32, bilinear, pixel centres aligned.

        Cells of padding alone are not used. With `size` the image is sampled at another (H, W).
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
        """Resample logits (gh, gw) of this frame to the grid of another: `other.grid_hw`, bilinear.

        `xy` is the corner of the other frame's image in this frame's image, in pixels; it may be negative.
        Cells beyond this grid repeat its edge.
        """
        ratio = self._scale_xy() / other._scale_xy()
        start = (GRID_STRIDE / 2 / other._scale_xy() + np.array(xy)) * self._scale_xy() / GRID_STRIDE - 0.5
        matrix = np.array([[ratio[0], 0.0, start[0]], [0.0, ratio[1], start[1]]])
        resampled = cv2.warpAffine(
            np.ascontiguousarray(logits, np.float32),
            matrix,
            other.grid_hw[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(resampled, np.float32)

    def cells_within(self, xyxy: Sequence[float]) -> NDArray[np.bool_]:
        """The grid cells whose centre lies in a half-open box of image pixels: `grid_hw` bool."""
        rows, columns = (
            (np.arange(cells) + 0.5) * GRID_STRIDE / scale
            for cells, scale in zip(self.grid_hw, self._scale_xy()[::-1], strict=True)
        )
        x0, y0, x1, y1 = xyxy
        return np.outer((rows >= y0) & (rows < y1), (columns >= x0) & (columns < x1))

    def contour_grid(self, logits: Floats) -> tuple[Floats, NDArray[np.float64], NDArray[np.float64]]:
        """The knots between which `logits_to_image` interpolates one mask's logits (gh, gw).

        Returns values (m, n) and their positions in the image, x (n,) and y (m,): the cell centres, and the
        image border as outermost knots.
        """
        y, x = (knots_of(self.scaled_hw[axis]) for axis in (0, 1))
        rows, columns = (cells_around(place, n) for place, n in zip((y, x), self.content_hw, strict=True))
        values = interpolate(interpolate(np.asarray(logits, np.float32), rows).T, columns).T
        across, down = self._scale_xy()
        return values, (x + 0.5) * GRID_STRIDE / across, (y + 0.5) * GRID_STRIDE / down

    def _taps(self, size: tuple[int, int], *, twice: bool = False) -> tuple[Taps, Taps]:
        """The interpolation tables of rows and columns."""
        cells = self.grid_hw if twice else (None, None)
        y, x = (axis_taps(*axis) for axis in zip(size, self.scaled_hw, cells, strict=True))
        return y, x

    def masks_rle(self, logits: Floats, threshold: float = 0.0) -> list[rle.Runs]:
        """Runs of `logits_to_image(logits) > threshold`, bit-exact, without computing full-size masks.

        Between two neighbouring cells the interpolation is monotone along a column. A column therefore
        crosses the threshold there at most once, and only if the two cells lie on different sides of it.
        """
        y, x = self._taps(self.size_hw)
        grids = np.asarray(logits, np.float32)
        return [line_runs(lines_at_knots(grid, threshold, y, x), threshold, y, x) for grid in grids]

    def masks_and_areas(
        self, logits: Floats, offset: float, *, twice: bool = False
    ) -> Iterator[tuple[int, int, Callable[[], rle.Runs]]]:
        """For each mask: pixels above `offset`, pixels above -`offset`, and a function for its runs above 0.

        The same as `masks_rle` at the three thresholds, with shared work. With `twice` logits are resized
        twice as by the released `postprocess_masks`: to `padded_hw`, cropped to `scaled_hw`, then to the
        image size. This reads one cell beyond `content_hw`.
        """
        y, x = self._taps(self.size_hw, twice=twice)
        for grid in np.asarray(logits, np.float32):
            lines = lines_at_knots(grid, -offset, y, x)
            inner, outer = (line_area(lines, bound, y) for bound in (offset, -offset))
            yield inner, outer, partial(line_runs, lines, 0.0, y, x)
