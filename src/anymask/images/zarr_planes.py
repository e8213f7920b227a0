"""Planes of OME-Zarr images (NGFF 0.1 to 0.5) and of plain Zarr arrays. Needs the extra `zarr`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import ImageError, MissingExtraError
from anymask.files import budget
from anymask.images.stored_pixels import Samples, check_pixels, check_plane, reading

__all__ = ["is_zarr", "zarr_samples", "zarr_size"]

_FILES = (".zgroup", ".zarray", "zarr.json")
_USUAL = "tczyx"
_SAMPLE = 8  # bytes for each pixel of the budget that may be decoded at once


def is_zarr(folder: Path) -> bool:
    """Whether a folder holds a Zarr group or array."""
    return folder.is_dir() and any((folder / name).is_file() for name in _FILES)


def zarr_size(folder: Path, name: str) -> tuple[int, int]:
    """(H, W) of the largest level. Raises ImageError, MissingExtraError."""
    with reading(name, "Zarr image"):
        array, axes = _open(folder, name)
        return int(array.shape[axes.index("y")]), int(array.shape[axes.index("x")])


def zarr_samples(folder: Path, plane: Mapping[str, int], name: str) -> Samples:
    """A plane of the largest level; of axes that `plane` does not name the first, of channels all.

    Raises as `zarr_size`, InputError for a missing plane.
    """
    with reading(name, "Zarr image"):
        array, axes = _open(folder, name)
        sizes = {key: int(size) for key, size in zip(axes, array.shape, strict=True)}
        rest = {key: size for key, size in sizes.items() if key not in "yx" and size > 1}
        check_plane(plane, rest, name)
        shape = (sizes["y"], sizes["x"])
        check_pixels(shape, None, name)
        kept = [key for key in axes if key in "yx" or (key == "c" and "c" not in plane)]
        total = math.prod(sizes[key] for key in kept) * np.dtype(array.dtype).itemsize
        if total > _SAMPLE * budget.most("pixels"):
            raise ImageError(
                f"image must fit into memory, got {total >> 20} MiB in {name}. Choose a channel: [c=N]."
            )
        found = np.asarray(array[tuple(slice(None) if key in kept else plane.get(key, 0) for key in axes)])
        order = [kept.index(key) for key in ("y", "x", "c") if key in kept]
        samples = found.transpose(order).reshape(*shape, -1)
        notes = tuple(
            f"{name} has {size} planes along {key}; the first is used, choose by [{key}=N]"
            for key, size in rest.items()
            if key not in plane and key != "c"
        )
        white = float(np.iinfo(samples.dtype).max) if samples.dtype in (np.uint8, np.uint16) else None
        return Samples(samples, samples.shape[2], white=white, notes=notes)


def _open(folder: Path, name: str) -> tuple[Any, str]:
    """The array of the largest level, and a letter for each of its axes."""
    try:
        import zarr
    except ImportError:
        raise MissingExtraError("reading Zarr images", "zarr") from None
    node: Any = zarr.open(str(folder), mode="r")
    if not hasattr(node, "shape"):
        attributes: Any = dict(node.attrs)
        found = attributes.get("ome", attributes).get("multiscales")
        if not found:
            raise ImageError(
                f"image must be an OME-Zarr image or a Zarr array, got the group {name}. Name one in it."
            )
        array = node[found[0]["datasets"][0]["path"]]
        named = [str(one["name"] if isinstance(one, Mapping) else one) for one in found[0].get("axes", ())]
    else:
        array, named = node, list[str]()
    letters = "".join(one[:1].lower() for one in named) or _USUAL[max(0, 5 - array.ndim) :][-array.ndim :]
    if len(letters) != array.ndim or len(set(letters)) != len(letters) or not {"y", "x"} <= set(letters):
        raise ImageError(
            f"image must have the axes y and x, got {named or array.ndim} in {name}. Convert it."
        )
    return array, letters
