"""Examples from files: a photo, and a target image in which the objects to find are painted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.images.bands import Bands
from anymask.images.colours import MOST_COLOURS, palette
from anymask.images.display import read_display
from anymask.images.painted_masks import read_painting
from anymask.images.read import ImageFile, image_size, name_of
from anymask.types import Masks, Record

__all__ = ["Examples", "read_examples"]

File: TypeAlias = "str | os.PathLike[str]"

_MANY, _SMALL = 100, 1 << 20  # more objects than _MANY in a target of less than _SMALL pixels are refused


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


def read_examples(
    pairs: Sequence[tuple[File, ImageFile]],
    corrections: Sequence[File] = (),
    *,
    bands: Bands | None = None,
    many: bool = False,
) -> Examples:
    """Read pairs of a photo and its target, and targets for frames of a video, which may be all black.

    A target is black or transparent outside the objects, else a map of numbers, in grey or with a palette, or
    an image of flat colours; all of them of one kind. One number in all of them is black and white. Soft
    edges and the colours that lossy files scatter are merged, see `images.painted_masks`.

    bands: how photos other than 8-bit RGB are shown.
    many: accept more than 100 objects in a target of less than a megapixel, which are else refused.

    Raises ImageError, and InputError for another size than the photo's, for no or too many colours and for
    mixed kinds.
    """
    if not pairs:
        raise InputError("pairs must hold at least one example, got none. Give a photo with its target.")
    for photo, target in pairs:
        size, found = image_size(photo), image_size(target)
        if found != size:
            raise InputError(
                f"target must have the size of its photo {photo}, {size[0]} x {size[1]} (height x width), "
                f"got {found[0]} x {found[1]} in {name_of(target)}. Give the mask drawn on this photo."
            )
    targets = [_read_target(target, many=many) for _, target in pairs]
    fixes = [_read_target(path, many=many, may_be_black=True) for path in corrections]
    painted = [(values, kind) for values, kind in [*targets, *fixes] if values.any()]
    kinds = sorted({kind for _, kind in painted})
    if len(kinds) > 1:
        raise InputError(f"targets must be of one kind, got {' and '.join(kinds)}. Make them alike.")
    codes = np.unique(np.concatenate([np.unique(values) for values, _ in painted]))
    codes = codes[codes != 0]
    if len(codes) > MOST_COLOURS:
        raise _too_many(len(codes), "all targets together")
    records = [
        _record(photo, values, codes, bands) for (photo, _), (values, _) in zip(pairs, targets, strict=True)
    ]
    fixed = tuple(_masks(values, codes) for values, _ in fixes)
    if kinds == ["numbers"] and len(codes) == 1:
        return Examples(tuple(records), None, codes, fixed)
    if kinds == ["colours"]:
        table = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
        return Examples(tuple(records), table, np.arange(1, len(codes) + 1), fixed)
    return Examples(tuple(records), palette(len(codes)), codes, fixed)


def _read_target(path: ImageFile, *, many: bool, may_be_black: bool = False) -> tuple[NDArray[np.int64], str]:
    """A map of codes (H, W), 0 outside, and what kind of target it is."""
    painting = read_painting(path)
    values = painting.values
    found = len(np.unique(values[values != 0]))
    if found == 0 and not may_be_black:
        raise InputError(f"target must show what to find, got {name_of(path)}, which is all black. Paint it.")
    if found > MOST_COLOURS:
        raise _too_many(found, name_of(path))
    if found > _MANY and values.size < _SMALL and not many:
        raise InputError(
            f"target must show at most {_MANY} objects in an image of this size, got {found} in "
            f"{name_of(path)}. "
            "Paint it without soft edges and save it as PNG, or add --many (many=True) if they are meant."
        )
    return values, painting.kind


def _too_many(count: int, where: str) -> InputError:
    return InputError(
        f"target must have at most {MOST_COLOURS} colours, got {count} in {where}. Save it as PNG, painted "
        "without smooth edges."
    )


def _record(photo: File, values: NDArray[np.int64], codes: NDArray[np.int64], bands: Bands | None) -> Record:
    name = Path(photo)
    image = name if bands is None else read_display(photo, bands)
    return Record(name.stem, image, _masks(values, codes), "human", {"file_name": name.name})


def _masks(values: NDArray[np.int64], codes: NDArray[np.int64]) -> Masks:
    """A mask for each code that is there, labelled with its number in `codes`."""
    runs = rle.encode_numbers(values)
    here = np.searchsorted(codes, list(runs))
    return Masks((values.shape[0], values.shape[1]), runs.values(), labels=np.array(here, np.int64))
