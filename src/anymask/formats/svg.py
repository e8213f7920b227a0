"""SVG: one drawing per image, a path for each mask over the image.

Paths are filled by the even-odd rule and coloured by `colours.palette`; scores and names are data attributes.
Read are paths of straight lines, polygons, rectangles, circles and ellipses; other shapes, curves,
transforms and definitions are left out and reported.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np

from anymask.errors import FormatError
from anymask.files import budget
from anymask.formats import json_fields
from anymask.formats.polygons.primitives import box_ring, ellipse_ring
from anymask.formats.polygons.rings import Ring, as_ring, fill
from anymask.formats.reading import PLAIN, Reading, attempt
from anymask.formats.writers import Outlines, Page, beside
from anymask.formats.xml import elements, local_name, plain_text
from anymask.geometry import rle
from anymask.images.colours import palette
from anymask.types import Masks, Record

__all__ = ["KEEPS", "decode", "encode"]

# the data attribute of a path, and how it is read
_DATA: dict[str, tuple[str, Callable[[str], Any]]] = {
    "scores": ("data-score", float),
    "stability": ("data-stability", float),
    "labels": ("data-label", int),
    "categories": ("data-category", str),
    "kinds": ("data-kind", str),
}
KEEPS = frozenset({"id", "source", "dataset", *_DATA})
"""Facts of a record that a file holds."""


def encode(record: Record, outlines: Outlines, home: Path | None = None) -> Page:
    """The file of a record; at `home` it links the image of the record if that is a file."""
    h, w = record.masks.size
    name = json_fields.file_name(record)
    root = Element("svg", {
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {w} {h}", "width": str(w), "height": str(h),
        "data-id": plain_text(record.id), "data-file-name": plain_text(name), "data-source": record.source,
    })  # fmt: skip
    if "dataset" in record.meta:
        root.set("data-dataset", plain_text(str(record.meta["dataset"])))
    href = quote(beside(record, home).encode("utf-8", "replace"))
    SubElement(root, "image", {"href": href, "width": str(w), "height": str(h)})
    told = _told(record)
    colours = palette(len(told))
    for i, (values, colour) in enumerate(zip(told, colours, strict=True)):
        rings = [ring for part in outlines.of(record, i) for ring in part]
        red, green, blue = colour.tolist()
        paint = f"#{red:02x}{green:02x}{blue:02x}"
        look = {"fill": paint, "fill-opacity": "0.45", "stroke": paint, "fill-rule": "evenodd"}
        SubElement(root, "path", {"d": "".join(map(_path, rings)), **look, **values})
    runs = [_shape_runs(path, (h, w)) for path in root.iter("path")]
    notes = {i: outlines.notes for i in range(len(runs)) if outlines.notes}
    return Page(tostring(root, "utf-8", xml_declaration=True), runs, notes)


def _told(record: Record) -> list[dict[str, str]]:
    """The data attributes of each mask."""
    masks = record.masks
    columns: dict[str, Sequence[Any]] = {}
    for field, (name, _) in _DATA.items():
        values = getattr(masks, field, None)
        column = json_fields.per_mask(record, field) if values is None else values.tolist()
        if column is not None:
            columns[name] = column
    return [{name: plain_text(str(values[i])) for name, values in columns.items()} for i in range(len(masks))]


def _path(ring: Ring) -> str:
    """A ring as path commands, steps along an axis in short."""
    corners = ring.round(2)
    x, y = corners[0]
    commands = [f"M{x:.10g} {y:.10g}"]
    for dx, dy, x, y in np.column_stack([np.diff(corners, axis=0), corners[1:]]).tolist():
        commands.append(f"V{y:.10g}" if dx == 0 else f"H{x:.10g}" if dy == 0 else f"L{x:.10g} {y:.10g}")
    return "".join(commands) + "Z"


def decode(data: bytes, path: Path, reading: Reading = PLAIN) -> Record:
    """The record in the file at `path`. Raises FormatError for other XML and for curves."""
    found = elements(data, path, (*_SHAPES, *_NO_AREA, *_GROUPS, *_UNSEEN))
    root = next(found, None)
    if root is None or local_name(root) != "svg":
        raise FormatError(f"path must be an SVG drawing, got another XML in {path}. Save it as SVG.")
    size = _size(root)
    left_out: Counter[str] = Counter()
    drawn = [
        (shape, attempt(left_out, partial(_shape_runs, shape, size, turned)))
        for element in found
        for shape, turned in _shapes(element, False, left_out)
    ]
    shapes = [shape for shape, runs in drawn if runs is not None]
    name = root.get("data-file-name") or reading.inside(path).with_suffix(".jpg").as_posix()
    columns = {field: _column(shapes, *how) for field, how in _DATA.items()}
    fields = {key: columns[key] for key in ("scores", "stability", "labels") if columns[key] is not None}
    meta: dict[str, Any] = {"file_name": name}
    meta |= {key: columns[key] for key in ("categories", "kinds") if columns[key] is not None}
    if root.get("data-dataset") is not None:
        meta["dataset"] = root.get("data-dataset")
    return Record(
        root.get("data-id", path.stem),
        json_fields.find_image(path, name, reading.images),
        Masks(size, [runs for _, runs in drawn if runs is not None], **cast(dict[str, Any], fields)),
        source=json_fields.source(root.get("data-source")),
        meta=meta,
        left_out=dict(left_out),
    )


_SHAPES = ("path", "polygon", "rect", "circle", "ellipse")
_NO_AREA = ("line", "polyline", "text", "use")
_GROUPS = ("g", "a", "svg")
_UNSEEN = ("defs", "symbol", "clipPath", "mask", "pattern", "marker")


def _shapes(element: Element, turned: bool, left_out: Counter[str]) -> Iterator[tuple[Element, bool]]:
    """The shapes within an element, and whether they or what they lie in is transformed."""
    kind = local_name(element)
    turned = turned or bool(element.get("transform"))
    if kind in _GROUPS:
        for inner in element:
            yield from _shapes(inner, turned, left_out)
    elif kind in _SHAPES:
        yield element, turned
    elif kind in _NO_AREA:
        left_out[kind] += 1
    elif kind in _UNSEEN:
        left_out[f"shape in <{kind}>"] += sum(local_name(inner) in _SHAPES for inner in element.iter())
        left_out += Counter()


def _size(root: Element) -> tuple[int, int]:
    """(H, W) of the drawing; its coordinates must be pixels of the image."""
    box = root.get("viewBox", "").replace(",", " ").split()
    if not box:
        box = ["0", "0", *(re.sub(r"px$", "", root.get(side, "")) for side in ("width", "height"))]
    x, y, w, h = (json_fields.number(part, "viewBox") for part in (box if len(box) == 4 else [None] * 4))
    if x or y or w != int(w) or h != int(h):
        raise FormatError("viewBox must be 0 0 W H in whole pixels, got another. Save it in pixels.")
    return json_fields.read_size({"height": int(h), "width": int(w)}, "drawing")


def _column(shapes: Sequence[Element], name: str, read: Callable[[str], Any]) -> list[Any] | None:
    """A data attribute of all shapes, None where one lacks it. Raises FormatError where it is no number."""
    texts = [shape.get(name) for shape in shapes]
    if not texts or None in texts:
        return None
    try:
        return [read(cast(str, text)) for text in texts]
    except ValueError:
        raise FormatError(f"{name} must be a number, got other text. Fix the file.") from None


def _shape_runs(shape: Element, size: tuple[int, int], turned: bool = False) -> rle.Runs:
    if turned:
        raise FormatError("shape must have no transform, got one. Apply it first.")
    kind = local_name(shape)
    if kind == "polygon":
        numbers = _NUMBER.findall(shape.get("points", ""))
        return fill([[as_ring([float(number) for number in numbers])]], size)
    if kind == "path":
        return fill([_rings(shape.get("d", ""))], size)
    return fill([[_plain_ring(kind, shape)]], size)


def _plain_ring(kind: str, shape: Element) -> Ring:
    """The ring of a rectangle, a circle or an ellipse."""

    def number(name: str) -> float:
        return json_fields.number(re.sub(r"px$", "", shape.get(name, "0")), name)

    if kind == "rect":
        if number("rx") or number("ry"):
            raise FormatError("rect must have sharp corners, got round ones. Make it a path.")
        x, y = number("x"), number("y")
        return box_ring(x, y, x + number("width"), y + number("height"))
    if kind == "circle":
        return ellipse_ring(number("cx"), number("cy"), number("r"), number("r"))
    return ellipse_ring(number("cx"), number("cy"), number("rx"), number("ry"))


_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_COMMAND = re.compile(r"([A-DF-Za-df-z])([^A-DF-Za-df-z]*)")  # e is part of numbers
_START = re.compile(r"\s*(?:[A-Za-z]|$)")
_BETWEEN = re.compile(r"\s*([A-Za-z][\sA-Za-z,]*)?")  # what is left of a path without its numbers
_ARGUMENTS: Mapping[str, int] = {"M": 2, "L": 2, "H": 1, "V": 1, "Z": 0}


def _rings(path: str) -> list[Ring]:
    """Rings of a path of straight lines. Raises FormatError for anything else."""
    rings: list[list[tuple[float, float]]] = []
    x = y = 0.0
    closed = True
    for command, numbers in _commands(path):
        kind, moves = command.upper(), command.islower()
        if kind == "Z":
            (x, y), closed = rings[-1][0] if rings else (0.0, 0.0), True
            continue
        for k, place in enumerate(zip(*[iter(numbers)] * _ARGUMENTS[kind], strict=True)):
            starts = kind == "M" and k == 0
            if closed and not starts:
                rings.append([(x, y)])  # a line after the end of a ring goes on from its start
            across = place[0] if kind != "V" else 0 if moves else x
            down = place[-1] if kind != "H" else 0 if moves else y
            x, y = (x + across, y + down) if moves else (across, down)
            if starts:
                rings.append([])
            rings[-1].append((x, y))
            closed = False
    return [as_ring(ring) for ring in rings]


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    """Commands of a path with their numbers."""
    rest = _NUMBER.sub("", path)
    budget.check("path", "corners", len(rest) - rest.count(" ") - rest.count(","))
    if _BETWEEN.fullmatch(rest) is None or _START.match(path) is None:
        raise FormatError(f"path must be commands and numbers, got {path!r:.40}. Save the file again.")
    if "e" in rest or "E" in rest:
        raise FormatError("path must be of straight lines, got 'e'. Flatten curves first.")
    for letter, arguments in _COMMAND.findall(path):
        numbers = list(map(float, _NUMBER.findall(arguments)))
        count = _ARGUMENTS.get(letter.upper())
        if count is None:
            raise FormatError(f"path must be of straight lines, got '{letter}'. Flatten curves first.")
        if (len(numbers) % count if count else len(numbers)) or (count and not numbers):
            raise FormatError(f"'{letter}' must have {count} numbers, got {len(numbers)}. Save it again.")
        yield letter, numbers
