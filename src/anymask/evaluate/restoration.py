"""SSIM in the two forms of Painter's evaluation that differ from Wang et al.'s."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.edge_matching import require_scipy

__all__ = ["ssim_uniform", "ssim_volume"]

Floats = NDArray[np.float64]
_SIDE, _SIGMA, _RADIUS = 7, 1.5, 5


def ssim_uniform(found: Floats, truth: Floats, value_range: float) -> float:
    """SSIM of images (H, W, C) with windows of 7 x 7 equal weights, as scikit-image's default.

    value_range: the difference between the highest and the lowest value.
    """
    count = _SIDE**2

    def local(values: Floats) -> Floats:
        return np.asarray(cv2.blur(values, (_SIDE, _SIDE)), np.float64)

    edge = _SIDE // 2
    whole = _ssim(found, truth, local, value_range, count / (count - 1))
    return float(whole[edge:-edge, edge:-edge].mean())


def ssim_volume(found: Floats, truth: Floats) -> float:
    """SSIM of images (H, W, 3), 0 to 1, with a Gaussian window over all three axes, as MATLAB's `ssim`.

    Raises MissingExtraError without SciPy.
    """
    gaussian = require_scipy("ndimage", "SSIM of colour volumes").gaussian_filter

    def local(values: Floats) -> Floats:
        return np.asarray(gaussian(values, _SIGMA, mode="nearest", radius=_RADIUS), np.float64)

    return float(_ssim(found, truth, local, 1.0, 1.0).mean())


def _ssim(
    found: Floats, truth: Floats, local: Callable[[Floats], Floats], value_range: float, unbiased: float
) -> Floats:
    """The similarity at each pixel; variances are multiplied by `unbiased`."""
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    a, b = local(found), local(truth)
    variances = unbiased * (local(found**2) - a**2 + local(truth**2) - b**2)
    covariance = unbiased * (local(found * truth) - a * b)
    luminance = (2 * a * b + c1) / (a**2 + b**2 + c1)
    return np.asarray(luminance * (2 * covariance + c2) / (variances + c2), np.float64)
