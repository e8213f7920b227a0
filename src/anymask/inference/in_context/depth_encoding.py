"""Depth maps as images, and measures of predicted depth.

"Images Speak in Images" (Painter), section 3 and its tables: depth is encoded as grey levels. `encode_depth`
makes the target of an example, `decode_depth` converts a painted image back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.inference.in_context.check_shapes import check_rgb, check_same_shape

__all__ = ["DepthScores", "decode_depth", "depth_scores", "encode_depth"]

Floats = NDArray[np.float64]
FAR = 10.0
"""Depth of white in metres; NYUv2 is indoors."""
NEAR = 1e-3
"""Minimum predicted depth in metres, so that ratios stay finite."""


def encode_depth(depth: NDArray[Any], far: float = FAR) -> NDArray[np.uint8]:
    """Depths (H, W) in metres as grey levels (H, W, 3): 0 is black, `far` and beyond white.

    Non-finite values are unknown depths and become black. One grey level is far / 255: 4 cm for 10 m. Raises
    InputError.
    """
    _check_far(far)
    if depth.ndim != 2:
        raise InputError(f"depth must have shape (H, W), got {depth.shape}. Give one channel, in metres.")
    known = np.where(np.isfinite(depth), depth, 0)
    grey = np.rint(np.clip(known / far, 0, 1) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def decode_depth(painted: NDArray[Any], far: float = FAR) -> Floats:
    """Depths (H, W) in metres of a painted image (H, W, 3), 0..255: the mean of its channels."""
    _check_far(far)
    check_rgb("painted", painted)
    return np.asarray(painted.astype(np.float64).mean(axis=2) * (far / 255))


def _check_far(far: float) -> None:
    if not 0 < far < float("inf"):
        raise InputError(f"far must be a positive number of metres, got {far}. Omit it for {FAR}.")


@dataclass(frozen=True)
class DepthScores:
    """Errors of predicted depths, over all pixels with a known depth."""

    a_rel: float
    """Mean of |found - true| / true."""
    rmse: float
    """Root mean squared error in metres."""
    delta1: float
    """Share of pixels for which max(found / true, true / found) is below 1.25."""


def depth_scores(
    found: NDArray[Any], truth: NDArray[Any], valid: NDArray[np.bool_] | None = None
) -> DepthScores:
    """Compare depths (H, W) in metres where the true depth is finite and above 0, within `valid` if given.

    Raises InputError for different shapes and if no pixel remains.
    """
    check_same_shape(found, truth)
    counted = np.isfinite(truth) & (truth > 0)
    if valid is not None:
        check_same_shape(valid, truth)
        counted &= valid
    if not counted.any():
        raise InputError("truth must have a known depth somewhere, got none. Check valid and the unit.")
    true = truth[counted].astype(np.float64)
    near = np.maximum(found[counted].astype(np.float64), NEAR)
    error = near - true
    ratio = np.maximum(near / true, true / near)
    return DepthScores(
        a_rel=float(np.mean(np.abs(error) / true)),
        rmse=float(np.sqrt(np.mean(error**2))),
        delta1=float(np.mean(ratio < 1.25)),
    )
