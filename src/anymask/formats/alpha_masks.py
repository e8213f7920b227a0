"""Masks stored as the transparency of an image."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.errors import ImageError
from anymask.images.read import MAX_PIXELS

__all__ = ["read_opaque"]


def read_opaque(data: bytes) -> NDArray[np.bool_]:
    """Which pixels (H, W) of an image are not transparent; without transparency those that are not black.

    Raises ImageError for an incomplete image.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels")
            clear = "A" in image.getbands() or "transparency" in image.info
            samples = np.asarray(image.convert("RGBA" if clear else "L"))
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise ImageError(
            f"mask must be a complete image, got a corrupt one ({error}). Export it again."
        ) from None
    return np.asarray((samples[..., 3] if clear else samples) != 0)
