"""LabelMe: one JSON file per image.

`{"version", "flags", "shapes": [{label, points, group_id, shape_type, ...}], "imagePath", "imageData",
"imageHeight", "imageWidth"}`. Shapes of one label and one group_id are one mask. Read are polygons,
rectangles (also turned ones, of LabelMe 6 and X-AnyLabeling), circles and masks; other shapes are left out
and reported. `imagePath` is the image path relative to the folder of the file. Written are polygons, and for
a mask with holes LabelMe's own mask shape (a PNG of its box, since 5.2), or with `Outlines.polygons` polygons
cut open. Attributes are `flags` (yes and no), `description`, and X-AnyLabeling's `attributes`. Added where
known: `score` of a shape, `id` and `dataset` of the file.
"""

from __future__ import annotations

import base64
import posixpath
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.files import budget
from anymask.formats import attributes, json_fields
from anymask.formats.image_files import place_of
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import as_ring, bridge, fill
from anymask.formats.reading import PLAIN, NoMaskError, Reading, grouped_masks
from anymask.formats.writers import Outlines, Page, beside, cut_notes
from anymask.geometry import rle
from anymask.images.read import image_size, read_map
from anymask.images.write import encode_png
from anymask.types import Masks, Record

__all__ = ["KEEPS", "decode", "encode"]

KEEPS = frozenset(("attributes", "id", "scores", "categories", "dataset"))
"""Facts of a record that a file holds."""
_VERSION = "5.5.0"  # of LabelMe, whose form this is


def encode(record: Record, outlines: Outlines, home: Path | None = None) -> Page:
    """The file of a record that will lie at `home`."""
    masks = record.masks
    shapes: list[dict[str, Any]] = []
    runs: list[rle.Runs | None] = []
    notes: dict[int, tuple[str, ...]] = {}
    told = attributes.of_record(record)
    for i, name in enumerate(json_fields.names(record)):
        drawn, notes[i] = _draw(record, i, outlines)
        head: dict[str, Any] = {
            "label": name,
            "group_id": i + 1 if len(drawn) > 1 else None,
            **_fields_of(told[i]),
        }
        score = {} if masks.scores[i] == 1 else {"score": float(masks.scores[i])}
        shapes += [{**head, **shape, **score} for shape in drawn]
        seen = [_shape_runs(shape, masks.size) for shape in drawn]
        runs.append(rle.union(seen, masks.size) if drawn else None)
    document = {"version": _VERSION, "flags": {}, "shapes": shapes, **_header(record, home)}
    return Page(json_fields.to_json(document), runs, {i: note for i, note in notes.items() if note})


def _fields_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as a shape has them: truth values as flags, a description, others as X-AnyLabeling's."""
    flags = {name: value for name, value in told.items() if isinstance(value, bool)}
    text = told.get("description", "")
    description = text if isinstance(text, str) else ""
    kept = {*flags, *(["description"] if description else [])}
    others = {name: value for name, value in told.items() if name not in kept}
    return {"description": description, "flags": flags, **({"attributes": others} if others else {})}


def _attributes(shape: Mapping[str, Any]) -> dict[str, Any]:
    """The flags, the description and the attributes of a shape."""
    told = attributes.joined([shape.get("attributes"), shape.get("flags")])
    if isinstance(shape.get("description"), str) and shape["description"]:
        told["description"] = shape["description"]
    if shape.get("difficult") is True:
        told["difficult"] = True
    return told


def _header(record: Record, home: Path | None) -> dict[str, Any]:
    h, w = record.masks.size
    name = json_fields.file_name(record)
    extra = {"dataset": record.meta["dataset"]} if "dataset" in record.meta else {}
    if record.id != Path(name).stem:
        extra["id"] = record.id
    way = beside(record, home)
    if Path(way).name != Path(name).name:
        extra["file_name"] = name
    return {"imagePath": way, "imageData": None, "imageHeight": h, "imageWidth": w, **extra}


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


def decode(data: bytes, path: Path, reading: Reading = PLAIN) -> Record:
    """The record in the file at `path`. Raises FormatError where it is no such file."""
    document = json_fields.parse_object(data, path)
    name = _image_name(document, path, reading)
    image_path = json_fields.find_image(path, name, reading.images)
    size = _size(document, image_path)
    left_out: Counter[str] = Counter()
    shapes = json_fields.field(document, "shapes", list, "the file")
    read = partial(_checked_runs, size=size)
    masks, firsts = grouped_masks(shapes, read, ("label", "group_id"), size, left_out)
    meta: dict[str, Any] = {"file_name": name, "categories": [str(first.get("label")) for first in firsts]}
    meta |= attributes.as_meta(map(_attributes, firsts))
    if "dataset" in document:
        meta["dataset"] = document["dataset"]
    id = document.get("id", Path(json_fields.inner_path(name)).stem)
    scores = json_fields.scores(firsts, "score", left_out)
    return Record(str(id), image_path, Masks(size, masks, scores), meta=meta, left_out=dict(left_out))


def _image_name(document: Mapping[str, Any], path: Path, reading: Reading) -> str:
    """The image name: its path relative to the folder of the file, within the folder that is read."""
    way = str(json_fields.field(document, "imagePath", str, "the file")).replace("\\", "/")
    if isinstance(document.get("file_name"), str):
        return str(document["file_name"])
    if reading.root is None or way.startswith("/"):
        return way
    joined = posixpath.normpath((reading.inside(path).parent / way).as_posix())
    return Path(*place_of(json_fields.inner_path(joined))).as_posix()


def _size(document: Mapping[str, Any], image_path: Path) -> tuple[int, int]:
    """(H, W) from the file, or from the image, which may be embedded in the file."""
    keys, inside = ("imageHeight", "imageWidth"), document.get("imageData")
    known = any(document.get(key) is not None for key in keys)
    if known or image_path.is_file() or not isinstance(inside, str):
        return json_fields.size_beside(document, keys, image_path)
    return image_size(_decoded(inside, "imageData"))


def _decoded(text: str, name: str) -> bytes:
    """An image in base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise FormatError(f"{name} must be a PNG in base64, got other text. Write the file again.") from None


def _checked_runs(shape: object, size: tuple[int, int]) -> rle.Runs:
    return _shape_runs(json_fields.mapping(shape, "shape"), size)


def _shape_runs(shape: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    """Runs of one shape. Raises NoMaskError for what has no area, FormatError."""
    kind = shape.get("shape_type") or "polygon"
    points = shape.get("points") or []
    if kind == "mask":
        return _pasted(shape, size)
    if kind == "polygon":
        return fill([[as_ring(points)]], size)
    if kind not in ("rectangle", "circle", *_TURNED):
        raise NoMaskError(str(kind)[:40])
    corners = np.asarray(points, np.float64).reshape(-1, 2)
    if kind in _TURNED or (kind == "rectangle" and len(corners) == 4):
        if len(corners) != 4:
            raise FormatError(f"a {kind} must have 4 points, got {len(corners)}. Draw it again.")
        return fill([[as_ring(corners)]], size)
    if len(corners) != 2:
        raise FormatError(f"a {kind} must have 2 points, got {len(corners)}. Draw it again.")
    (x, y), (u, v) = corners.tolist()
    if kind == "rectangle":
        return fill([[box_ring(x, y, u, v)]], size)
    radius = float(np.hypot(u - x, v - y))
    return fill([[ellipse_ring(x, y, radius, radius)]], size)


_TURNED = ("oriented_rectangle", "rotation", "quadrilateral")  # LabelMe 6; X-AnyLabeling


def _pasted(shape: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    """Runs of a mask shape."""
    data = _decoded(json_fields.field(shape, "mask", str, "a mask shape"), "mask")
    height, width = image_size(data)
    x, y = (int(place) for place in np.asarray(shape.get("points"), np.float64).reshape(-1, 2)[0])
    if x < 0 or y < 0 or y + height > size[0] or x + width > size[1]:
        raise FormatError(
            f"mask must lie in its image {size[0]} x {size[1]}, got {height} x {width} at "
            f"({x}, {y}). Check the points."
        )
    budget.check("mask", "map pixels", height * width)
    return rle.encode_region(read_map(data) != 0, (x, y), size)
