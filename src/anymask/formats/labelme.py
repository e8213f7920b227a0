"""LabelMe: one JSON file per picture.

`{"version", "flags", "shapes": [{label, points, group_id, shape_type, ...}], "imagePath", "imageData",
"imageHeight", "imageWidth"}`. Shapes of one label and one group_id are one mask. Read are polygons,
rectangles, circles and masks; lines and points are no masks and are left out. Written are polygons, and for a
mask with holes LabelMe's own mask shape (a PNG of its box, since 5.2), or with `Outlines.polygons` polygons
cut open. Added where known: `score` of a shape, `id` and `dataset` of the file.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.formats import json_fields as common
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import as_ring, bridge, fill
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.geometry import rle
from anymask.images.read import read_map
from anymask.images.write import encode_png
from anymask.types import Masks, Record

__all__ = ["KEEPS", "decode", "encode"]

KEEPS = frozenset(("id", "scores", "categories", "dataset"))
"""Facts of a record that a file holds."""
_VERSION = "5.5.0"  # of LabelMe, whose form this is


def encode(record: Record, outlines: Outlines) -> Page:
    """The file of a record."""
    masks = record.masks
    shapes: list[dict[str, Any]] = []
    runs: list[rle.Runs | None] = []
    notes: dict[int, tuple[str, ...]] = {}
    for i, name in enumerate(common.names(record)):
        drawn, notes[i] = _draw(record, i, outlines)
        head: dict[str, Any] = {
            "label": name,
            "group_id": i + 1 if len(drawn) > 1 else None,
            "description": "",
            "flags": {},
        }
        score = {} if masks.scores[i] == 1 else {"score": float(masks.scores[i])}
        shapes += [{**head, **shape, **score} for shape in drawn]
        seen = [_shape_runs(shape, masks.size) for shape in drawn]
        runs.append(rle.union([one for one in seen if one is not None], masks.size) if drawn else None)
    document = {"version": _VERSION, "flags": {}, "shapes": shapes, **_header(record)}
    return Page(common.to_json(document), runs, {i: note for i, note in notes.items() if note})


def _header(record: Record) -> dict[str, Any]:
    h, w = record.masks.size
    name = common.file_name(record)
    extra = {"dataset": record.meta["dataset"]} if "dataset" in record.meta else {}
    if record.id != Path(name).stem:
        extra["id"] = record.id
    return {"imagePath": name, "imageData": None, "imageHeight": h, "imageWidth": w, **extra}


def _draw(record: Record, i: int, outlines: Outlines) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The shapes of one mask; none for an empty one."""
    parts = outlines.of(record, i)
    if not outlines.polygons and any(len(part) > 1 for part in parts):
        return [_mask_shape(record.masks, i)], ()
    drawn = [
        {"shape_type": "polygon", "points": bridge([part]).round(2).tolist(), "mask": None} for part in parts
    ]
    return drawn, (*cut_notes(parts, parts=False), *(outlines.notes if parts else ()))


def _mask_shape(masks: Masks, i: int) -> dict[str, Any]:
    """A mask as LabelMe holds one: the PNG of its box, whose corners are first and last pixels."""
    x0, y0, x1, y1 = (int(side) for side in rle.box(masks.rles[i], masks.size))
    crop = rle.decode(masks.rles[i], masks.size)[y0:y1, x0:x1]
    data = base64.b64encode(encode_png(crop)).decode()
    return {"shape_type": "mask", "points": [[x0, y0], [x1 - 1, y1 - 1]], "mask": data}


def decode(data: bytes, path: Path, pictures: Path | None = None) -> Record:
    """The record in the file at `path`. Raises FormatError naming the shape at fault."""
    document = common.parse_object(data, path)
    name = common.field(document, "imagePath", str, "the file")
    picture = common.find_picture(path, name, pictures)
    size = common.size_beside(document, ("imageHeight", "imageWidth"), picture)
    groups: dict[object, list[tuple[rle.Runs, Mapping[str, Any]]]] = {}
    for i, shape in enumerate(common.field(document, "shapes", list, "the file")):
        runs = _checked_runs(shape, i, size)
        if runs is not None:
            group = shape.get("group_id")
            key = i if group is None else (str(shape.get("label")), str(group))
            groups.setdefault(key, []).append((runs, shape))
    masks = [rle.union([runs for runs, _ in members], size) for members in groups.values()]
    firsts = [members[0][1] for members in groups.values()]
    meta: dict[str, Any] = {"file_name": name, "categories": [str(first.get("label")) for first in firsts]}
    if "dataset" in document:
        meta["dataset"] = document["dataset"]
    id = document.get("id", Path(common.inner_path(name)).stem)
    return Record(str(id), picture, Masks(size, masks, common.scores(firsts, "score")), meta=meta)


def _checked_runs(shape: object, index: int, size: tuple[int, int]) -> rle.Runs | None:
    try:
        return _shape_runs(common.mapping(shape, "shape"), size)
    except (FormatError, ValueError, TypeError) as error:
        raise FormatError(f"shape {index} must hold a mask of its image. {error}") from None


def _shape_runs(shape: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs | None:
    """Runs of one shape, None for what has no area."""
    kind = shape.get("shape_type") or "polygon"
    points = shape.get("points")
    if kind == "mask":
        return _pasted(shape, size)
    if kind == "polygon":
        return fill([[as_ring(points or [])]], size)
    if kind not in ("rectangle", "circle"):
        return None
    corners = np.asarray(points, np.float64).reshape(-1, 2)
    if kind == "rectangle" and len(corners) == 4:
        return fill([[as_ring(corners)]], size)
    if len(corners) != 2:
        raise FormatError(f"a {kind} must have 2 points, got {len(corners)}. Draw it again.")
    (x, y), (u, v) = corners.tolist()
    if kind == "rectangle":
        return fill([[box_ring(x, y, u, v)]], size)
    radius = float(np.hypot(u - x, v - y))
    return fill([[ellipse_ring(x, y, radius, radius)]], size)


def _pasted(shape: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    """Runs of a mask shape."""
    try:
        crop = (
            read_map(base64.b64decode(common.field(shape, "mask", str, "a mask shape"), validate=True)) != 0
        )
    except binascii.Error:
        raise FormatError("mask must be a PNG in base64, got other text. Write the file again.") from None
    x, y = (int(place) for place in np.asarray(shape.get("points"), np.float64).reshape(-1, 2)[0])
    if x < 0 or y < 0 or y + crop.shape[0] > size[0] or x + crop.shape[1] > size[1]:
        raise FormatError(
            f"mask must lie in its image {size[0]} x {size[1]}, got {crop.shape[0]} x {crop.shape[1]} at "
            f"({x}, {y}). Check the points."
        )
    return rle.encode_region(crop, (x, y), size)
