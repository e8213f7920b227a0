"""Shape checks that the measures of painted images share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError

__all__ = ["check_rgb", "check_same_shape"]


def check_rgb(name: str, image: NDArray[Any]) -> None:
    """Raise InputError unless the argument `name` has shape (H, W, 3)."""
    if image.ndim != 3 or image.shape[2] != 3:
        raise InputError(f"{name} must have shape (H, W, 3), got {image.shape}. Give RGB.")


def check_same_shape(found: NDArray[np.generic], truth: NDArray[np.generic]) -> None:
    """Raise InputError unless both arrays have the same shape and are not empty."""
    if found.shape != truth.shape or not found.size:
        raise InputError(
            f"found must have the shape of the truth {truth.shape}, got {found.shape}. Resize the prediction."
        )
