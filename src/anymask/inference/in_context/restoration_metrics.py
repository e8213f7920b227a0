"""Measures of restored images: PSNR, SSIM, and the luma on which deraining is measured.

Denoising, deraining and low-light enhancement are tasks of Painter ("Images Speak in Images", section 3)
whose target is the clean image itself: `anymask.paint` returns the restored image.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.inference.in_context.check_shapes import check_rgb, check_same_shape

__all__ = ["luma", "psnr", "ssim"]

Floats = NDArray[np.float64]
_WINDOW, _SIGMA = 11, 1.5  # of SSIM
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # stabilising constants of SSIM


def psnr(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB of images with values 0..255; infinite for equal images."""
    check_same_shape(found, truth)
    squared = float(np.mean((found.astype(np.float64) - truth.astype(np.float64)) ** 2))
    return float("inf") if squared == 0 else float(10 * np.log10(255**2 / squared))


def ssim(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Structural similarity of images (H, W) or (H, W, C) with values 0..255, at most 1.

    Wang et al. 2004: a Gaussian window of 11 x 11 pixels with sigma 1.5, at all positions where it lies
    inside the image; the mean over positions and channels. Raises InputError for smaller images and for
    different shapes.
    """
    check_same_shape(found, truth)
    if min(found.shape[:2]) < _WINDOW:
        raise InputError(
            f"found must have at least {_WINDOW} x {_WINDOW} pixels, got {found.shape}. Give larger images."
        )
    a, b = found.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = _local_means(a), _local_means(b)
    variances = _local_means(a * a) - mean_a**2 + _local_means(b * b) - mean_b**2
    covariance = _local_means(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return float(np.mean(luminance * (2 * covariance + _C2) / (variances + _C2)))


def _local_means(values: Floats) -> Floats:
    """The Gaussian mean in each window that lies inside the image."""
    edge = _WINDOW // 2
    blurred = cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA)
    return np.asarray(blurred[edge:-edge, edge:-edge], np.float64)


def luma(image: NDArray[Any]) -> Floats:
    """Luma (H, W), 16..235, of RGB (H, W, 3), 0..255 (BT.601); deraining is measured on it."""
    check_rgb("image", image)
    return np.asarray(16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255)
