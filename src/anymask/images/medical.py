"""Slices of DICOM and NIfTI files. Needs the extra `medical` (pydicom, nibabel).

Samples are in the file's own units (Hounsfield units of a CT), by its slope and intercept. The window of a
DICOM file is PS3.3, C.11.2.1.2 and C.11.2.1.3. Where its curve is a sigmoid, samples are those that look the
same in a linear window.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageError, InputError, MissingExtraError
from anymask.images.stored_pixels import Samples, check_pixels, check_plane, reading

__all__ = ["dicom_samples", "dicom_size", "is_nifti", "nifti_samples", "nifti_size"]

_GZIP = b"\x1f\x8b"
_MOST_BYTES = 1 << 31  # of a compressed NIfTI file that is given as bytes


def dicom_size(source: str | Path | bytes, name: str) -> tuple[int, int]:
    """(H, W) by the header. Raises ImageError for a file without an image, MissingExtraError."""
    with _pydicom(name) as pydicom:
        return _dicom_hw(pydicom.dcmread(_binary(source), stop_before_pixels=True), name)


def dicom_samples(source: str | Path | bytes, plane: Mapping[str, int], name: str) -> Samples:
    """One frame: `plane` is {"p": number}, from 0; without it the first.

    Raises as `dicom_size`, InputError for a missing frame.
    """
    with _pydicom(name) as pydicom:
        from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
        from pydicom.pixels.utils import pixel_array

        header = pydicom.dcmread(_binary(source))
        check_pixels(_dicom_hw(header, name), None, name)
        frames = int(header.get("NumberOfFrames", 1) or 1)
        check_plane(plane, {"p": frames} if frames > 1 else {}, name)
        array = pixel_array(header, index=plane.get("p", 0) if frames > 1 else 0)
        kind = str(header.get("PhotometricInterpretation", "MONOCHROME2"))
        if kind == "PALETTE COLOR":
            array = apply_color_lut(array, header)
        if array.ndim == 3:
            return Samples(
                array, 3, white=float(np.iinfo(array.dtype).max), notes=_frame_note(frames, plane, name)
            )
        limits = _window(header)
        samples = np.asarray(apply_modality_lut(array, header), np.float32)
        if limits is not None and str(header.get("VOILUTFunction", "")) == "SIGMOID":
            samples = _straightened(samples, limits)
        if limits is None and array.dtype == np.uint8 and np.array_equal(samples, array):
            limits = (0.0, 255.0)
        return Samples(
            samples[..., None],
            1,
            limits=limits,
            inverted=kind == "MONOCHROME1",
            notes=_frame_note(frames, plane, name),
        )


def _frame_note(frames: int, plane: Mapping[str, int], name: str) -> tuple[str, ...]:
    return (
        (f"{name} has {frames} frames; the first is used, choose by [p=N]",)
        if frames > 1 and not plane
        else ()
    )


def _dicom_hw(header: Any, name: str) -> tuple[int, int]:
    height, width = int(header.get("Rows", 0) or 0), int(header.get("Columns", 0) or 0)
    if not height or not width:
        raise ImageError(f"image must hold pixels, got the DICOM file {name} without any. Give another.")
    return height, width


def _window(header: Any) -> tuple[float, float] | None:
    """The values that the file's first window shows as black and white."""
    centre, width = (_first_number(header.get(key)) for key in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width <= 0:
        return None
    if str(header.get("VOILUTFunction", "LINEAR")) in ("LINEAR_EXACT", "SIGMOID"):
        return centre - width / 2, centre + width / 2
    if width < 1:
        return None
    low = centre - 0.5 - (width - 1) / 2
    return low, low + max(width - 1, 1.0)


def _straightened(samples: NDArray[np.float32], limits: tuple[float, float]) -> NDArray[np.float32]:
    """Samples whose linear window shows what a sigmoid one shows of those given."""
    low, high = limits
    steps = np.clip(-4 * (samples - (low + high) / 2) / (high - low), -80, 80)
    return np.asarray(low + (high - low) / (1 + np.exp(steps)), np.float32)


def _first_number(value: Any) -> float | None:
    try:
        return float(value[0] if isinstance(value, (list, tuple)) or hasattr(value, "append") else value)
    except (TypeError, ValueError, IndexError):
        return None


@contextmanager
def _pydicom(name: str) -> Iterator[Any]:
    try:
        import pydicom
    except ImportError:
        raise MissingExtraError("reading DICOM files", "medical") from None
    with reading(name, "DICOM file"):
        yield pydicom


def is_nifti(head: bytes) -> bool:
    """Whether the first bytes of a file, compressed or not, are those of a NIfTI file with its voxels."""
    if head[:2] == _GZIP:
        try:
            head = zlib.decompressobj(31).decompress(head, 348)
        except zlib.error:
            return False
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def _volume(nibabel: Any, source: str | Path | bytes) -> Any:
    if not isinstance(source, bytes):
        return nibabel.load(source)
    if source[:2] == _GZIP:
        source = zlib.decompressobj(31).decompress(source, _MOST_BYTES)
    kind = nibabel.Nifti2Image if source[4:8] == b"n+2\0" else nibabel.Nifti1Image
    return kind.from_bytes(source)


def nifti_size(source: str | Path | bytes, plane: Mapping[str, int], name: str) -> tuple[int, int]:
    """(H, W) of a slice by the header. Raises ImageError, InputError, MissingExtraError."""
    with _nibabel(name) as nibabel:
        index, _ = _slice(_volume(nibabel, source).shape, plane, name)
        width, height = (size for size, at in index if at is None)
        return height, width


def nifti_samples(source: str | Path | bytes, plane: Mapping[str, int], name: str) -> Samples:
    """A slice across one axis of the voxels: `plane` is {"z": k}, {"y": j} or {"x": i}, with "t" for a time.

    Without one the middle slice across the last axis. The first of the other two axes runs to the right, the
    second down, as the voxels are stored, so that a mask goes back by its transpose. Raises as `nifti_size`.
    """
    with _nibabel(name) as nibabel:
        image = _volume(nibabel, source)
        index, notes = _slice(image.shape, plane, name)
        sizes = [size for size, at in index if at is None]
        check_pixels((sizes[1], sizes[0]), None, name)
        voxels = np.asarray(image.dataobj[tuple(slice(None) if at is None else at for _, at in index)])
        return Samples(_numbers(voxels, name).T[..., None], 1, white=_white(voxels), notes=notes)


def _numbers(voxels: NDArray[Any], name: str) -> NDArray[Any]:
    if voxels.dtype.kind not in "iuf" or voxels.ndim != 2:
        raise ImageError(f"image must hold one number a voxel, got {voxels.dtype} in {name}. Convert it.")
    return voxels


def _white(voxels: NDArray[Any]) -> float | None:
    return 255.0 if voxels.dtype == np.uint8 else None


def _slice(
    shape: tuple[int, ...], plane: Mapping[str, int], name: str
) -> tuple[list[tuple[int, int | None]], tuple[str, ...]]:
    """Size and index of each axis, None along the two that are shown; and notes of what was chosen."""
    names = ["x", "y", "z", "t", "c"][: len(shape)]
    if not 2 <= len(shape) <= 5:
        raise ImageError(f"image must have 2 to 5 axes, got {len(shape)} in {name}. Choose another file.")
    across = [key for key in "xyz" if key in plane]
    if len(across) > 1:
        raise InputError(
            f"plane must be chosen across one of x, y and z, got {' and '.join(across)}. Leave one out."
        )
    check_plane(plane, dict(zip(names, shape, strict=True)), name)
    place: dict[str, int] = {key: 0 for key in names if key in "tc"}
    notes = []
    if not across and len(shape) > 2:
        place["z"] = shape[2] // 2
        if shape[2] > 1:
            notes.append(
                f"{name} has {shape[2]} slices; z={place['z']} is used, choose by [z=N], [y=N] or [x=N]"
            )
    elif not across and "z" in names:
        place["z"] = 0
    place.update(plane)
    return [(size, place.get(key)) for key, size in zip(names, shape, strict=True)], tuple(notes)


@contextmanager
def _nibabel(name: str) -> Iterator[Any]:
    try:
        import nibabel
    except ImportError:
        raise MissingExtraError("reading NIfTI files", "medical") from None
    with reading(name, "NIfTI file"):
        yield nibabel


def _binary(source: str | Path | bytes) -> Any:
    return io.BytesIO(source) if isinstance(source, bytes) else str(source)
