"""Conversion of images other than 8-bit RGB by an explicit normalisation.

Satellites, microscopes and scanners produce one or more bands of 16 bits or floats. `Bands` says which of
them become red, green and blue and which sample values become 0 and 255.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageError, InputError

__all__ = ["Bands", "Limits", "find_limits", "numbers", "read_bands", "to_rgb"]

Limits: TypeAlias = NDArray[np.float64]
"""(C, 2): the samples of each chosen band that become 0 and 255."""


@dataclass(frozen=True)
class Bands:
    """How samples (H, W, B) become an image. Raises InputError for values that cannot be used."""

    order: tuple[int, ...] | None = None
    """Numbers of the bands, from 1, for red, green and blue; one number for grey. None: see `among`."""
    stretch: tuple[float, float] = (2.0, 98.0)
    """Percentiles of each band that become 0 and 255, of samples that are finite and not `nodata`."""
    limits: tuple[float, float] | None = None
    """Sample values that become 0 and 255 in every band, instead of `stretch`."""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.order is not None and (len(self.order) not in (1, 3) or min(self.order) < 1):
            raise InputError(
                f"bands must be one or three numbers from 1 on, got {list(self.order)}. "
                "Write 3,2,1, for example."
            )
        low, high = self.stretch
        if not 0 <= low < high <= 100:
            raise InputError(
                f"stretch must be two rising percentiles, 0 to 100, got {low:g}, {high:g}. "
                "Write 2,98, for example."
            )
        if self.limits is not None and not -np.inf < self.limits[0] < self.limits[1] < np.inf:
            raise InputError(
                f"limits must be two rising sample values, got {self.limits[0]:g}, {self.limits[1]:g}. "
                "Write 0,4000, for example."
            )

    def as_options(self) -> list[str]:
        """The options of the command line that `read_bands` reads these from."""
        given = {"--stretch": self.stretch, **({"--limits": self.limits} if self.limits else {})}
        pairs = [f"{name}={low!r},{high!r}" for name, (low, high) in given.items()]
        return [*([f"--bands={','.join(map(str, self.order))}"] if self.order else []), *pairs]

    def among(self, count: int) -> Bands:
        """A copy with an order: the given one, else the first three of `count` bands, or the first."""
        return self if self.order is not None else replace(self, order=(1, 2, 3) if count >= 3 else (1,))

    def numbers(self, count: int) -> tuple[int, ...]:
        """The order among `count` bands, see `among`. Raises InputError where a band is missing."""
        order = self.among(count).order or ()
        if max(order) > count:
            raise InputError(
                f"bands must be numbers from 1 to {count}, as many as the image has, got {list(order)}. "
                "Choose among them."
            )
        return order


def read_bands(bands: str | None, stretch: str | None, limits: str | None) -> Bands | None:
    """Read "4,3,2" (or "1"), "2,98" and "0,4000"; None where all are missing or empty. Raises InputError."""
    if not bands and not stretch and not limits:
        return None
    given = {"stretch": stretch, "limits": limits}
    pairs = {name: _pair(name, text) for name, text in given.items() if text}
    return Bands(_order(bands) if bands else None, **pairs)


def _order(text: str) -> tuple[int, ...]:
    found = numbers(text, 3) or numbers(text, 1)
    if found is None or any(number != int(number) for number in found):
        raise InputError(f"--bands must be R,G,B or one number, got '{text}'. Write 4,3,2.")
    return tuple(int(number) for number in found)


def _pair(name: str, text: str) -> tuple[float, float]:
    found = numbers(text, 2)
    if found is None:
        raise InputError(f"--{name} must be LOW,HIGH, got '{text}'. Write 2,98, for example.")
    return found[0], found[1]


def numbers(text: str, count: int) -> tuple[float, ...] | None:
    """A given count of finite numbers separated by commas, None for anything else."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return found if len(found) == count and bool(np.isfinite(found).all()) else None


def find_limits(samples: NDArray[Any], bands: Bands, *, nodata: float | None = None) -> Limits:
    """The samples of each chosen band that become 0 and 255; `samples` (H, W, B) may be a subsampled image.

    A band of one value alone gets limits 1 apart. Raises InputError where a band is missing.
    """
    chosen = _chosen(samples, bands)
    if bands.limits is not None:
        return np.tile(np.array(bands.limits, np.float64), (len(chosen), 1))
    rows = []
    for band in chosen:
        usable = band[_usable(band, nodata)]
        low, high = np.percentile(usable, bands.stretch) if usable.size else (0.0, 0.0)
        rows.append((float(low), float(high) if high > low else float(low) + 1.0))
    return np.array(rows, np.float64)


def _chosen(samples: NDArray[Any], bands: Bands) -> list[NDArray[Any]]:
    """The chosen bands of (H, W) or (H, W, B), each (H, W)."""
    array = samples[..., None] if samples.ndim == 2 else samples
    if array.ndim != 3 or array.dtype.kind not in "iufb":
        raise ImageError(
            f"image must be numbers of shape (H, W) or (H, W, bands), got {samples.dtype} of shape "
            f"{samples.shape}. Move axes."
        )
    return [array[..., number - 1] for number in bands.numbers(array.shape[2])]


def _usable(band: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    known = np.isfinite(band) if band.dtype.kind == "f" else np.ones(band.shape, np.bool_)
    return known if nodata is None or np.isnan(nodata) else known & (band != nodata)


def to_rgb(
    samples: NDArray[Any], bands: Bands, limits: Limits | None = None, *, nodata: float | None = None
) -> NDArray[np.uint8]:
    """The image (H, W, 3) uint8 RGB of samples (H, W) or (H, W, B) of any kind of number.

    `limits` are those of the whole image where `samples` are a part of it, else they are found here. A sample
    that is not finite or is `nodata` becomes 0. Raises InputError where a band is missing, ImageError for
    another shape.
    """
    found = find_limits(samples, bands, nodata=nodata) if limits is None else limits
    grey = [
        _scaled(band, low, high, nodata)
        for band, (low, high) in zip(_chosen(samples, bands), found.tolist(), strict=True)
    ]
    return np.stack(grey if len(grey) == 3 else grey * 3, axis=-1)


def _scaled(band: NDArray[Any], low: float, high: float, nodata: float | None) -> NDArray[np.uint8]:
    values = np.where(_usable(band, nodata), band, low).astype(np.float32)
    return np.asarray(np.rint(np.clip((values - low) * (255 / (high - low)), 0, 255)), np.uint8)
