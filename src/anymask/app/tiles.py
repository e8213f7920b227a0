"""Tiles of large images: squares of the image at whole steps of reduction, made on demand."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.data_engine.project import Image, Project
from anymask.errors import InputError, UnknownNameError
from anymask.geometry.frame import Frame
from anymask.images.display import TiffWindows, open_windows
from anymask.images.write import encode_jpeg, encode_png

__all__ = ["LARGE", "SIDE", "Tiles", "levels"]

SIDE = 512
"""Pixels of a tile along each side; those at the right and lower border of an image are smaller."""
LARGE = 12_000_000
"""Pixels of an image from which on the page shows it by tiles."""
MOST_SIDE = 4096
"""Pixels of a scaled region along each side, at most."""
REDUCE_TO = 4
"""Pixels are averaged down to this many times the wanted size before the filter of models, which is slow."""
Source: TypeAlias = "TiffWindows | NDArray[np.uint8]"


def levels(size: tuple[int, int]) -> int:
    """The number of levels of an image (H, W); at the last one it is a single tile."""
    longest = max(size)
    return next(level for level in range(40) if longest <= SIDE << level) + 1


@dataclass
class Tiles:
    """Makes tiles. Keeps the pixels of the image used last; reads TIFF files by windows. Thread-safe."""

    project: Project
    _key: str = ""
    _source: Source | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self, image: Image, level: int, column: int, row: int) -> bytes:
        """A tile as JPEG: level 0 has the pixels of the image, each further one half as many along a side.

        Raises UnknownNameError for a tile outside the image, and the errors of `Project.pixels`.
        """
        height, width = image.size
        step = SIDE << level
        x, y = column * step, row * step
        if level >= levels(image.size) or x >= width or y >= height:
            raise UnknownNameError(
                f"tile must be inside the image, got {level}/{column}/{row}. Reload the page."
            )
        window = (x, y, min(x + step, width), min(y + step, height))
        pixels = _read(self._open(image), window)
        size = (-(-(window[2] - x) >> level) or 1, -(-(window[3] - y) >> level) or 1)
        if level:
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        return encode_jpeg(pixels)

    def region(self, image: Image, window: tuple[int, int, int, int], size: tuple[int, int]) -> bytes:
        """A window (x0, y0, x1, y1) of an image at a size (h, w), as `Frame.resize` gives it to models: PNG.

        Raises UnknownNameError for a window that is not inside the image, InputError for a side above
        `MOST_SIDE`, and the errors of `Project.pixels`.
        """
        if max(size) > MOST_SIDE:
            raise InputError(f"size must be at most {MOST_SIDE} a side, got {size}. Ask for less.")
        x0, y0, x1, y1 = window
        if not (0 <= x0 < x1 <= image.width and 0 <= y0 < y1 <= image.height):
            raise UnknownNameError(
                f"region must be inside the image of {image.width} x {image.height}, got {window}. "
                "Reload the page."
            )
        pixels = _reduced(_read(self._open(image), window), size)
        return encode_png(Frame(pixels.shape[:2], size, size).resize(pixels))

    def _open(self, image: Image) -> Source:
        key = f"{image.id} {image.version}"
        with self._lock:
            if self._key != key or self._source is None:
                self._source = None  # its memory is free before that of the next
                file = self.project.file(image)
                self._source = open_windows(file, self.project.bands) or self.project.pixels(image)
                self._key = key
            return self._source


def _reduced(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) reduced by whole steps while they are over `REDUCE_TO` times a size (h, w)."""
    height, width = pixels.shape[:2]
    step = int(min(height / size[0], width / size[1]) / REDUCE_TO)
    if step < 2:
        return pixels
    reduced = (-(-width // step), -(-height // step))
    return np.asarray(cv2.resize(pixels, reduced, interpolation=cv2.INTER_AREA), np.uint8)


def _read(source: Source, window: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    if isinstance(source, TiffWindows):
        return source.read(window)
    x0, y0, x1, y1 = window
    return np.ascontiguousarray(source[y0:y1, x0:x1])
