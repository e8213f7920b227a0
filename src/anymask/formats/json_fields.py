"""Fields of JSON annotation files: reading, checking and writing, shared by all formats."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from anymask.errors import FormatError
from anymask.files import budget, read_regular
from anymask.formats.image_files import ImageFiles, Images
from anymask.formats.polygons.rasterise import from_polygons
from anymask.formats.safe_paths import inner_path
from anymask.geometry import rle
from anymask.geometry.boxes import xyxy_to_xywh
from anymask.images.folder import IMAGE_SUFFIXES
from anymask.images.read import image_size
from anymask.types import Masks, Record, Source

__all__ = [
    "MOST_PIXELS",
    "annotate",
    "check_values",
    "column",
    "field",
    "file_name",
    "find_image",
    "inner_path",
    "load_json",
    "mapping",
    "names",
    "number",
    "parse_json",
    "parse_object",
    "per_mask",
    "read_bytes",
    "read_size",
    "scores",
    "segmentation_runs",
    "size_beside",
    "source",
    "stem",
    "text",
    "to_json",
    "unreadable",
    "whole",
]

_LARGEST_SCORE = 1e30  # scores are kept as float32
MOST_PIXELS = (1 << 32) - 1
"""The largest count that a run length can store."""


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The contents of a file. Raises FormatError if it cannot be read."""
    try:
        return read_regular(path, f"file {Path(path).name}")
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        if isinstance(error, FormatError):
            raise
        raise unreadable(path, error) from None


def unreadable(path: str | os.PathLike[str], error: OSError | ValueError) -> FormatError:
    """The error for a file that the operating system cannot read."""
    kind = f"{Path(path).suffix[1:].upper()} file".lstrip()
    reason = getattr(error, "strerror", None) or str(error)
    return FormatError(f"path must be a {kind}, got {path} ({reason}). Check the name.")


def text(data: bytes) -> str:
    """The text of a file in UTF-8 or, by its byte order mark, UTF-16; the mark is removed."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def load_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a JSON object. Raises FormatError for anything else, a missing file included."""
    return parse_object(read_bytes(path), path)


def parse_json(data: bytes, path: str | os.PathLike[str]) -> Any:
    """The value in a JSON file at `path`. Raises FormatError if it is corrupt or nested too deeply."""
    check_values(data, f"file {Path(path).name}")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"path must be a complete JSON file, got {path} ({error}). Write it again."
        ) from None


def check_values(text: bytes | str, what: str) -> None:
    """Raise FormatError if JSON has more values than the budget allows, by its commas and brackets."""
    if isinstance(text, bytes):
        found = text.count(b",") + text.count(b"[") + 3 * text.count(b"{")
    else:
        found = text.count(",") + text.count("[") + 3 * text.count("{")  # an object takes as much as three
    budget.check(what, "values", found)


def parse_object(data: bytes, path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object in a file at `path`. Raises FormatError for anything else."""
    document = parse_json(data, path)
    if not isinstance(document, dict):
        raise FormatError(
            f"path must hold a JSON object, got a {type(document).__name__} in {path}. Wrap it."
        )
    return document


def to_json(value: object) -> bytes:
    """JSON in one line."""
    return json.dumps(value).encode()


def whole(value: object) -> int | None:
    """A 64-bit integer, also if written as 10.0 or as text; None for anything else."""
    if isinstance(value, bool):
        return None
    try:
        number = value if isinstance(value, int) else float(value)  # type: ignore[arg-type]
        return int(number) if number == int(number) and abs(number) < 1 << 63 else None
    except (TypeError, ValueError, OverflowError):
        return None


def field(entry: object, name: str, kind: type, owner: str) -> Any:
    """Take a field of `kind` from a JSON object. Raises FormatError if it is missing or of another type."""
    value = entry.get(name) if type(entry) is dict or isinstance(entry, Mapping) else None
    if type(value) is kind:
        return value
    if kind is int and (found := whole(value)) is not None:
        return found
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(
            f"{owner} must have a field '{name}' of type {kind.__name__}, got {value!r:.60}. "
            "Write the file again."
        )
    return value


def mapping(value: object, owner: str) -> Mapping[str, Any]:
    """A JSON object. Raises FormatError for anything else."""
    if type(value) is not dict and not isinstance(value, Mapping):
        raise FormatError(f"{owner} must be an object, got {value!r:.60}. Write the file again.")
    return value


def number(value: object, name: str) -> float:
    """A finite number, or text that is one. Raises FormatError for anything else."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise FormatError(f"{name} must be a finite number, got {value!r:.40}. Write the file again.")
    return found


def read_size(header: Mapping[str, Any], owner: str) -> tuple[int, int]:
    """Take (H, W) from an object with "height" and "width"."""
    h, w = field(header, "height", int, owner), field(header, "width", int, owner)
    if h < 1 or w < 1:
        raise FormatError(f"{owner} must have a size above 0, got {h} x {w}. Write the file again.")
    if h * w > MOST_PIXELS:
        raise FormatError(f"{owner} must have fewer than {MOST_PIXELS} pixels, got {h} x {w}. Cut it up.")
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


def find_image(beside: Path, file_name: str, images: Images | None = None) -> Path:
    """Find an image among `images`, or near an annotation file, see `ImageFiles`."""
    return ImageFiles(beside, images).find(file_name)


def size_beside(header: Mapping[str, Any], keys: tuple[str, str], image_path: Path) -> tuple[int, int]:
    """(H, W) from two fields of an object, or from its image where they are missing, null or 0."""
    unknown = [header.get(key) is None or whole(header[key]) == 0 for key in keys]
    if all(unknown):
        if os.path.isfile(image_path):
            return image_size(image_path)
        raise FormatError(
            f"image {image_path.name} must be near, got none, and the annotations do not hold its size. "
            "Give the folder of the images (--images, images=)."
        )
    return read_size({"height": header.get(keys[0]), "width": header.get(keys[1])}, "image")


def file_name(record: Record) -> str:
    """The file name of a record's image; for an absolute path its last part."""
    named = record.meta.get("file_name")
    if named is None:
        named = record.image.name if isinstance(record.image, Path) else f"{record.id}.jpg"
    path = inner_path(str(named))
    return path.name if re.match(r"[/\\]|[A-Za-z]:", str(named)) else path.as_posix()


def stem(record: Record) -> str:
    """The name of a record's image without its suffix, in its sub-folders."""
    name = file_name(record)
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in IMAGE_SUFFIXES else name


def names(record: Record, nameless: str = "object") -> list[str]:
    """The category name of each mask, `nameless` for one without a category."""
    known = per_mask(record, "categories")
    if known is not None:
        return [nameless if name is None else str(name) for name in known]
    labels = record.masks.labels
    return [nameless] * len(record.masks) if labels is None else [f"class {one}" for one in labels.tolist()]


def source(value: object) -> Source:
    """The source of the masks; "import" for an unknown one."""
    return next((known for known in get_args(Source) if known == value), "import")


def per_mask(record: Record, name: str) -> Sequence[Any] | None:
    """A list in `meta` with an entry for each mask, or None. Raises FormatError where the lengths differ."""
    values = record.meta.get(name)
    if values is not None and len(values) != len(record.masks):
        raise FormatError(
            f"meta['{name}'] must have one entry for each of {len(record.masks)} masks, got {len(values)}. "
            "Use Record.with_masks when the masks change."
        )
    return None if values is None else list(values)


def scores(
    entries: Sequence[Mapping[str, Any]], name: str, left_out: Counter[str]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A number from each annotation, 1 if missing or null; other values are counted in `left_out`."""
    return np.array([_score(entry.get(name), name, left_out) for entry in entries], np.float32)


def _score(value: object, name: str, left_out: Counter[str]) -> float:
    if value is None:
        return 1.0
    try:
        found = number(value, name)
    except FormatError:
        found = math.inf
    if abs(found) > _LARGEST_SCORE:
        left_out[f"{name} that is no number"] += 1
        return 1.0
    return found


def column(entries: Sequence[Mapping[str, Any]], name: str) -> list[float] | None:
    """A number from each annotation, or None if any annotation lacks it."""
    values = [entry.get(name) for entry in entries]
    known = [v for v in values if isinstance(v, (int, float)) and abs(v) <= _LARGEST_SCORE]
    return known if values and len(known) == len(values) else None
