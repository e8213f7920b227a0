"""Affine transforms of points, as georeferenced images define them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import InputError

__all__ = ["affine_xy", "inverse_affine"]


def affine_xy(points: ArrayLike, transform: Sequence[float]) -> NDArray[np.float64]:
    """Transform points (N, 2) by a, b, c, d, e, f: x' = a x + b y + c, y' = d x + e y + f, float64."""
    a, b, c, d, e, f = (float(value) for value in transform[:6])
    matrix = np.array([[a, d], [b, e]])
    return np.asarray(np.asarray(points, np.float64).reshape(-1, 2) @ matrix + (c, f))


def inverse_affine(transform: Sequence[float]) -> tuple[float, float, float, float, float, float]:
    """The inverse transform. Raises InputError if the transform is not invertible."""
    values = np.asarray(list(transform)[:6], np.float64)
    a, b, c, d, e, f = values if values.size == 6 else np.full(6, np.nan)
    scale = a * e - b * d
    if not np.isfinite(values).all() or not scale:
        raise InputError(
            f"transform must be six numbers that can be inverted, got {tuple(transform)}. "
            "Give a, b, c, d, e, f as rasterio does."
        )
    a, b, d, e = e / scale, -b / scale, -d / scale, a / scale
    return float(a), float(b), float(-a * c - b * f), float(d), float(e), float(-d * c - e * f)
