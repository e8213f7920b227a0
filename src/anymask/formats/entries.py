"""What the JSON formats share: one annotation per mask, as SA-1B and COCO both write it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anymask import rle
from anymask.boxes import xyxy_to_xywh
from anymask.errors import FormatError
from anymask.formats.polygons import from_polygons
from anymask.types import Masks, Record

__all__ = [
    "PICTURE_SUFFIXES",
    "annotate",
    "field",
    "find_picture",
    "load_json",
    "read_size",
    "segmentation_runs",
]

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""Suffixes under which a picture is looked for."""


def load_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object. Raises FormatError for anything else, a missing file included."""
    try:
        document = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise FormatError(
            f"path must be a JSON file, got {path} ({error.strerror}). Check the name."
        ) from None
    except ValueError as error:
        raise FormatError(f"path must be a whole JSON file, got {path} ({error}). Write it again.") from None
    if not isinstance(document, dict):
        raise FormatError(
            f"path must hold a JSON object, got a {type(document).__name__} in {path}. Wrap it."
        )
    return document


def field(entry: object, name: str, kind: type, owner: str) -> Any:
    """Take a field of `kind` from a JSON object. Raises FormatError where it is missing or another."""
    value = entry.get(name) if isinstance(entry, Mapping) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(
            f"{owner} must have a field '{name}' of type {kind.__name__}, got {value!r:.60}. "
            "Write the file again."
        )
    return value


def read_size(header: Mapping[str, Any], owner: str) -> tuple[int, int]:
    """Take (H, W) from an object with "height" and "width"."""
    h, w = field(header, "height", int, owner), field(header, "width", int, owner)
    if h < 1 or w < 1:
        raise FormatError(f"{owner} must have a size above 0, got {h} x {w}. Write the file again.")
    return h, w


def segmentation_runs(segmentation: object, size: tuple[int, int]) -> rle.Runs:
    """Runs of a segmentation: run lengths (compressed or not) of `size`, or a list of polygons."""
    if isinstance(segmentation, list):
        return from_polygons(segmentation, size)
    if not isinstance(segmentation, Mapping):
        raise FormatError(
            f"segmentation must be run lengths or polygons, got {segmentation!r:.60}. Write the file again."
        )
    runs, found = rle.from_coco(segmentation)
    if found != size:
        raise FormatError(
            f"segmentation must have the image's size {size[0]} x {size[1]}, got {found[0]} x {found[1]}. "
            "Check height and width."
        )
    return runs


def annotate(masks: Masks) -> list[dict[str, Any]]:
    """One entry per mask with "segmentation", "area" and "bbox" (xywh, half-open pixels)."""
    boxes = xyxy_to_xywh(masks.boxes).tolist()
    return [
        {"segmentation": rle.to_coco(runs, masks.size), "area": area, "bbox": box}
        for runs, area, box in zip(masks.rles, masks.areas.tolist(), boxes, strict=True)
    ]


def find_picture(beside: Path, file_name: str) -> Path:
    """Look for a picture near an annotation file: in its folder, in `images` within or next to it.

    Gives the first place that exists, or the place in the file's own folder.
    """
    name = Path(file_name)
    folders = (beside.parent, beside.parent / "images", beside.parent.parent / "images", beside.parent.parent)
    for candidate in [folder / part for part in (name, Path(name.name)) for folder in folders]:
        if candidate.is_file():
            return candidate
    return beside.parent / name.name


def file_name(record: Record) -> str:
    """The name of a record's picture."""
    if isinstance(record.image, Path):
        return record.image.name
    return str(record.meta.get("file_name", f"{record.id}.jpg"))


def per_mask(record: Record, name: str) -> Sequence[Any] | None:
    """A list in `meta` with an entry for each mask, or None. Raises FormatError where the lengths differ."""
    values = record.meta.get(name)
    if values is not None and len(values) != len(record.masks):
        raise FormatError(
            f"meta['{name}'] must have one entry for each of {len(record.masks)} masks, got {len(values)}. "
            "Use Record.with_masks when the masks change."
        )
    return None if values is None else list(values)


def scores(entries: Sequence[Mapping[str, Any]], name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A number of each annotation, 1 where it has none."""
    try:
        return np.array([float(entry.get(name, 1.0)) for entry in entries], np.float32)
    except (TypeError, ValueError):
        raise FormatError(f"annotation must have a number as '{name}', got another. Mend the file.") from None
