"""Smaller copies of images with their masks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle

__all__ = ["shrunk"]


def shrunk(
    pixels: NDArray[np.uint8], some: Sequence[rle.Runs], side: int
) -> tuple[NDArray[np.uint8], list[rle.Runs]]:
    """An image with its longest side at most `side`, and its masks, of which small ones may be empty then."""
    h, w = pixels.shape[:2]
    scale = side / max(h, w)
    if scale >= 1:
        return pixels, list(some)
    size = max(1, round(w * scale)), max(1, round(h * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    dense = (rle.decode(runs, (h, w)).view(np.uint8) for runs in some)
    return small, [rle.encode(cv2.resize(one, size, interpolation=cv2.INTER_NEAREST) > 0) for one in dense]
