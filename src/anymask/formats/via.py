"""VIA (VGG Image Annotator) 1, 2 and 3: one JSON file for many images, or a project file. Read only.

`{key: {filename, size, regions: [{shape_attributes: {name, ...}, region_attributes}], file_attributes}}`,
in a
project within "_via_img_metadata". Read are polygons, rectangles, circles and ellipses; image sizes are not
stored, so the images must be near. A project of VIA 3 has files, views of them, and metadata
`{vid, z, xy: [shape, numbers ...], av: {attribute: option}}`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.formats import attributes, json_fields
from anymask.formats.image_files import ImageFiles
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import Ring, as_ring, fill
from anymask.formats.reading import Items, NoMaskError, Reading, attempt
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["items"]

_NAMES = ("class", "label", "category", "type", "name")


def items(path: Path, reading: Reading) -> Items:
    """Id and reader of every image of a file. Raises FormatError where it is none of VIA's."""
    document = json_fields.load_json(path)
    if "metadata" in document and "file" in document:
        document = _of_version_3(document)
    files = json_fields.mapping(document.get("_via_img_metadata", document), "the file")
    names = [str(entry.get("filename")) for entry in files.values() if isinstance(entry, Mapping)]
    look = ImageFiles(path, reading.images, names)
    found: list[tuple[str, Callable[[], Record]]] = []
    for key, entry in files.items():
        if isinstance(entry, Mapping) and "filename" in entry:
            id = Path(json_fields.inner_path(str(entry["filename"]))).with_suffix("").as_posix()
            found.append((id, partial(_record, entry, id, look)))
        elif not str(key).startswith("_via"):
            found.append((str(key), partial(_record, entry, str(key), look)))
    return Items(found)


def _record(entry: object, id: str, files: ImageFiles) -> Record:
    name = str(json_fields.field(entry, "filename", str, "image"))
    image_path = files.find(name)
    size = json_fields.size_beside({}, ("height", "width"), image_path)
    left_out: Counter[str] = Counter()
    regions = json_fields.mapping(entry, "image").get("regions") or []
    listed = list(regions.values()) if isinstance(regions, Mapping) else regions
    if not isinstance(listed, list):
        listed = json_fields.field(entry, "regions", list, "image")
    found = [(attempt(left_out, partial(_runs, region, size)), region) for region in listed]
    kept = [(runs, region) for runs, region in found if runs is not None]
    described = [_described(region) for _, region in kept]
    return Record(
        id,
        image_path,
        Masks(size, [runs for runs, _ in kept]),
        meta={
            "file_name": name,
            "categories": [label for label, _ in described],
            **attributes.as_meta(others for _, others in described),
        },
        left_out=dict(left_out),
    )


_SHAPES: Mapping[int, tuple[str, tuple[str, ...]]] = {
    1: ("point", ()), 2: ("rect", ("x", "y", "width", "height")), 3: ("circle", ("cx", "cy", "r")),
    4: ("ellipse", ("cx", "cy", "rx", "ry")), 5: ("line", ()), 6: ("polyline", ()), 7: ("polygon", ()),
    8: ("extreme rectangle", ()), 9: ("extreme circle", ()),
}  # fmt: skip
"""The name of each shape of VIA 3, and its numbers."""


def _of_version_3(document: Mapping[str, Any]) -> dict[str, Any]:
    """A project of VIA 3 in the form of VIA 2."""
    entries: dict[str, Any] = {
        str(fid): {"filename": str(json_fields.field(file, "fname", str, "file")), "regions": []}
        for fid, file in json_fields.field(document, "file", dict, "the file").items()
    }
    views = json_fields.mapping(document.get("view") or {}, "view")
    known = json_fields.mapping(document.get("attribute") or {}, "attribute")
    for one in json_fields.field(document, "metadata", dict, "the file").values():
        view = views.get(str(one.get("vid"))) if isinstance(one, Mapping) else None
        files = view.get("fid_list") if isinstance(view, Mapping) else None
        owner = entries.get(str(files[0])) if isinstance(files, list) and files else None
        if owner is not None:
            owner["regions"].append(_region(one, known))
        elif entries:
            alone = {"shape_attributes": {"name": "region of no image"}}
            next(iter(entries.values()))["regions"].append(alone)
    return entries


def _region(one: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    xy, av = one.get("xy"), one.get("av")
    values: list[Any] = xy if isinstance(xy, list) else []
    number = json_fields.whole(values[0]) if values else None
    name, fields = _SHAPES.get(number or 0, ("region without a shape", ()))
    if one.get("z"):
        name, fields = "region of a film", ()
    shape = {"name": name, **dict(zip(fields, values[1:], strict=False))}
    if name == "polygon":
        shape |= {"all_points_x": values[1::2], "all_points_y": values[2::2]}
    answers = dict(_answers(av, known)) if isinstance(av, Mapping) else {}
    return {"shape_attributes": shape, "region_attributes": answers}


def _answers(given: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value of each attribute; options by their names."""
    for id, value in given.items():
        told = known.get(id)
        asked: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
        options = asked.get("options")
        named = options.get(str(value), value) if isinstance(options, Mapping) else value
        yield str(asked.get("aname", id)), named


def _described(region: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class of a region and its other attributes.

    The class is the attribute that is called so, or the first that says something.
    """
    told = region.get("region_attributes")
    told = told if isinstance(told, Mapping) else {}
    for key in (*(name for name in _NAMES if name in told), *told):
        value = told[key]
        if isinstance(value, Mapping):  # of check boxes those that are ticked
            value = next((name for name, ticked in value.items() if ticked), None)
        if isinstance(value, (str, int)) and str(value):
            return str(value), {name: other for name, other in told.items() if name != key and other}
    return "object", {}


def _runs(region: object, size: tuple[int, int]) -> rle.Runs:
    shape = json_fields.field(region, "shape_attributes", dict, "region")
    return fill([[_ring(shape)]], size)


def _ring(shape: Mapping[str, Any]) -> Ring:
    """The ring of a shape. Raises NoMaskError for what has no area, FormatError."""

    def number(name: str) -> float:
        return json_fields.number(shape.get(name), name)

    kind = shape["name"] if isinstance(shape.get("name"), str) else "region without a shape"
    if kind == "polygon":
        x, y = (json_fields.field(shape, name, list, "polygon") for name in ("all_points_x", "all_points_y"))
        if len(x) != len(y):
            raise FormatError(f"polygon must have as many x as y, got {len(x)} and {len(y)}. Leave it out.")
        return as_ring(np.array([[json_fields.number(one, "corner") for one in xy] for xy in (x, y)]).T)
    if kind == "rect":
        x, y = number("x"), number("y")
        return box_ring(x, y, x + number("width"), y + number("height"))
    if kind == "circle":
        return ellipse_ring(number("cx"), number("cy"), number("r"), number("r"))
    if kind == "ellipse":
        turn = math.degrees(json_fields.number(shape.get("theta", 0), "theta"))
        return ellipse_ring(number("cx"), number("cy"), number("rx"), number("ry"), degrees=turn)
    raise NoMaskError(kind[:40])
