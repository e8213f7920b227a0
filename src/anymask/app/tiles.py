"""Tiles of large images: squares of the image at whole steps of reduction, made on demand."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.data_engine.project import Image, Project
from anymask.errors import UnknownNameError
from anymask.images.display import TiffWindows, open_windows
from anymask.images.write import encode_jpeg

__all__ = ["LARGE", "SIDE", "Tiles", "levels"]

SIDE = 512
"""Pixels of a tile along each side; those at the right and lower border of an image are smaller."""
LARGE = 12_000_000
"""Pixels of an image from which on the page shows it by tiles."""
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

    def _open(self, image: Image) -> Source:
        key = f"{image.id} {image.version}"
        with self._lock:
            if self._key != key or self._source is None:
                self._source = None  # its memory is free before that of the next
                file = self.project.file(image)
                self._source = open_windows(file, self.project.bands) or self.project.pixels(image)
                self._key = key
            return self._source


def _read(source: Source, window: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    if isinstance(source, TiffWindows):
        return source.read(window)
    x0, y0, x1, y1 = window
    return np.ascontiguousarray(source[y0:y1, x0:x1])
