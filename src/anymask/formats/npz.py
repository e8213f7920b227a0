"""NumPy: one .npz file per image, read without pickle.

`size` (2,) H and W; `counts` uint32, the run lengths of all masks in a row; `lengths` (N,), how many of them
each mask has; `scores`, and where known `stability`, `labels`, `prompt`, `logits`; `about`, JSON as bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.files import budget
from anymask.formats import json_fields
from anymask.formats.reading import PLAIN, Reading
from anymask.formats.writers import Outlines, Page
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["KEEPS", "decode", "encode"]

_COLUMNS = ("scores", "stability", "labels", "prompt", "logits")
_META = (
    "attributes", "categories", "category_scores", "crowds", "kinds", "ids", "parents", "dataset",
    "crop_boxes", "point_coords",
)  # fmt: skip
KEEPS = frozenset({"id", "source", "ignore", *_COLUMNS, *_META})
"""Facts of a record that a file holds."""


def encode(record: Record, outlines: Outlines) -> Page:
    """The file of a record; run lengths whatever `outlines` says."""
    masks = record.masks
    arrays: dict[str, NDArray[Any]] = {
        "size": np.array(masks.size, np.int64),
        "counts": np.concatenate([np.zeros(0, np.uint32), *masks.rles]),
        "lengths": np.array([runs.size for runs in masks.rles], np.int64),
    }
    arrays |= {name: getattr(masks, name) for name in _COLUMNS if getattr(masks, name) is not None}
    if record.ignore is not None:
        arrays["ignore"] = record.ignore
    about = {"id": record.id, "file_name": json_fields.file_name(record), "source": record.source}
    kept = {key: _plain(record.meta[key]) for key in _META if key in record.meta}
    arrays["about"] = np.frombuffer(json_fields.to_json({**about, "meta": kept}), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return Page(file.getvalue(), _split(arrays["counts"], arrays["lengths"]))


def _plain(value: object) -> object:
    """NumPy values, and lists of them, as JSON takes them."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _split(counts: NDArray[Any], lengths: NDArray[Any]) -> list[rle.Runs]:
    """Run lengths by mask."""
    return np.split(counts, np.cumsum(lengths)[:-1]) if lengths.size else []


def decode(data: bytes, path: Path, reading: Reading = PLAIN) -> Record:
    """The record in the file at `path`. Raises FormatError if it was not written by anymask or is corrupt."""
    arrays = _arrays(data, path)
    try:
        about = json_fields.parse_object(arrays["about"].tobytes(), path)
        h, w = (int(side) for side in arrays["size"])
        size = json_fields.read_size({"height": h, "width": w}, "the file")
        counts, lengths = arrays["counts"], arrays["lengths"]
        if lengths.sum() != counts.size or (lengths < 0).any():
            raise ValueError("lengths do not add up")
        runs = [rle.from_coco({"size": size, "counts": one})[0] for one in _split(counts, lengths)]
        columns = {name: arrays[name] for name in _COLUMNS if name in arrays}
        name = str(about["file_name"])
        meta = dict(json_fields.mapping(about["meta"], "meta"))
        ignore = rle.from_coco({"size": size, "counts": arrays["ignore"]})[0] if "ignore" in arrays else None
        return Record(
            str(about["id"]),
            json_fields.find_image(path, name, reading.images),
            Masks(size, runs, **columns),
            source=about["source"],
            meta={"file_name": name, **meta},
            ignore=ignore,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"path must be an .npz of masks, got {path} ({error}). Write it again.") from None


def _arrays(data: bytes, path: Path) -> Mapping[str, NDArray[Any]]:
    """All arrays of a file, none of them unpacked before their size is known."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            unpacked = sum(info.file_size for info in packed.infolist())
        if unpacked > budget.memory() // 2:
            raise ValueError(f"{unpacked} bytes unpacked")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # a damaged zip raises nearly anything
        raise FormatError(
            f"path must be a complete .npz file, got {path} ({error}). Write it again."
        ) from None
