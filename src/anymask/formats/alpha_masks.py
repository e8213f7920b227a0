"""Masks stored as the transparency of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageError
from anymask.files import budget
from anymask.images.read import open_image

__all__ = ["read_opaque"]


def read_opaque(data: bytes) -> NDArray[np.bool_]:
    """Which pixels (H, W) of an image are not transparent; without transparency those that are not black.

    Raises ImageError for an incomplete image.
    """
    try:
        with open_image(data) as image:
            budget.check("mask", "map pixels", image.width * image.height, ImageError)
            clear = "A" in image.getbands() or "transparency" in image.info
            samples = np.asarray(image.convert("RGBA" if clear else "L"))
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise ImageError(
            f"mask must be a complete image, got a corrupt one ({error}). Export it again."
        ) from None
    return np.asarray((samples[..., 3] if clear else samples) != 0)
