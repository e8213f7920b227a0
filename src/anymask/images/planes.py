"""Files that hold samples of any kind, and planes of them: `image.ome.tif[c=1,z=3]`.

TIFF, Zarr, DICOM and NIfTI are read here, all other images by Pillow and OpenCV, see `images.read`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from anymask.errors import ImageError, InputError
from anymask.images.medical import dicom_samples, dicom_size, is_nifti, nifti_samples, nifti_size
from anymask.images.stored_pixels import Samples, check_pixels
from anymask.images.tiff import MARKS, open_tiff
from anymask.images.zarr_planes import is_zarr, zarr_samples, zarr_size

__all__ = ["kind_of", "path_of", "plane_size", "read_samples", "split_plane"]

_HEAD = 1024  # bytes that tell kinds apart, the compressed header of NIfTI included
_CHOICE = re.compile(r"(?P<path>.+)\[(?P<plane>[^\[\]]*)\]")
_PART = re.compile(r"\s*([a-z])\s*=\s*(\d{1,9})\s*")


def split_plane(name: str) -> tuple[str, dict[str, int]]:
    """Split `image.ome.tif[c=1,z=3]` into the path and {"c": 1, "z": 3}, counted from 0.

    A file with exactly this name takes precedence. Raises InputError for a choice that cannot be read.
    """
    found = _CHOICE.fullmatch(name)
    if found is None or os.path.lexists(name):
        return name, {}
    parts = [_PART.fullmatch(part) for part in found["plane"].split(",")]
    keys = [part[1] for part in parts if part]
    if not all(parts) or len(set(keys)) < len(parts):
        if not os.path.exists(found["path"]):
            return name, {}  # not a plane; errors show the name as it is
        raise InputError(f"plane must be chosen as [c=1,z=3], got [{found['plane']}]. Count from 0.")
    return found["path"], {part[1]: int(part[2]) for part in parts if part}


def path_of(image: Any) -> Any:
    """What to open: the path without the choice of a plane, anything but a path as it is."""
    return split_plane(os.fspath(image))[0] if isinstance(image, (str, os.PathLike)) else image


def kind_of(source: Any) -> str | None:
    """Which of "tiff", "dicom", "nifti" and "zarr" a path, bytes or an open file is, None for others."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if is_zarr(path):
            return "zarr"
        if path.name.lower().endswith((".nii", ".nii.gz")):
            return "nifti"
        head = _head(path) if path.is_file() else b""
    elif isinstance(source, (bytes, bytearray, memoryview)):
        head = bytes(source[:_HEAD])
    elif hasattr(source, "read") and hasattr(source, "seek"):
        place = source.tell()
        source.seek(0)
        head = source.read(_HEAD)
        source.seek(place)
    else:
        return None
    if head[:4] in MARKS:
        return "tiff"
    if head[128:132] == b"DICM":
        return "dicom"
    return "nifti" if is_nifti(head) and not isinstance(source, (str, os.PathLike)) else None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def read_samples(image: Any, name: str, most: int | None, *, indices: bool = False) -> Samples | None:
    """The samples of a path (with or without a plane), bytes or an open file; None for other kinds of files.

    With `indices` palettes stay numbers. Raises ImageError for damage and for more than `most` pixels,
    InputError for a missing plane, MissingExtraError.
    """
    path, plane = split_plane(os.fspath(image)) if isinstance(image, (str, os.PathLike)) else (image, {})
    kind = kind_of(path)
    if kind is None and plane and os.path.exists(path):
        raise InputError(f"plane must be of a TIFF, Zarr, DICOM or NIfTI image, got {name}. Leave [...] out.")
    if kind is None:
        return None
    check_pixels(_size(kind, path, plane, name), most, name)
    if kind == "tiff":
        with open_tiff(path, name, plane) as file:
            return file.samples(indices=indices)
    if kind == "zarr":
        return zarr_samples(Path(path), plane, name)
    whole = _whole(path)
    return dicom_samples(whole, plane, name) if kind == "dicom" else nifti_samples(whole, plane, name)


def plane_size(image: Any, name: str) -> tuple[int, int] | None:
    """(H, W) from the header, upright; None for other kinds of files. Raises as `read_samples`."""
    path, plane = split_plane(os.fspath(image)) if isinstance(image, (str, os.PathLike)) else (image, {})
    kind = kind_of(path)
    return None if kind is None else _size(kind, path, plane, name)


def _size(kind: str, path: Any, plane: dict[str, int], name: str) -> tuple[int, int]:
    if kind == "tiff":
        with open_tiff(path, name, plane) as file:
            return file.size_hw
    if kind == "zarr":
        return zarr_size(Path(path), name)
    whole = _whole(path)
    return dicom_size(whole, name) if kind == "dicom" else nifti_size(whole, plane, name)


def _whole(source: Any) -> Any:
    """A path or bytes; the bytes of an open file."""
    if not hasattr(source, "read"):
        return source if isinstance(source, (str, os.PathLike)) else bytes(source)
    source.seek(0)
    data = source.read()
    if not isinstance(data, bytes):
        raise ImageError(
            f"image must be a file opened for bytes, got {type(source).__name__}. Open it by 'rb'."
        )
    return data
