"""Images as PNG and JPEG files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageError, InputError
from anymask.files import check_target, write_atomic
from anymask.images.read import Pixels

__all__ = ["encode_jpeg", "encode_png", "write_png"]

_MOST_JPEG = 65_500


def encode_png(array: NDArray[Any]) -> bytes:
    """Encode (H, W) bool (as 0 and 255), uint8 or uint16, or (H, W, 3 or 4) uint8 RGB(A) as a PNG file."""
    pixels = (array.view(np.uint8) != 0) * np.uint8(255) if array.dtype == np.bool_ else array
    if pixels.dtype not in (np.uint8, np.uint16) or not (
        pixels.ndim == 2 or pixels.shape[2:] in ((3,), (4,))
    ):
        raise ImageError(
            f"image must be (H, W) or (H, W, 3) of uint8, got {array.dtype} of shape {array.shape}. "
            "Convert it first."
        )
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels))
    assert done, "OpenCV encodes every array checked above"
    return data.tobytes()


def encode_jpeg(image: Pixels, quality: int = 95) -> bytes:
    """Encode (H, W, 3) uint8 RGB as a JPEG file of a quality from 0 to 100.

    Raises InputError above 65500 pixels a side.
    """
    if max(image.shape[:2]) > _MOST_JPEG:
        raise InputError(
            f"image must have sides of at most {_MOST_JPEG} pixels for a JPEG file, got {image.shape[0]} x "
            f"{image.shape[1]}. Make it smaller first, or leave the overlay out."
        )
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done, "OpenCV encodes every image of such a size"
    return data.tobytes()


def write_png(array: NDArray[Any], path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write the output of `encode_png` atomically. Raises OutputError as `files.write_atomic` does."""
    check_target(path, force=force)
    return write_atomic(path, encode_png(array), force=force)
