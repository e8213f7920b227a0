"""Candidates: all masks of an image that may become an answer, kept so that filters can change later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anymask.types import Masks

__all__ = ["Candidates"]


@dataclass(frozen=True, eq=False)
class Candidates:
    """Every mask of an image above the floors of its configuration, before any other filter."""

    masks: Masks
    """With scores (predicted IoU), stability, points and crops; in the order of crops and of points."""
    boxes: NDArray[np.float32]
    """(N, 4) xyxy half-open, the masks' own: looked up again and again, so kept."""
    areas: NDArray[np.int64]
    """(N,) pixels of each mask."""
    inside: NDArray[np.float32]
    """(N,) share of each mask that lies in the region of interest; 1 without one."""
    thresholds: tuple[float, float]
    """Least predicted IoU and least stability where a filter leaves them open."""
    floors: tuple[float, float]
    """Predicted IoU and stability below which nothing was kept."""
    asked: int
    """Masks that the model was asked for: three for each point."""
    model: str
    """The fingerprint of the model that made them."""

    def __len__(self) -> int:
        """The number of candidates."""
        return len(self.masks)

    def __repr__(self) -> str:
        """A short description."""
        h, w = self.masks.size
        return f"Candidates({len(self)} of {self.asked} for an image of {h} x {w})"
