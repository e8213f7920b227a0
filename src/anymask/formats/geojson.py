"""GeoJSON (RFC 7946): one FeatureCollection per picture, a Polygon or MultiPolygon for each mask.

Coordinates are image pixels, or what an affine `transform` makes of them. An empty mask has no geometry.
Scores and the like are properties of the features; size, picture and transform stand beside the features in
"image".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.formats import json_fields as common
from anymask.formats.polygons.rings import Polygon, as_ring, fill, signed_area
from anymask.formats.writers import Outlines, Page
from anymask.geometry import rle
from anymask.geometry.affine import affine_xy, inverse_affine
from anymask.types import Masks, Record

__all__ = ["KEEPS", "Affine", "decode", "encode", "to_document"]

Affine = Sequence[float]
"""a, b, c, d, e, f: x' = a x + b y + c, y' = d x + e y + f, as rasterio's `dataset.transform`."""
_PROPERTIES = {"categories": "category", "kinds": "kind", "ids": "id"}
_COLUMNS = {"scores": "score", "stability": "stability", "labels": "label"}
_HEADER = ("dataset", "source")
KEEPS = frozenset({"id", "ignore", *_HEADER, *_PROPERTIES, *_COLUMNS})
"""Facts of a record that a file holds."""


def encode(record: Record, outlines: Outlines) -> Page:
    """The file of a record, in pixels."""
    document = to_document(record, outlines)
    runs = [_runs(feature, record.masks.size, None) for feature in document["features"]]
    notes = {i: outlines.notes for i in range(len(runs)) if outlines.notes}
    return Page(common.to_json(document), runs, notes)


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
    header: dict[str, Any] = {"id": record.id, "width": w, "height": h, "file_name": common.file_name(record)}
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
    """What is told of each mask."""
    masks = record.masks
    columns = {name: common.per_mask(record, meta) for meta, name in _PROPERTIES.items()}
    for field, name in _COLUMNS.items():
        values = getattr(masks, field)
        columns[name] = None if values is None else values.tolist()
    known = {name: values for name, values in columns.items() if values is not None}
    return [{name: values[i] for name, values in known.items()} for i in range(len(masks))]


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


def decode(data: bytes, path: Path, pictures: Path | None = None) -> Record:
    """The record in the file at `path`, which must say its size or have its picture near."""
    document = common.parse_object(data, path)
    features = common.field(document, "features", list, "the file")
    image = document.get("image")
    header = common.mapping({} if image is None else image, "image")
    name = str(header.get("file_name", f"{path.stem}.jpg"))
    picture = common.find_picture(path, name, pictures)
    size = common.size_beside(header, ("height", "width"), picture)
    runs = [_checked_runs(feature, i, size, header.get("transform")) for i, feature in enumerate(features)]
    told = [feature.get("properties") or {} for feature in features]
    meta: dict[str, Any] = {"file_name": name}
    if "dataset" in header:
        meta["dataset"] = header["dataset"]
    meta |= {key: values for key, field in _PROPERTIES.items() if (values := _column(told, field))}
    ignore = header.get("ignore")
    return Record(
        str(header.get("id", path.stem)),
        picture,
        Masks(
            size,
            runs,
            common.scores(told, "score"),
            stability=_column(told, "stability"),
            labels=_column(told, "label"),
        ),
        source=header.get("source", "import"),
        meta=meta,
        ignore=None if ignore is None else common.segmentation_runs(ignore, size),
    )


def _column(told: Sequence[Mapping[str, Any]], name: str) -> list[Any] | None:
    """A property of all features, None where one (or all) lacks it."""
    return [one[name] for one in told] if told and all(name in one for one in told) else None


def _checked_runs(feature: object, index: int, size: tuple[int, int], transform: Affine | None) -> rle.Runs:
    try:
        return _runs(common.mapping(feature, "feature"), size, transform)
    except (FormatError, TypeError, ValueError) as error:
        raise FormatError(f"feature {index} must hold a mask of its image. {error}") from None


def _runs(feature: Mapping[str, Any], size: tuple[int, int], transform: Affine | None) -> rle.Runs:
    """Runs of a feature."""
    geometry = feature.get("geometry")
    if geometry is None:
        return fill([], size)
    shapes = common.field(geometry, "coordinates", list, "geometry")
    kind = geometry.get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise FormatError(f"geometry must be a Polygon or MultiPolygon, got {kind!r:.40}. Leave it out.")
    parts = [shapes] if kind == "Polygon" else shapes
    rings = [[as_ring([corner[:2] for corner in ring]) for ring in part] for part in parts]
    if transform is not None:
        back = inverse_affine(transform)
        rings = [[affine_xy(ring, back) for ring in part] for part in rings]
    return fill(rings, size)
