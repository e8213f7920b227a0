"""GeoJSON (RFC 7946): one FeatureCollection per image, a Polygon or MultiPolygon for each mask.

Coordinates are image pixels, or what an affine `transform` makes of them. An empty mask has no geometry.
Scores and the like are properties of the features; size, image and transform stand beside the features in
"image". Read are also files of QuPath (its classifications as names), lists of features, single ones, and
maps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.formats import attributes, from_map_coordinates, json_fields
from anymask.formats.image_files import ImageFiles
from anymask.formats.polygons.rings import Polygon, Ring, as_ring, fill, signed_area
from anymask.formats.reading import PLAIN, NoMaskError, Reading, attempt
from anymask.formats.writers import Outlines, Page
from anymask.geometry import rle
from anymask.geometry.affine import affine_xy, inverse_affine
from anymask.images.read import image_size
from anymask.types import Masks, Record

__all__ = ["KEEPS", "Affine", "decode", "encode", "to_document"]

Affine = Sequence[float]
"""a, b, c, d, e, f: x' = a x + b y + c, y' = d x + e y + f, as rasterio's `dataset.transform`."""
_PROPERTIES = {"categories": "category", "kinds": "kind", "ids": "id"}
_COLUMNS = {"scores": "score", "stability": "stability", "labels": "label"}
_HEADER = ("dataset", "source")
KEEPS = frozenset({"attributes", "id", "ignore", *_HEADER, *_PROPERTIES, *_COLUMNS})
"""Facts of a record that a file holds."""


def encode(record: Record, outlines: Outlines) -> Page:
    """The file of a record, in pixels."""
    document = to_document(record, outlines)
    runs = [fill(_rings(feature, has_empty=True), record.masks.size) for feature in document["features"]]
    notes = {i: outlines.notes for i in range(len(runs)) if outlines.notes}
    return Page(json_fields.to_json(document), runs, notes)


def to_document(
    record: Record,
    outlines: Outlines | None = None,
    *,
    transform: Affine | None = None,
    crs: str | None = None,
) -> dict[str, Any]:
    """The FeatureCollection of a record.

    transform: from pixels to the coordinates of `crs`. crs: a name such as "urn:ogc:def:crs:EPSG::32633", as
    GeoJSON had it before RFC 7946. Raises InputError for a transform that cannot be turned round.
    """
    if transform is not None:
        inverse_affine(transform)
    outlines = outlines or Outlines()
    features = [
        {
            "type": "Feature",
            "geometry": _geometry(outlines.of(record, i), transform),
            "properties": properties,
        }
        for i, properties in enumerate(_properties(record))
    ]
    document: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if crs is not None:
        document["crs"] = {"type": "name", "properties": {"name": crs}}
    return {**document, "image": _header(record, transform)}


def _header(record: Record, transform: Affine | None) -> dict[str, Any]:
    h, w = record.masks.size
    header: dict[str, Any] = {
        "id": record.id,
        "width": w,
        "height": h,
        "file_name": json_fields.file_name(record),
    }
    if "dataset" in record.meta:
        header["dataset"] = record.meta["dataset"]
    if record.source != "import":
        header["source"] = record.source
    if record.ignore is not None:
        header["ignore"] = rle.to_coco(record.ignore, (h, w))
    if transform is not None:
        header["transform"] = [float(value) for value in transform]
    return header


def _properties(record: Record) -> list[dict[str, Any]]:
    """The properties of each mask."""
    masks = record.masks
    columns = {name: json_fields.per_mask(record, meta) for meta, name in _PROPERTIES.items()}
    for field, name in _COLUMNS.items():
        values = getattr(masks, field)
        columns[name] = None if values is None else values.tolist()
    known = {name: values for name, values in columns.items() if values is not None}
    return [
        {
            **{name: values[i] for name, values in known.items()},
            **({"attributes": dict(told)} if told else {}),
        }
        for i, told in enumerate(attributes.of_record(record))
    ]


def _geometry(parts: Sequence[Polygon], transform: Affine | None) -> dict[str, Any] | None:
    """The geometry of a mask; outer rings run counter-clockwise in the coordinates' own sense."""
    if not parts:
        return None
    shapes = [[_closed(ring, k == 0, transform) for k, ring in enumerate(part)] for part in parts]
    if len(shapes) == 1:
        return {"type": "Polygon", "coordinates": shapes[0]}
    return {"type": "MultiPolygon", "coordinates": shapes}


def _closed(ring: np.ndarray[Any, Any], outer: bool, transform: Affine | None) -> list[list[float]]:
    """A ring as RFC 7946 has it: the first corner again at the end."""
    placed = ring.round(3) if transform is None else affine_xy(ring, transform)
    if (signed_area(placed) > 0) != outer:
        placed = placed[::-1]
    corners: list[list[float]] = placed.tolist()
    return [*corners, corners[0]]


def decode(data: bytes, path: Path, reading: Reading = PLAIN) -> Record:
    """The record in the file at `path`, which must contain its size or have its image near.

    Coordinates of a map (longitude and latitude, or what the file's `crs` names) are turned into pixels by
    the image's geo-reference. Raises FormatError where that is needed and missing.
    """
    document = json_fields.parse_json(data, path)
    features = _features(document)
    image = document.get("image") if isinstance(document, Mapping) else None
    header = json_fields.mapping({} if image is None else image, "image")
    image_path = _image_path(header, path, reading)
    size = json_fields.size_beside(header, ("height", "width"), image_path)
    left_out: Counter[str] = Counter()
    features = _of_one_plane(features, left_out)
    read = partial(_rings, has_empty="width" in header)
    shapes = [(attempt(left_out, partial(read, feature)), feature) for feature in features]
    drawn = [rings for rings, _ in shapes if rings]
    back = _to_pixels(document, header, drawn, image_path, size)
    runs = [None if rings is None else fill(back(rings), size) for rings, _ in shapes]
    kept = [(one, feature) for one, (_, feature) in zip(runs, shapes, strict=True) if one is not None]
    told = [_told(feature) for _, feature in kept]
    name = json_fields.file_name(Record("", image_path, Masks(size, ()), meta=_named(header, image_path)))
    meta: dict[str, Any] = {"file_name": name}
    if "dataset" in header:
        meta["dataset"] = header["dataset"]
    meta |= attributes.as_meta(map(_attributes, told))
    meta |= {key: values for key, field in _PROPERTIES.items() if (values := _column(told, field))}
    ignore = header.get("ignore")
    labels = _column(told, "label")
    return Record(
        str(header.get("id", path.stem)),
        image_path,
        Masks(
            size,
            [one for one, _ in kept],
            json_fields.scores(told, "score", left_out),
            stability=json_fields.column(told, "stability"),
            labels=labels if labels and all(json_fields.whole(one) is not None for one in labels) else None,
        ),
        source=json_fields.source(header.get("source")),
        meta=meta,
        ignore=None
        if ignore is None
        else attempt(left_out, partial(json_fields.segmentation_runs, ignore, size)),
        left_out=dict(left_out),
    )


def _features(document: object) -> Sequence[object]:
    """The features of a collection or a list, a single one or its geometry. Raises FormatError for others."""
    if isinstance(document, list):
        return document
    if isinstance(document, Mapping) and (document.get("type") == "Feature" or _is_geometry(document)):
        return [document]
    return list(json_fields.field(document, "features", list, "the file"))


def _of_one_plane(features: Sequence[object], left_out: Counter[str]) -> Sequence[object]:
    """The features of the first plane of a stack; those of others are counted, and the nuclei of cells."""
    planes = [_plane(feature) for feature in features]
    first = min(planes, default=None)
    kept = [feature for feature, plane in zip(features, planes, strict=True) if plane == first]
    others = len(features) - len(kept)
    nuclei = sum(isinstance(one, Mapping) and bool(one.get("nucleusGeometry")) for one in kept)
    left_out.update({kind: n for kind, n in ((OTHER_PLANE, others), (NUCLEUS, nuclei)) if n})
    return kept


def _plane(feature: object) -> tuple[float, float]:
    """Time and depth of a feature, as QuPath writes them into its geometry."""
    geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
    plane = geometry.get("plane") if isinstance(geometry, Mapping) else None
    told = plane if isinstance(plane, Mapping) else {}
    t, z = (json_fields.whole(told.get(name)) or 0 for name in ("t", "z"))
    return max(t, 0), max(z, 0)


OTHER_PLANE = "feature of another plane of the stack"
NO_GEOMETRY = "feature without a geometry"
NUCLEUS = "nucleus of a cell"


def _named(header: Mapping[str, Any], image_path: Path) -> dict[str, Any]:
    name = header.get("file_name")
    return {"file_name": name if isinstance(name, str) else image_path.name}


def _image_path(header: Mapping[str, Any], path: Path, reading: Reading) -> Path:
    """The image that the file names, or the only one with the stem of the file."""
    files = ImageFiles(path, reading.images)
    if isinstance(header.get("file_name"), str):
        return files.find(header["file_name"])
    found = files.without_suffix(reading.inside(path).with_suffix(""))
    if len({image_size(file) for file in found}) > 1:
        raise FormatError(
            f"{path.name} must have one image of its name, got {', '.join(file.name for file in found)}. "
            "Leave one of them."
        )
    return found[0] if found else path.with_suffix(".jpg")


def _told(feature: object) -> Mapping[str, Any]:
    """The properties of a feature, its category by the names that others have for it."""
    told = feature.get("properties") if isinstance(feature, Mapping) else None
    told = told if isinstance(told, Mapping) else {}
    if "category" in told:
        return told
    used, name = next(((key, text) for key in _NAMES if (text := _name_of(told.get(key)))), (None, None))
    return told if name is None else {**{k: v for k, v in told.items() if k != used}, "category": name}


def _attributes(told: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes among the properties of a feature: those that anymask wrote, and all others."""
    known = {*_PROPERTIES.values(), *_COLUMNS.values(), "attributes", *_OF_QUPATH}
    others = {name: value for name, value in told.items() if name not in known and value is not None}
    return attributes.joined([told.get("attributes"), others])


_OF_QUPATH = ("objectType", "isLocked", "color")
_NAMES = ("classification", "class", "label", "name")  # the first is QuPath's


def _name_of(value: object) -> str | None:
    """A name as text, or QuPath's {"name"} or {"names": [...]}, which it shows as "Tumor: Positive"."""
    if isinstance(value, Mapping):
        names = value.get("names")
        value = ": ".join(map(str, names)) if isinstance(names, list) else value.get("name")
    return value if isinstance(value, str) and value else None


def _column(told: Sequence[Mapping[str, Any]], name: str) -> list[Any] | None:
    """A property of all features, None where none has it; "object" for a category that one lacks."""
    if name == "category" and any(name in one for one in told):
        return [one.get(name, "object") for one in told]
    return [one[name] for one in told] if told and all(name in one for one in told) else None


_Rings = list[list[Ring]]


def _rings(feature: object, *, has_empty: bool) -> _Rings:
    """The polygons of a feature, as they stand there. Raises NoMaskError, FormatError.

    has_empty: whether a feature without a geometry is an empty mask, as anymask writes it.
    """
    entry = json_fields.mapping(feature, "feature")
    if _is_geometry(entry):
        entry = {"geometry": entry}
    geometry = entry.get("geometry")
    if geometry is None and not has_empty:
        raise NoMaskError(NO_GEOMETRY)
    return [] if geometry is None else _polygons(json_fields.mapping(geometry, "geometry"))


def _is_geometry(entry: Mapping[str, Any]) -> bool:
    """Whether an object is a geometry alone, without a feature around it."""
    return entry.get("type", "Feature") != "Feature" and ("coordinates" in entry or "geometries" in entry)


def _polygons(geometry: Mapping[str, Any]) -> _Rings:
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        parts = json_fields.field(geometry, "geometries", list, "geometry")
        inner = [json_fields.mapping(part, "geometry") for part in parts]
        if any(part.get("type") not in (*_AREAS, "GeometryCollection") for part in inner):
            raise NoMaskError("GeometryCollection with more than polygons")
        return [polygon for part in inner for polygon in _polygons(part)]
    if kind not in _AREAS:
        raise NoMaskError(str(kind)[:40])
    shapes = json_fields.field(geometry, "coordinates", list, "geometry")
    parts = [shapes] if kind == "Polygon" else shapes
    return [[as_ring([corner[:2] for corner in ring]) for ring in part] for part in parts]


_AREAS = ("Polygon", "MultiPolygon")


def _to_pixels(
    document: object,
    header: Mapping[str, Any],
    drawn: Sequence[_Rings],
    image_path: Path,
    size: tuple[int, int],
) -> Callable[[_Rings], _Rings]:
    """What turns the file's coordinates into pixels."""
    transform = header.get("transform")
    if transform is not None:
        back = inverse_affine(transform)
        return lambda rings: [[affine_xy(ring, back) for ring in part] for part in rings]
    corners = np.concatenate(
        [np.zeros((0, 2)), *(ring for rings in drawn for part in rings for ring in part)]
    )
    if "width" in header or not len(corners):
        return lambda rings: rings
    crs = document.get("crs") if isinstance(document, Mapping) else None
    change = from_map_coordinates.find(image_path, crs, corners, size)
    return lambda rings: rings if change is None else [[change(ring) for ring in part] for part in rings]
