"""Datumaro's own JSON: a file for each subset, `annotations/<subset>.json`. Read only.

`{"categories": {"label": {"labels": [{name}]}}, "items": [{id, annotations: [{type, label_id, group,
attributes, ...}], image: {path, size}}]}`. Read are polygons, masks (run lengths) and ellipses, boxes on
request. Annotations of one label and one group (but 0) are one mask; others are reported. Images lie in
`images/<subset>`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from anymask.formats import attributes, json_fields
from anymask.formats.image_files import ImageFiles
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import as_ring, fill
from anymask.formats.reading import Items, NoMaskError, Reading, grouped_masks
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["items"]

BOX = "box without an outline"


def items(path: Path, reading: Reading) -> Items:
    """Id and reader of every image of a file. Raises FormatError where it is none of Datumaro's."""
    document = json_fields.load_json(path)
    listed = json_fields.field(document, "items", list, "the file")
    names = _labels(document)
    files = ImageFiles(path, reading.images)
    subset = None if path.stem == "default" else path.stem
    entries = []
    for number, item in enumerate(listed):
        id = str(item.get("id", number)) if isinstance(item, Mapping) else str(number)
        entries.append((id, partial(_record, item, id, subset, names, files, reading)))
    return Items(entries)


def _labels(document: Mapping[str, Any]) -> list[str]:
    """The names of the labels, by their number."""
    categories = document.get("categories")
    label = categories.get("label") if isinstance(categories, Mapping) else None
    labels = label.get("labels") if isinstance(label, Mapping) else None
    return [
        str(one.get("name")) if isinstance(one, Mapping) else str(one)
        for one in (labels if isinstance(labels, list) else [])
    ]


def _record(
    item: object,
    id: str,
    subset: str | None,
    names: Sequence[str],
    files: ImageFiles,
    reading: Reading,
) -> Record:
    """The record of an item.

    item: its JSON.
    id: its name.
    subset: the subset of the file, None for the default one.
    names: those of the labels.
    files: finds the image.
    reading: the options.
    """
    entry = json_fields.mapping(item, f"item {id}")
    image = entry.get("image")
    header = image if isinstance(image, Mapping) else {}
    name, image_path = files.in_subset(str(header.get("path") or f"{id}.jpg"), subset)
    sides = header.get("size")
    known = sides if isinstance(sides, list) and len(sides) == 2 else (None, None)
    size = json_fields.size_beside({"height": known[0], "width": known[1]}, ("height", "width"), image_path)
    left_out: Counter[str] = Counter()
    shapes = json_fields.field(entry, "annotations", list, f"item {id}")
    grouped = [
        {**one, "group": one.get("group") or None} if isinstance(one, Mapping) else one for one in shapes
    ]
    read = partial(_runs, size=size, boxes=reading.boxes)
    masks, firsts = grouped_masks(grouped, read, ("label_id", "group"), size, left_out)
    meta: dict[str, Any] = {
        "file_name": name,
        "categories": [_name(one.get("label_id"), names) for one in firsts],
    }
    meta |= attributes.as_meta(one.get("attributes") for one in firsts)
    inner = Path(json_fields.inner_path(name)).with_suffix("").as_posix()
    return Record(inner, image_path, Masks(size, masks), meta=meta, left_out=dict(left_out))


def _name(label: object, names: Sequence[str]) -> str:
    number = json_fields.whole(label)
    if number is None:
        return "object"
    return names[number] if 0 <= number < len(names) else f"class {number}"


def _runs(shape: object, size: tuple[int, int], *, boxes: bool) -> rle.Runs:
    """Runs of one annotation. Raises NoMaskError for what has no area, FormatError."""
    entry = json_fields.mapping(shape, "annotation")
    kind = str(entry.get("type"))
    if kind == "polygon":
        return fill([[as_ring(entry.get("points") or [])]], size)
    if kind == "mask":
        return json_fields.segmentation_runs(json_fields.field(entry, "rle", dict, "a mask"), size)
    if kind == "ellipse":
        x0, y0, x1, y1 = _four(entry, "points")
        return fill([[ellipse_ring((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)]], size)
    if kind == "bbox" and boxes:
        x, y, w, h = _four(entry, "bbox")
        return fill([[box_ring(x, y, x + w, y + h)]], size)
    raise NoMaskError(BOX if kind == "bbox" else kind[:40])


def _four(entry: Mapping[str, Any], name: str) -> list[float]:
    values = json_fields.field(entry, name, list, "annotation")
    x, y, u, v = (json_fields.number(value, name) for value in values)
    return [x, y, u, v]
