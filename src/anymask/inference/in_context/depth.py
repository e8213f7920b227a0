"""Painter's other tasks as pictures: depth as grey, restoration as the picture itself, and what is measured.

"Images Speak in Images", section 3 and its tables. A target from here is squashed and normalised like any
picture; what a model paints, uint8 or float RGB 0..255, comes back through `decode_depth`,
or is the restored picture already: denoising, deraining and low light have the clean picture as their target.
Keypoints are in `anymask.inference.in_context.keypoints`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError

Floats = NDArray[np.float64]
FAR = 10.0
"""Metres that white stands for: NYUv2 is indoors."""
NEAR = 1e-3
"""Metres below which no answer is taken, so that ratios stay finite."""
_WINDOW, _SIGMA = 11, 1.5  # of SSIM
_STEADY = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)  # C1, C2 of SSIM


def encode_depth(depth: NDArray[Any], far: float = FAR) -> NDArray[np.uint8]:
    """Depths (H, W) in metres as grey (H, W, 3): 0 is black, `far` and beyond white.

    What is not finite is unknown and black. A grey level is far / 255: 4 cm of 10 m. Raises InputError.
    """
    _check_far(far)
    if depth.ndim != 2:
        raise InputError(f"depth must have shape (H, W), got {depth.shape}. Take one channel, in metres.")
    known = np.where(np.isfinite(depth), depth, 0)
    grey = np.rint(np.clip(known / far, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def decode_depth(painted: NDArray[Any], far: float = FAR) -> Floats:
    """A painted picture (H, W, 3), 0..255, as depths (H, W) in metres: the mean of its channels."""
    _check_far(far)
    _check_picture("painted", painted)
    return np.asarray(painted.astype(np.float64).mean(axis=2) * (far / 255))


def _check_far(far: float) -> None:
    if not 0 < far < float("inf"):
        raise InputError(f"far must be a positive number of metres, got {far}. Leave it out for {FAR}.")


@dataclass(frozen=True)
class DepthScores:
    """How far depths are off, over all pixels with a known depth."""

    a_rel: float
    """Mean of |found - true| / true."""
    rmse: float
    """Root of the mean squared error, metres."""
    delta1: float
    """Share of pixels where the larger of found / true and true / found is below 1.25."""


def depth_scores(
    found: NDArray[Any], truth: NDArray[Any], valid: NDArray[np.bool_] | None = None
) -> DepthScores:
    """Compare depths (H, W) in metres; true ones count where finite and above 0, and within `valid` if given.

    Raises InputError for other shapes, or if no pixel counts.
    """
    _check_same(found, truth)
    counted = np.isfinite(truth) & (truth > 0)
    if valid is not None:
        _check_same(valid, truth)
        counted &= valid
    if not counted.any():
        raise InputError("truth must have a known depth somewhere, got none. Look at valid and the unit.")
    true = truth[counted].astype(np.float64)
    near = np.maximum(found[counted].astype(np.float64), NEAR)
    error = near - true
    ratio = np.maximum(near / true, true / near)
    return DepthScores(
        a_rel=float(np.mean(np.abs(error) / true)),
        rmse=float(np.sqrt(np.mean(error**2))),
        delta1=float(np.mean(ratio < 1.25)),
    )


def psnr(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio in dB of pictures of values 0..255; infinite where they are equal."""
    _check_same(found, truth)
    squared = float(np.mean((found.astype(np.float64) - truth.astype(np.float64)) ** 2))
    return float("inf") if squared == 0 else float(10 * np.log10(255**2 / squared))


def ssim(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Structural similarity of pictures (H, W) or (H, W, C) of values 0..255, at most 1.

    Wang et al. 2004: a Gaussian window of 11 x 11 with sigma 1.5, only where it lies wholly inside; the mean
    over places and channels. Raises InputError for pictures that are smaller, or of different shapes.
    """
    _check_same(found, truth)
    if min(found.shape[:2]) < _WINDOW:
        raise InputError(
            f"found must have at least {_WINDOW} x {_WINDOW} pixels, got {found.shape}. Give it whole."
        )
    a, b = found.astype(np.float64), truth.astype(np.float64)
    mean_a, mean_b = _local(a), _local(b)
    spread = _local(a * a) - mean_a**2 + _local(b * b) - mean_b**2
    shared = _local(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + _STEADY[0]) / (mean_a**2 + mean_b**2 + _STEADY[0])
    return float(np.mean(light * (2 * shared + _STEADY[1]) / (spread + _STEADY[1])))


def _local(values: Floats) -> Floats:
    """The mean in each window that lies inside."""
    edge = _WINDOW // 2
    blurred = cv2.GaussianBlur(values, (_WINDOW, _WINDOW), _SIGMA)
    return np.asarray(blurred[edge:-edge, edge:-edge], np.float64)


def luma(image: NDArray[Any]) -> Floats:
    """Brightness (H, W), 16..235, of RGB (H, W, 3), 0..255: BT.601, on which deraining is measured."""
    _check_picture("image", image)
    return np.asarray(16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255)


def _check_picture(name: str, picture: NDArray[Any]) -> None:
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise InputError(f"{name} must have shape (H, W, 3), got {picture.shape}. Give RGB.")


def _check_same(found: NDArray[Any], truth: NDArray[Any]) -> None:
    if found.shape != truth.shape or not found.size:
        raise InputError(
            f"found must have the shape of the truth {truth.shape}, got {found.shape}. Resize the answer."
        )
