"""Annotations of data sets that are images: numbers, colours, and white on the object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.images.read import open_image, read_image, read_map

__all__ = ["read_classes", "read_colours", "read_numbers", "read_white"]


def read_numbers(path: Path) -> NDArray[Any]:
    """The numbers (H, W) of a grey or palette image. Raises FormatError for a JPEG, which has others."""
    _check_lossless(path)
    return read_map(path)


def read_classes(path: Path) -> NDArray[np.uint8]:
    """The same of 8 bits. Raises FormatError for more."""
    found = read_numbers(path)
    if found.dtype != np.uint8:
        raise FormatError(f"classes must be an image of 8 bits, got {found.dtype} in {path}. Get it again.")
    return found


def read_colours(path: Path) -> NDArray[np.int64]:
    """A number for each pixel (H, W) from its colour, R x 65536 + G x 256 + B.

    Raises FormatError for a JPEG and for a grey image.
    """
    mode = _check_lossless(path)
    if mode not in ("RGB", "RGBA", "P"):
        raise FormatError(f"annotation must be a colour image, got {mode} in {path}. Get it again.")
    return np.asarray(read_image(path).astype(np.int64) @ np.array([65536, 256, 1]))


def read_white(path: Path) -> NDArray[np.bool_]:
    """Where an image is white (H, W). Raises FormatError for one that is black all over but for dark grey."""
    grey = read_image(path)[..., 0]
    if grey.max() <= 127 and grey.any():
        raise FormatError(
            f"mask must be white on the object, 128 to 255, got at most {grey.max()} in {path}. Get it again."
        )
    return np.asarray(grey > 127, np.bool_)


def _check_lossless(path: Path) -> str:
    """The mode of an image that is no JPEG."""
    with open_image(path) as opened:
        if opened.format == "JPEG":
            raise FormatError(
                f"annotation must be a lossless image, such as a PNG, got a JPEG in {path}. Get it again."
            )
        return opened.mode
