"""Examples as people have them: a photo, and a picture in which the things to find are painted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.images.colours import MOST_COLOURS, palette
from anymask.images.read import read_image, read_map
from anymask.types import Masks, Record

__all__ = ["Examples", "read_examples"]

File: TypeAlias = "str | os.PathLike[str]"

_LOSSY = (".jpg", ".jpeg", ".webp")
_BRIGHT = 127


@dataclass(frozen=True)
class Examples:
    """Records whose masks are labelled by one palette, and what the labels are in the files."""

    records: tuple[Record, ...]
    """One for each pair of files; `masks.labels` are numbers in the palette."""
    palette: NDArray[np.uint8] | None
    """(K, 3) colours; None where every target is black and white."""
    numbers: NDArray[np.int64]
    """(K,) the numbers of the labels in a map: those of the files, or 1, 2, ... for colours."""
    corrections: tuple[Masks, ...] = ()
    """The masks of targets without a photo, labelled likewise."""


def read_examples(pairs: Sequence[tuple[File, File]], corrections: Sequence[File] = ()) -> Examples:
    """Read pairs of a photo and its target, and targets for frames of a video, which may be all black.

    A target is black where nothing is, else a map of numbers, in grey or with a palette, or a picture of flat
    colours; all of them of one kind. One number in all of them is black and white. A JPEG is cut in the
    middle. Raises ImageError, and InputError for another size than the photo's, for no or too many colours
    and for mixed kinds.
    """
    if not pairs:
        raise InputError("pairs must hold at least one example, got none. Give a photo with its target.")
    targets = [_read_target(target) for _, target in pairs]
    for (photo, target), (values, _) in zip(pairs, targets, strict=True):
        size = read_image(photo).shape[:2]
        if values.shape != size:
            raise InputError(
                f"target must have the size of its photo {photo}, {size[0]} x {size[1]} (height x width), "
                f"got {values.shape[0]} x {values.shape[1]} in {target}. Give the mask drawn on this photo."
            )
    fixes = [_read_target(path, may_be_black=True) for path in corrections]
    painted = [(values, kind) for values, kind in [*targets, *fixes] if values.any()]
    kinds = sorted({kind for _, kind in painted})
    if len(kinds) > 1:
        raise InputError(f"targets must be of one kind, got {' and '.join(kinds)}. Make them alike.")
    codes = np.unique(np.concatenate([np.unique(values) for values, _ in painted]))
    codes = codes[codes != 0]
    if len(codes) > MOST_COLOURS:
        raise _too_many(len(codes), "all targets together")
    records = [_record(photo, values, codes) for (photo, _), (values, _) in zip(pairs, targets, strict=True)]
    fixed = tuple(_masks(values, codes) for values, _ in fixes)
    if kinds == ["numbers"] and len(codes) == 1:
        return Examples(tuple(records), None, codes, fixed)
    if kinds == ["colours"]:
        table = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
        return Examples(tuple(records), table, np.arange(1, len(codes) + 1), fixed)
    return Examples(tuple(records), palette(len(codes)), codes, fixed)


def _read_target(path: File, *, may_be_black: bool = False) -> tuple[NDArray[np.int64], str]:
    """A map of codes (H, W), 0 outside, and what kind of target it is."""
    if _is_colour(path):
        rgb = read_image(path).astype(np.int64)
        values, kind = rgb @ np.array([1 << 16, 1 << 8, 1]), "colours"
    else:
        values, kind = read_map(path).astype(np.int64), "numbers"
        if Path(path).suffix.lower() in _LOSSY:
            values = (values > _BRIGHT) * np.int64(255)
    found = len(np.unique(values[values != 0]))
    if found == 0 and not may_be_black:
        raise InputError(f"target must show what to find, got {path}, which is all black. Paint it.")
    if found > MOST_COLOURS:
        raise _too_many(found, str(path))
    return values, kind


def _is_colour(path: File) -> bool:
    """Whether a file holds colours, not grey or numbers. Files that cannot be opened are reported later."""
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("RGB", "RGBA"):
                return False
    except OSError:
        return False
    rgb = read_image(path)
    return bool((rgb != rgb[..., :1]).any())


def _too_many(count: int, where: str) -> InputError:
    return InputError(
        f"target must have at most {MOST_COLOURS} colours, got {count} in {where}. Save it as PNG, painted "
        "without smooth edges."
    )


def _record(photo: File, values: NDArray[np.int64], codes: NDArray[np.int64]) -> Record:
    name = Path(photo)
    return Record(name.stem, name, _masks(values, codes), "human", {"file_name": name.name})


def _masks(values: NDArray[np.int64], codes: NDArray[np.int64]) -> Masks:
    """A mask for each code that is there, labelled with its number in `codes`."""
    here = [number for number, code in enumerate(codes) if (values == code).any()]
    runs = [rle.encode(values == codes[number]) for number in here]
    return Masks((values.shape[0], values.shape[1]), runs, labels=np.array(here, np.int64))
