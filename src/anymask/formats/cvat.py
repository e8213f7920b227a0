"""CVAT for images 1.1: one XML file for many images.

`<annotations><version/><meta/><image id name width height><mask label source rle left top width height/>
<polygon label points group_id/>...</image></annotations>`. Read are masks, polygons, boxes and ellipses;
tags, lines, points, cuboids and skeletons are not masks and are reported. Shapes of one label and one
group_id are
one mask. Attributes are texts, `true` and `false`. Tracks of CVAT for video (`cvat_video`) are read frame by
frame. Written are masks, or with `Outlines.polygons` polygons: parts by group_id, holes cut open.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np

from anymask.errors import FormatError
from anymask.formats import attributes, json_fields
from anymask.formats.cvat_video import Tracks
from anymask.formats.image_files import ImageFiles
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import as_ring, bridge, fill
from anymask.formats.reading import Items, NoMaskError, Reading, attempt
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.formats.xml import elements, plain_text
from anymask.geometry import rle
from anymask.images.folder import IMAGE_SUFFIXES, natural
from anymask.types import Masks, Record

__all__ = [
    "KEEPS",
    "SOURCES",
    "CvatWriter",
    "add_attributes",
    "items",
    "label_elements",
    "points_of",
    "shape_runs",
]

KEEPS = frozenset(("attributes", "categories", "source"))
"""Facts of a record that a file holds."""
_OCCLUDED = "occluded"
SOURCES = {"human": "manual", "auto": "auto", "import": "file"}


class CvatWriter:
    """Writes a file image by image; image elements are spooled on disk until all labels are known."""

    def __init__(self, place: Path, outlines: Outlines) -> None:
        self._place, self._outlines = place, outlines
        self._spool = place.with_name("spool")
        self._spool.touch()
        self._labels: dict[str, dict[str, None]] = {}  # and the names of their attributes
        self._count = 0

    def add(self, record: Record) -> Page:
        """Write an image."""
        image, runs, notes = _image(record, self._count, self._outlines)
        data = tostring(image, "utf-8", xml_declaration=False) + b"\n"
        for shape in image:
            known = self._labels.setdefault(shape.attrib["label"], {})
            known.update(dict.fromkeys(one.attrib["name"] for one in shape))
        with self._spool.open("ab") as spool:
            spool.write(data)
        self._count += 1
        return Page(data, runs, notes)

    def close(self) -> None:
        """Write the labels, and the images after them."""
        meta = Element("meta")
        task = SubElement(meta, "task")
        SubElement(task, "size").text = str(self._count)
        SubElement(task, "mode").text = "annotation"
        task.append(label_elements(self._labels, mutable=False))
        with self._spool.open("rb") as spool, self._place.open("wb") as file:
            file.write(b'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
            file.write(tostring(meta, "utf-8", xml_declaration=False) + b"\n")
            file.writelines(spool)
            file.write(b"</annotations>\n")
        self._spool.unlink()


def label_elements(labels: Mapping[str, Iterable[str]], *, mutable: bool) -> Element:
    """The element of labels with the names of their attributes, which may change in a track if `mutable`."""
    found = Element("labels")
    for name, known in labels.items():
        label = SubElement(found, "label")
        SubElement(label, "name").text = name
        listed = SubElement(label, "attributes")
        for one in known:
            entry = SubElement(listed, "attribute")
            SubElement(entry, "name").text = one
            SubElement(entry, "mutable").text = str(mutable)
            SubElement(entry, "input_type").text = "text"
            SubElement(entry, "default_value")
            SubElement(entry, "values")
    return found


_Notes = dict[int, tuple[str, ...]]


def _image(record: Record, number: int, outlines: Outlines) -> tuple[Element, list[Any], _Notes]:
    """The element of an image."""
    h, w = record.masks.size
    name = plain_text(json_fields.file_name(record))
    image = Element("image", {"id": str(number), "name": name, "width": str(w), "height": str(h)})
    runs: list[rle.Runs | None] = []
    notes = _Notes()
    for i, (label, told) in enumerate(
        zip(json_fields.names(record), attributes.of_record(record), strict=True)
    ):
        head = {"label": plain_text(label), "source": SOURCES[record.source]}
        drawn, notes[i] = _draw(record, i, outlines)
        shapes = [SubElement(image, tag, {**head, **values, "z_order": "0"}) for tag, values in drawn]
        for shape in shapes:
            add_attributes(shape, told)
        runs.append(rle.union([shape_runs(shape, (h, w)) for shape in shapes], (h, w)) if shapes else None)
    return image, runs, notes


def add_attributes(shape: Element, told: Mapping[str, Any]) -> None:
    """Give a shape its attributes; that it is occluded is one of the shape itself."""
    is_occluded = told.get(_OCCLUDED) is True
    shape.set("occluded", "1" if is_occluded else "0")
    for name, value in told.items():
        if name != _OCCLUDED or not is_occluded:
            element = SubElement(shape, "attribute", {"name": plain_text(name)})
            element.text = plain_text(attributes.as_text(value))


def _draw(
    record: Record, i: int, outlines: Outlines
) -> tuple[list[tuple[str, dict[str, str]]], tuple[str, ...]]:
    """Tags and attributes of the shapes of one mask; none for an empty one."""
    masks = record.masks
    if not outlines.polygons:
        return ([("mask", _mask_values(masks, i))] if rle.area(masks.rles[i]) else []), ()
    parts = outlines.of(record, i)
    group = {"group_id": str(i + 1)} if len(parts) > 1 else {}
    drawn = [("polygon", {"points": points_of(bridge([part])), **group}) for part in parts]
    return drawn, (*cut_notes(parts, parts=False), *(outlines.notes if parts else ()))


def points_of(ring: np.ndarray[Any, np.dtype[np.float64]]) -> str:
    """The corners of a ring as CVAT writes them."""
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in ring.tolist())


def _mask_values(masks: Masks, i: int) -> dict[str, str]:
    """A mask as CVAT holds one: run lengths of its box, row by row, zeros first."""
    x0, y0, x1, y1 = (int(side) for side in rle.box(masks.rles[i], masks.size))
    crop = rle.decode(masks.rles[i], masks.size)[y0:y1, x0:x1]
    lengths = rle.encode(crop.T)  # column by column of the turned mask
    text = ", ".join(map(str, lengths.tolist()))
    return {"rle": text, "left": str(x0), "top": str(y0), "width": str(x1 - x0), "height": str(y1 - y0)}


def items(data: bytes, path: Path, reading: Reading) -> Items:
    """Id and reader of every image of the file at `path`. Raises FormatError where it is no such XML."""
    found = Items(())
    found.entries = _entries(data, path, reading, found.left_out)
    return found


def _entries(
    data: bytes, path: Path, reading: Reading, left_out: Counter[str]
) -> Iterator[tuple[str, Callable[[], Record]]]:
    elements_of = elements(data, path, ("image", "track", "task", "original_size"))
    root = next(elements_of, None)
    if root is not None and root.tag == "annotation":
        raise FormatError(
            f"path must be CVAT's <annotations>, got Pascal VOC's boxes in {path}. They hold no outlines: "
            "give the folder with SegmentationObject or SegmentationClass."
        )
    if root is None or root.tag != "annotations":
        raise FormatError(
            f"path must be CVAT's <annotations>, got another XML in {path}. Export it as CVAT for images."
        )
    names = ImageFiles(path, reading.images)
    tracks = Tracks()
    for element in elements_of:
        if element.tag == "image":
            yield _id(element), partial(_record, element, names)
        else:
            tracks.add(element)
    given = [] if reading.images is None else sorted(names.names(), key=natural)
    for frame in tracks.frames(left_out, given):
        yield _id(frame), partial(_record, frame, names)


def _id(image: Element) -> str:
    return Path(json_fields.inner_path(image.get("name", ""))).with_suffix("").as_posix()


def _find(image: Element, files: ImageFiles) -> tuple[str, Path]:
    """The name and the file of an image; a project's images lie in folders called after their subsets."""
    whole, found = files.in_subset(image.get("name") or f"{_id(image)}.jpg", image.get("subset"))
    has_suffix = PurePath(whole).suffix.lower() in IMAGE_SUFFIXES
    return whole if has_suffix or not os.path.isfile(found) else f"{whole}{found.suffix}", found


def _record(image: Element, files: ImageFiles) -> Record:
    name, image_path = _find(image, files)
    id = PurePath(json_fields.inner_path(name))
    size = _size(image, image_path)
    left_out: Counter[str] = Counter()
    groups: dict[object, list[tuple[rle.Runs, Element]]] = {}
    for i, shape in enumerate(image):
        runs = attempt(left_out, partial(shape_runs, shape, size))
        if runs is not None:
            group = shape.get("group_id", "0")
            key = i if group == "0" else (shape.get("label"), group)
            groups.setdefault(key, []).append((runs, shape))
    masks = [rle.union([runs for runs, _ in members], size) for members in groups.values()]
    labels = [members[0][1].get("label", "object") for members in groups.values()]
    sources = {members[0][1].get("source") for members in groups.values()}
    told = [attributes.joined(_attributes(shape) for _, shape in members) for members in groups.values()]
    source = next((ours for ours, theirs in SOURCES.items() if sources == {theirs}), "import")
    return Record(
        (id.with_suffix("") if id.suffix.lower() in IMAGE_SUFFIXES else id).as_posix(),
        image_path,
        Masks(size, masks),
        source=json_fields.source(source),
        meta={
            "file_name": name,
            "categories": labels,
            **attributes.as_meta(told),
            **_tracks(groups.values()),
        },
        left_out=dict(left_out),
    )


def _tracks(groups: Iterable[Sequence[tuple[rle.Runs, Element]]]) -> dict[str, list[int]]:
    """The tracks of masks as a record holds them; nothing where one has none."""
    known = [json_fields.whole(members[0][1].get("track")) for members in groups]
    found = [one for one in known if one is not None]
    return {"ids": found} if found and len(found) == len(known) else {}


def _attributes(shape: Element) -> dict[str, object]:
    """The attributes of a shape; that it is occluded is one."""
    told: dict[str, object] = {_OCCLUDED: True} if shape.get("occluded") == "1" else {}
    for one in shape:
        if one.tag == "attribute" and (name := one.get("name")):
            told[name] = attributes.from_text(one.text or "")
    return told


def _size(image: Element, image_path: Path) -> tuple[int, int]:
    """(H, W) of an image element, or of its image file if the element has no size."""
    return json_fields.size_beside(image.attrib, ("height", "width"), image_path)


def _whole(element: Element, name: str) -> int:
    """An attribute that is a whole number."""
    found = json_fields.whole(element.get(name))
    if found is None:
        raise FormatError(
            f"{element.tag} must have an integer as '{name}', got {element.get(name)!r:.40}. Export it again."
        )
    return found


def shape_runs(shape: Element, size: tuple[int, int]) -> rle.Runs:
    """Runs of one shape. Raises NoMaskError for what has no area, FormatError."""
    if shape.tag == "mask":
        return _mask_runs(shape, size)
    if shape.tag == "polygon":
        corners = shape.get("points", "").replace(";", ",").split(",")
        return fill([[as_ring([json_fields.number(corner, "points") for corner in corners])]], size)
    values = {key: json_fields.number(text, key) for key, text in shape.attrib.items() if key in _PLACES}
    turn = json_fields.number(shape.get("rotation", "0"), "rotation")
    try:
        if shape.tag == "box":
            x0, y0, x1, y1 = (values[key] for key in ("xtl", "ytl", "xbr", "ybr"))
            return fill([[box_ring(x0, y0, x1, y1, degrees=turn)]], size)
        if shape.tag == "ellipse":
            x, y, u, v = (values[key] for key in ("cx", "cy", "rx", "ry"))
            return fill([[ellipse_ring(x, y, u, v, degrees=turn)]], size)
    except KeyError as missing:
        raise FormatError(f"{shape.tag} must have {missing}, got none. Export it again.") from None
    raise NoMaskError(shape.tag[:40])


_PLACES = frozenset(("xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry"))


def _mask_runs(shape: Element, size: tuple[int, int]) -> rle.Runs:
    """Runs of a mask element."""
    left, top, width, height = (_whole(shape, name) for name in ("left", "top", "width", "height"))
    inside = min(left, top) >= 0 and min(width, height) >= 1
    if not inside or left + width > size[1] or top + height > size[0]:
        raise FormatError(
            f"mask must lie in its image {size[0]} x {size[1]}, got {height} x {width} at ({left}, {top}). "
            "Export it again."
        )
    text = shape.get("rle", "")
    if text.count(",") > width * height:
        raise FormatError(f"rle must have at most a number for each of {width * height} pixels, got more.")
    lengths = [int(json_fields.number(part, "rle")) for part in text.split(",")]
    runs, _ = rle.from_coco({"size": [width, height], "counts": lengths})
    return rle.encode_region(np.ascontiguousarray(rle.decode(runs, (width, height)).T), (left, top), size)
