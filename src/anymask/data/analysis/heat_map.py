"""Maps of the centres of masks as PNG: figure 5 of SAM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.data.analysis.tally import GRID
from anymask.images.write import encode_png

__all__ = ["cells", "heat_map"]

SIDE = 256
"""Pixels along each side of a map."""


def cells(counts: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """The counts in larger cells where there are few: four for each or more; at least 8 x 8 cells."""
    fine = np.asarray(counts, np.int64)
    side = next((side for side in (GRID, GRID // 2, GRID // 4) if 4 * side * side <= fine.sum()), GRID // 8)
    part = GRID // side
    found: NDArray[np.int64] = fine.reshape(side, part, side, part).sum(axis=(1, 3))
    return found


def heat_map(counts: NDArray[np.int64]) -> bytes:
    """A map of counts as a PNG file of `SIDE` x `SIDE` pixels, dark where there are none."""
    scaled = (255 * counts.astype(np.float64) / max(counts.max(), 1)).astype(np.uint8)
    large = cv2.resize(scaled, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    colours: Any = cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)
    return encode_png(np.ascontiguousarray(colours[..., ::-1]))
