"""Conversion of images of any depth and number of channels to 8-bit RGB, by the same rule everywhere.

The range that a file declares is used: 8 bits unchanged, 16 bits from 0 to 65535, the window of a DICOM file.
Images that would be black this way, or have no range, are stretched to their percentiles with an
`ImageWarning`. `Bands` overrides this.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageWarning
from anymask.images.bands import Bands, Limits, find_limits, to_rgb
from anymask.images.eight_bits import from_samples
from anymask.images.planes import kind_of, path_of, split_plane
from anymask.images.read import ImageSource, is_deep, name_of, open_image, read_stored
from anymask.images.stored_pixels import Samples
from anymask.images.tiff import open_tiff

__all__ = ["TiffWindows", "open_windows", "read_display", "shown_format"]

DARK = 1 / 8
"""Of the white value: images whose samples all lie below are stretched. 12 bits in 16 reach half of it."""
_PROBES, _PROBE = 8, 256  # windows along each side, and their side in pixels, by which a large file is judged
_MOST_PROBED = 1 << 22  # samples of a band by which percentiles are found


def read_display(
    image: ImageSource, bands: Bands | None = None, *, max_pixels: int | None = None, name: str = ""
) -> NDArray[np.uint8]:
    """Read an image as (H, W, 3) uint8 RGB, whatever its depth and its number of channels.

    bands: which channels are red, green and blue, and which samples black and white; without it the
        rule of the module applies, and arrays are treated as by `read_image`.
    max_pixels: as for `read_image`.
    name: what warnings call an image without a file name.

    Issues an `ImageWarning` about automatic choices. Raises ImageError as `read_image`, InputError for a band
    that is missing.
    """
    stored = read_stored(image, max_pixels=max_pixels)
    name = name or name_of(image)
    for note in stored.notes:
        _warn(note)
    if bands is None and isinstance(image, np.ndarray):
        return from_samples(stored)
    return _shown(stored, _choice(stored, bands, name))


def shown_format(path: str | os.PathLike[str], bands: Bands | None) -> str:
    """Pillow's name of a file's format ("JPEG") if other programs show it as `read_display` does, else "".

    Raises ImageError as `read_image`.
    """
    if bands is not None or kind_of(path_of(path)) is not None:
        return ""
    with open_image(path) as opened:
        return "" if is_deep(opened) else str(opened.format)


def _warn(note: str) -> None:
    warnings.warn(note, ImageWarning, stacklevel=3)


@dataclass(frozen=True)
class _Choice:
    """The channels that are shown and the samples that become 0 and 255; None: as the file declares."""

    bands: Bands
    limits: Limits


def _choice(stored: Samples, bands: Bands | None, name: str) -> _Choice | None:
    """How the samples are shown, and a warning where nobody asked for it."""
    thin = _thinned(stored.array)
    if bands is not None:
        chosen = bands.among(stored.array.shape[2])
        return _Choice(chosen, find_limits(thin, chosen, nodata=stored.nodata))
    colours = stored.colours
    if stored.limits is not None:
        return _Choice(Bands((1,), limits=stored.limits), np.array([stored.limits]))
    plain = stored.array.dtype == np.uint8 and stored.white == 255
    if colours in (1, 3) and (plain or _is_bright(stored)):
        return None
    first = Bands(limits=(0, 255) if plain else None).among(colours)
    _warn(_told(stored, first, name, plain=plain))
    return _Choice(first, find_limits(thin, first, nodata=stored.nodata))


def _told(stored: Samples, bands: Bands, name: str, *, plain: bool) -> str:
    """The text of the warning: what was chosen, and how to override it."""
    parts = []
    if stored.colours not in (1, 3):
        shown = ", ".join(map(str, bands.order or ()))
        parts.append(f"has {stored.colours} channels, of which {shown} are shown; choose by --bands")
    if not plain:
        why = "has samples without a declared white" if stored.white is None else "would be black"
        parts.append(f"{why} and is stretched to its percentiles 2 and 98; choose by --stretch or --limits")
    return f"{name} " + ", and ".join(parts)


def _is_bright(stored: Samples) -> bool:
    """Whether the samples reach far enough up to be seen (down, where low is bright)."""
    if stored.white is None:
        return False
    colours = stored.array[..., : stored.colours]
    if stored.inverted:
        return bool(stored.white - colours.min() > stored.white * DARK)
    return bool(colours.max() > stored.white * DARK)


def _thinned(array: NDArray[Any]) -> NDArray[Any]:
    step = max(1, int(np.sqrt(array.shape[0] * array.shape[1] / _MOST_PROBED)))
    return array[::step, ::step]


def _shown(stored: Samples, choice: _Choice | None) -> NDArray[np.uint8]:
    if choice is None:
        return from_samples(stored)
    pixels = to_rgb(stored.array, choice.bands, choice.limits, nodata=stored.nodata)
    return np.asarray(255 - pixels, np.uint8) if stored.inverted else pixels


@dataclass(frozen=True, eq=False)
class TiffWindows:
    """A TIFF file that is shown window by window: memory holds the strips or tiles of one alone."""

    path: str
    """The file, without the choice of a plane."""
    plane: Mapping[str, int]
    """The plane."""
    size_hw: tuple[int, int]
    """(H, W) in pixels, upright."""
    choice: _Choice | None
    """How it is shown, the same in every window."""

    def read(self, xyxy: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """A window, half-open pixels, as (h, w, 3) uint8 RGB. Raises ImageError where the file is damaged."""
        with open_tiff(self.path, self.path, self.plane) as file:
            return _shown(file.samples(xyxy), self.choice)


def open_windows(path: str | os.PathLike[str], bands: Bands | None = None) -> TiffWindows | None:
    """Open a TIFF file to be read by windows; None for others, or where windows cannot be decoded alone.

    How it is shown is found from 64 windows all over it. Warns and raises as `read_display`.
    """
    place, plane = split_plane(os.fspath(path))
    if kind_of(place) != "tiff":
        return None
    with open_tiff(place, os.fspath(path), plane) as file:
        if file.by_pillow or file.is_one_piece:
            return None
        probes = [file.samples(window) for window in _probes(file.size_hw)]
        for note in file.notes:
            _warn(note)
        size = file.size_hw
    seen = np.concatenate([one.array.reshape(-1, 1, one.array.shape[2]) for one in probes])
    whole = Samples(**{**vars(probes[0]), "array": seen})
    return TiffWindows(place, plane, size, _choice(whole, bands, os.fspath(path)))


def _probes(size_hw: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Windows in a grid, without overlap."""
    height, width = size_hw
    rows, columns = (_starts(side) for side in (height, width))
    return [(x, y, min(x + _PROBE, width), min(y + _PROBE, height)) for y in rows for x in columns]


def _starts(side: int) -> list[int]:
    count = min(_PROBES, max(1, side // _PROBE))
    return sorted({int(at) for at in np.linspace(0, max(0, side - _PROBE), count)})
