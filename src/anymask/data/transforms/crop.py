"""The geometry of training crops, and crops of masks that decode only the part of a mask that is visible.

Frames: the image (source pixels), the scaled image (`scaled_hw`), and the window: size x size pixels whose
top left corner is at `offset_xy` of the scaled image (negative if the image starts inside the window). A flip
mirrors the finished window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from anymask.geometry import rle

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]

FILL = (124, 116, 104)
"""Colour of the padding: SAM's mean colour, which normalisation turns into (almost) zero."""


@dataclass(frozen=True)
class CropWindow:
    """A crop of size x size pixels from an image scaled from size_hw to scaled_hw.

    size_hw: (H, W) of the image.
    scaled_hw: its size after scaling.
    offset_xy: top left corner of the crop in the scaled image.
    size: side of the crop in pixels.
    flip: whether the crop is mirrored.
    """

    size_hw: tuple[int, int]
    scaled_hw: tuple[int, int]
    offset_xy: tuple[int, int]
    size: int
    flip: bool = False

    @staticmethod
    def anywhere(
        size_hw: tuple[int, int], size: int, zoom: float, at: Doubles, *, flip: bool = False
    ) -> CropWindow:
        """A window inside the scaled image, or around all of it if that is smaller.

        zoom: scaled pixels per source pixel; at: (2,) xy in [0, 1], the position within the possible ones.
        """
        scaled_hw = _scaled(size_hw, zoom)
        slack = np.array([scaled_hw[1] - size, scaled_hw[0] - size])
        offset = np.sign(slack) * np.floor(at * (np.abs(slack) + 1)).clip(max=np.abs(slack))
        return CropWindow(size_hw, scaled_hw, (int(offset[0]), int(offset[1])), size, flip)

    @staticmethod
    def around(
        size_hw: tuple[int, int], size: int, zoom: float, centre: Doubles, *, flip: bool = False
    ) -> CropWindow:
        """A window around a point, moved to hold as much of the image as possible; centre: (2,) source xy."""
        scaled_hw = _scaled(size_hw, zoom)
        scaled_xy = np.array(scaled_hw[::-1])
        offset = np.rint(centre * scaled_xy / np.array(size_hw[::-1]) - size / 2)
        slack = scaled_xy - size
        offset = np.clip(offset, np.minimum(slack, 0), np.maximum(slack, 0))
        return CropWindow(size_hw, scaled_hw, (int(offset[0]), int(offset[1])), size, flip)

    @property
    def zoom_xy(self) -> Doubles:
        """CropWindow pixels per source pixel, (2,) xy."""
        return np.array([self.scaled_hw[1] / self.size_hw[1], self.scaled_hw[0] / self.size_hw[0]])

    @property
    def frame(self) -> tuple[int, int, int, int]:
        """Half-open xyxy of the image region in the window, before the flip."""
        (h, w), (x, y) = self.scaled_hw, self.offset_xy
        return max(0, -x), max(0, -y), min(self.size, w - x), min(self.size, h - y)

    @property
    def shown_frame(self) -> tuple[int, int, int, int]:
        """`frame` in the finished window, mirrored if the window is."""
        x0, y0, x1, y1 = self.frame
        return (self.size - x1, y0, self.size - x0, y1) if self.flip else (x0, y0, x1, y1)

    def content(self) -> BoolArray:
        """(size, size) bool: True in the image region, False in the padding."""
        x0, y0, x1, y1 = self.frame
        out = np.zeros((self.size, self.size), dtype=np.bool_)
        out[y0:y1, x0:x1] = True
        return self._flipped(out)

    def padded(self, canvas: ByteArray) -> ByteArray:
        """Fill the padding with FILL, in place. canvas: (size, size, 3) uint8."""
        x0, y0, x1, y1 = self.shown_frame
        for part in (np.s_[:y0], np.s_[y1:], np.s_[y0:y1, :x0], np.s_[y0:y1, x1:]):
            canvas[part] = FILL
        return canvas

    def image(self, image: ByteArray) -> ByteArray:
        """The crop of an image: (H, W, 3) uint8 -> (size, size, 3) uint8."""
        x0, y0, x1, y1 = self.frame
        out = np.empty((self.size, self.size, image.shape[2]), dtype=np.uint8)
        out[y0:y1, x0:x1] = self._downsampled(image) if min(self.zoom_xy) < 1 else self._upsampled(image)
        return self.padded(self._flipped(out))

    def _upsampled(self, image: ByteArray) -> ByteArray:
        """The image region, where the zoom is at least 1."""
        x0, y0, x1, y1 = self.frame
        matrix, size = self._matrix((x0, y0), (0, 0)), (x1 - x0, y1 - y0)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        grown = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(grown, dtype=np.uint8)

    def _downsampled(self, image: ByteArray) -> ByteArray:
        """The image region, where the zoom is below 1: averaged over areas, so that details do not alias."""
        (h, w), (x, y) = self.scaled_hw, self.offset_xy
        small = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        x0, y0, x1, y1 = self.frame
        return np.asarray(small[y0 + y : y1 + y, x0 + x : x1 + x], dtype=np.uint8)

    def whole(self, runs: rle.Runs) -> BoolArray:
        """The crop of a mask given by its runs: (size, size) bool."""
        return self.mask(runs, rle.box(runs, self.size_hw))

    def mask(self, runs: rle.Runs, box: npt.NDArray[np.float32]) -> BoolArray:
        """The crop of a mask whose box (4,) xyxy is known: (size, size) bool, smooth if upsampled."""
        out = np.zeros((self.size, self.size), dtype=np.bool_)
        x0, y0, x1, y1 = self.shown(box)
        if x0 >= x1 or y0 >= y1:
            return out
        patch, corner = _patch(runs, box, self.size_hw)
        matrix = self._matrix((x0, y0), corner)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        grown = cv2.warpAffine(
            patch, matrix, (x1 - x0, y1 - y0), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        out[y0:y1, x0:x1] = grown > 127
        return self._flipped(out)

    def shown(self, box: npt.NDArray[np.float32]) -> tuple[int, int, int, int]:
        """The part of `frame` that a source box covers: half-open xyxy in the window, before the flip."""
        (h, w), (scaled_h, scaled_w), (x, y) = self.size_hw, self.scaled_hw, self.offset_xy
        x0, y0, x1, y1 = box.tolist()
        left, top, right, bottom = self.frame
        return (
            max(left, math.floor(x0 * scaled_w / w) - x),
            max(top, math.floor(y0 * scaled_h / h) - y),
            min(right, math.ceil(x1 * scaled_w / w) - x),
            min(bottom, math.ceil(y1 * scaled_h / h) - y),
        )

    def _matrix(self, corner: tuple[int, int], source: tuple[int, int]) -> Doubles:
        """The 2 x 3 matrix from the window region at `corner` to the source patch at `source`.

        Pixel centres are at +0.5, so window pixel i lies at (i + corner + offset + 0.5) / zoom - 0.5 of the
        source.
        """
        (h, w), (scaled_h, scaled_w) = self.size_hw, self.scaled_hw
        x = (corner[0] + self.offset_xy[0] + 0.5) * w / scaled_w - 0.5 - source[0]
        y = (corner[1] + self.offset_xy[1] + 0.5) * h / scaled_h - 0.5 - source[1]
        return np.array([[w / scaled_w, 0, x], [0, h / scaled_h, y]])

    def _flipped(self, array: npt.NDArray[np.generic]) -> npt.NDArray:  # type: ignore[type-arg]
        return np.ascontiguousarray(array[:, ::-1]) if self.flip else array


def _scaled(size_hw: tuple[int, int], zoom: float) -> tuple[int, int]:
    return max(1, int(size_hw[0] * zoom + 0.5)), max(1, int(size_hw[1] * zoom + 0.5))


def _patch(
    runs: rle.Runs, box: npt.NDArray[np.float32], size: tuple[int, int]
) -> tuple[ByteArray, tuple[int, int]]:
    """Decode the box of a mask with a margin of one pixel: uint8 of 0 and 255, and its corner xy.

    There is no margin outside the image, so a mask that ends at the image border still does after resizing.
    """
    x0, y0, x1, y1 = (int(value) for value in box)
    edges = rle.to_edges(runs) - x0 * size[0]
    lengths = np.diff(edges, prepend=0, append=(x1 - x0) * size[0])
    values = np.zeros(len(lengths), dtype=np.uint8)
    values[1::2] = 255
    columns = np.repeat(values, lengths).reshape(x1 - x0, size[0])
    patch = cv2.transpose(np.ascontiguousarray(columns[:, y0:y1]))
    inner = (y0 > 0, y1 < size[0], x0 > 0, x1 < size[1])
    top, bottom, left, right = (int(side) for side in inner)
    patch = cv2.copyMakeBorder(patch, top, bottom, left, right, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(patch, dtype=np.uint8), (x0 - left, y0 - top)


class Placement:
    """The masks of an image, for cropping: their runs, boxes (N, 4) and areas (N,)."""

    def __init__(self, rles: Sequence[rle.Runs], size: tuple[int, int]) -> None:
        """rles: runs of masks of one size (H, W)."""
        self.size = size
        self._rles = rles
        self._boxes = np.array([rle.box(runs, size) for runs in rles], dtype=np.float32).reshape(-1, 4)
        self._areas = np.array([rle.area(runs) for runs in rles], dtype=np.float64)

    def __len__(self) -> int:
        """Number of masks."""
        return len(self._rles)

    def centre(self, number: int) -> Doubles:
        """Centre of a mask's box, (2,) source xy."""
        box = self._boxes[number].astype(np.float64)
        result: Doubles = (box[:2] + box[2:]) / 2
        return result

    def longest(self, number: int) -> float:
        """Longest side of a mask's box in source pixels."""
        box = self._boxes[number]
        return float((box[2:] - box[:2]).max())

    def visible_areas(self, window: CropWindow) -> Doubles:
        """Estimated areas in window pixels, (N,): each mask's area times the visible share of its box."""
        if not len(self):
            return np.zeros(0)
        scale, offset = np.tile(window.zoom_xy, 2), np.tile(np.array(window.offset_xy), 2)
        boxes = self._boxes * scale - offset
        low, high = boxes[:, :2], boxes[:, 2:]
        shown = np.clip(np.minimum(high, window.size) - np.maximum(low, 0), 0, None)
        share = np.prod(shown, axis=1) / np.maximum(np.prod(high - low, axis=1), 1e-6)
        result: Doubles = self._areas * np.prod(window.zoom_xy) * share
        return result

    def mask(self, number: int, window: CropWindow) -> BoolArray:
        """The crop of a mask, (size, size) bool."""
        return window.mask(self._rles[number], self._boxes[number])
