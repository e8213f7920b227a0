"""Convert samples to 8-bit RGB, by the range that the file declares."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageError
from anymask.images.stored_pixels import Samples, check_pixels

__all__ = ["array_samples", "from_samples"]


def array_samples(array: NDArray[Any]) -> Samples:
    """Samples of an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the fourth band alpha.

    Raises ImageError for another shape.
    """
    samples = array[..., None] if array.ndim == 2 else array
    if samples.ndim != 3 or samples.shape[2] not in (1, 3, 4):
        raise ImageError(f"image must have shape (H, W), (H, W, 3 or 4), got {array.shape}. Move axes.")
    check_pixels(samples.shape[:2], 1 << 62)
    if samples.dtype == np.bool_:
        samples = (samples.view(np.uint8) != 0) * np.uint8(255)
    white = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(samples.dtype)
    alpha: Any = "straight" if samples.shape[2] == 4 else None
    return Samples(samples, min(samples.shape[2], 3), alpha, white)


def from_samples(stored: Samples, white: float | None = None) -> NDArray[np.uint8]:
    """The image (H, W, 3) uint8 RGB of samples, by the range that the file declares or from 0 to `white`.

    Alpha is composited over white. Raises ImageError for two or more than four channels, and if the white
    value is unknown.
    """
    if stored.colours not in (1, 3):
        raise ImageError(
            f"image must have 1 channel or 3, got {stored.colours}. Choose one by [c=N] behind the name, or "
            "take anymask.images.display.read_display with Bands."
        )
    array = stored.array[..., : stored.colours + (stored.alpha is not None)]
    if stored.limits is not None and white is None:
        low, high = stored.limits
        array, white = array.astype(np.float32) - np.float32(low), high - low
    plain = array.dtype == np.uint8 and stored.white == 255 and white is None
    pixels = array if plain else _to_8_bits(array, stored.white if white is None else white)
    if stored.inverted:
        pixels = 255 - pixels
    if stored.alpha is not None:
        pixels = _over_white(pixels, stored.alpha)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)


def _to_8_bits(samples: NDArray[Any], white: float | None) -> NDArray[np.uint8]:
    """Scale samples so that `white` becomes 255, rounded and clipped."""
    if samples.dtype.kind not in "iuf":
        raise ImageError(f"image must hold numbers, got {samples.dtype}. Convert it to uint8.")
    if white is None:
        fits = samples.dtype.kind in "iu" and samples.min() >= 0 and samples.max() <= 65535
        if not fits:
            raise ImageError(
                f"image must be of 8 or 16 bits a sample, got {samples.dtype}. Give white=, the white value, "
                "or take anymask.images.display.read_display."
            )
        white = 127.0 if samples.dtype == np.int8 else 65535.0
    if not white > 0:
        raise ImageError(f"white must be above 0, got {white}. Give the largest sample value.")
    scaled = np.nan_to_num(samples.astype(np.float32)) * np.float32(255 / white)
    return np.asarray(np.clip(np.rint(scaled), 0, 255)).astype(np.uint8)


def _over_white(pixels: NDArray[np.uint8], alpha: str) -> NDArray[np.uint8]:
    """Lay (H, W, C + 1), the last band alpha, straight or multiplied in already, over white."""
    cover = pixels[..., -1:].astype(np.uint16)
    if alpha == "premultiplied":
        return np.asarray(np.minimum(pixels[..., :-1] + (255 - cover), 255), np.uint8)
    mixed = pixels[..., :-1] * cover + np.uint16(255) * (255 - cover)
    return np.asarray((mixed + 127) // 255).astype(np.uint8)
