"""ISAT (Image Segmentation Annotation Tool): one JSON file per image. Read only.

`{"info": {name, width, height}, "objects": [{category, group, segmentation: [[x, y], ...], iscrowd,
layer}]}`.
Objects of one category and group are one mask; "__background__", which ISAT paints over others, is reported.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from anymask.formats import attributes, json_fields
from anymask.formats.polygons.rings import as_ring, fill
from anymask.formats.reading import PLAIN, NoMaskError, Reading, grouped_masks
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["decode"]

_BACKGROUND = "__background__"


def decode(data: bytes, path: Path, reading: Reading = PLAIN) -> Record:
    """The record in the file at `path`. Raises FormatError where it is no such file."""
    document = json_fields.parse_object(data, path)
    info = json_fields.field(document, "info", dict, "the file")
    name = reading.named(path, str(json_fields.field(info, "name", str, "info")))
    image_path = json_fields.find_image(path, name, reading.images)
    size = json_fields.size_beside(info, ("height", "width"), image_path)
    left_out: Counter[str] = Counter()
    objects = json_fields.field(document, "objects", list, "the file")
    read = partial(_runs, size=size)
    masks, firsts = grouped_masks(objects, read, ("category", "group"), size, left_out)
    meta: dict[str, Any] = {"file_name": name, "categories": [str(one.get("category")) for one in firsts]}
    meta |= attributes.as_meta({"note": one["note"]} if one.get("note") else {} for one in firsts)
    crowds = [one.get("iscrowd") is True for one in firsts]
    if any(crowds):
        meta["crowds"] = crowds
    return Record(path.stem, image_path, Masks(size, masks), meta=meta, left_out=dict(left_out))


def _runs(thing: object, size: tuple[int, int]) -> rle.Runs:
    entry = json_fields.mapping(thing, "object")
    if entry.get("category") == _BACKGROUND:
        raise NoMaskError(_BACKGROUND)
    return fill([[as_ring(entry.get("segmentation") or [])]], size)
