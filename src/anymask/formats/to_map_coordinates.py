"""Masks in map coordinates: GeoJSON and GeoPackage files of georeferenced images.

Needs the extra `geo` (rasterio). Sources: GeoJSON is RFC 7946, longitude and latitude in WGS 84 throughout;
GeoPackage is OGC 12-128r18, in the coordinate system of the image, written here through SQLite alone.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from anymask.errors import InputError
from anymask.files import check_target, write_atomic
from anymask.formats.polygons import rings
from anymask.geometry import rle
from anymask.images.georaster import GeoImage, load_rasterio
from anymask.types import Masks

__all__ = ["geojson", "geopackage", "outlines", "write_geojson", "write_geopackage"]

Ring: TypeAlias = Sequence[tuple[float, float]]


Polygons: TypeAlias = list[list[Ring]]
"""Of one mask: polygons, each an outer ring and those of its holes, closed."""


_WGS84 = "EPSG:4326"


_GPKG_ID, _GPKG_VERSION = 0x47504B47, 10300


_OWN_SYSTEM = 100_000  # srs_id of a coordinate system without an EPSG number


def outlines(runs: rle.Runs, size: tuple[int, int], image: GeoImage) -> Polygons:
    """The outlines of a mask along its pixels' edges, in the coordinates of the image's system."""
    return [[_placed(ring, image) for ring in polygon] for polygon in rings.outline(runs, size)]


def _placed(ring: rings.Ring, image: GeoImage) -> Ring:
    """The ring in the image's system, closed, in RFC 7946's sense: outer against the clock, holes with it.

    `rings.outline` runs so where y is drawn upwards; a transform that turns y over turns the ring over too.
    """
    a, b, c, d, e, f = image.transform
    x, y = ring.T
    there = np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)
    turned = (there if a * e > b * d else there[::-1]).tolist()
    return [(x, y) for x, y in [*turned, turned[0]]]


def _properties(masks: Masks, i: int) -> dict[str, float | int]:
    """The properties of a mask besides its shape."""
    found: dict[str, float | int] = {"id": i + 1, "predicted_iou": float(masks.scores[i])}
    if masks.stability is not None:
        found["stability_score"] = float(masks.stability[i])
    return found | {"area_pixels": rle.area(masks.rles[i])}


def _shapes(masks: Masks, image: GeoImage) -> Iterator[tuple[Polygons, dict[str, float | int]]]:
    """Outlines and properties of the masks that are not empty."""
    if masks.size != image.size_hw:
        raise InputError(
            f"masks must have the image's size {image.size_hw[0]} x {image.size_hw[1]}, got "
            f"{masks.size[0]} x {masks.size[1]}. Give the image that they belong to."
        )
    for i, runs in enumerate(masks.rles):
        if rle.area(runs):
            yield outlines(runs, masks.size, image), _properties(masks, i)


def geojson(masks: Masks, image: GeoImage) -> bytes:
    """Masks as a FeatureCollection of MultiPolygons in longitude and latitude (WGS 84).

    Raises InputError for an image without a coordinate system or of another size.
    """
    if image.crs is None:
        raise InputError(
            f"image must have a coordinate system for GeoJSON, got {image.path} without one. "
            "Write a GeoPackage, which can do without."
        )
    transform = load_rasterio().warp.transform_geom
    features = []
    for polygons, properties in _shapes(masks, image):
        flat = {"type": "MultiPolygon", "coordinates": polygons}
        geometry = transform(image.crs, _WGS84, flat, precision=9)
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def geopackage(masks: Masks, image: GeoImage) -> bytes:
    """Masks as the layer "masks" of MultiPolygons, in the image's own coordinate system.

    Raises InputError for an image of another size.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "masks.gpkg")
        with closing(sqlite3.connect(place)) as base, base:
            system = _start_package(base, image.crs)
            extent = np.array([np.inf, np.inf, -np.inf, -np.inf])
            for polygons, properties in _shapes(masks, image):
                corners = np.array([point for polygon in polygons for point in polygon[0]])
                extent[:2] = np.minimum(extent[:2], corners.min(axis=0))
                extent[2:] = np.maximum(extent[2:], corners.max(axis=0))
                row = (properties["id"], _blob(polygons, system), *_columns(properties))
                base.execute("INSERT INTO masks VALUES (?, ?, ?, ?, ?)", row)
            if np.isfinite(extent).all():
                base.execute("UPDATE gpkg_contents SET min_x=?, min_y=?, max_x=?, max_y=?", extent.tolist())
        return place.read_bytes()


def write_geojson(
    masks: Masks, image: GeoImage, path: str | os.PathLike[str], *, force: bool = False
) -> Path:
    """Write what `geojson` makes. Raises OutputError as `files.write_atomic` does."""
    check_target(path, force=force)
    return write_atomic(path, geojson(masks, image), force=force)


def write_geopackage(
    masks: Masks, image: GeoImage, path: str | os.PathLike[str], *, force: bool = False
) -> Path:
    """Write what `geopackage` makes. Raises OutputError as `files.write_atomic` does."""
    check_target(path, force=force)
    return write_atomic(path, geopackage(masks, image), force=force)


def _columns(properties: dict[str, float | int]) -> tuple[Any, ...]:
    return tuple(properties.get(name) for name in ("predicted_iou", "stability_score", "area_pixels"))


def _start_package(base: sqlite3.Connection, crs: str | None) -> int:
    """Make the tables that every GeoPackage has, and ours; returns the number of the coordinate system."""
    base.executescript(f"PRAGMA application_id = {_GPKG_ID}; PRAGMA user_version = {_GPKG_VERSION};{_TABLES}")
    name, number, organisation, code, text = "undefined", -1, "NONE", -1, "undefined"
    systems = [(name, number, organisation, code, text), (name, 0, organisation, 0, text)]
    wgs84 = load_rasterio().crs.CRS.from_epsg(4326)
    systems.append(("WGS 84", 4326, "EPSG", 4326, wgs84.to_wkt(version="WKT1_GDAL")))
    if crs is not None:
        epsg = load_rasterio().crs.CRS.from_wkt(crs).to_epsg()
        number = epsg or _OWN_SYSTEM
        own = (f"EPSG:{epsg}", number, "EPSG", epsg) if epsg else ("of the image", number, "NONE", number)
        systems += [(*own, crs)] if number != 4326 else []
    base.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)", systems)
    base.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
        "VALUES ('masks', 'features', 'masks', ?)",
        (number,),
    )
    base.execute(
        "INSERT INTO gpkg_geometry_columns VALUES ('masks', 'geom', 'MULTIPOLYGON', ?, 0, 0)", (number,)
    )
    return number


_TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY,
  organization TEXT NOT NULL, organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL,
  description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL,
  identifier TEXT UNIQUE, description TEXT DEFAULT '',
  last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
  srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL,
  geometry_type_name TEXT NOT NULL, srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  PRIMARY KEY (table_name, column_name));
CREATE TABLE masks (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom MULTIPOLYGON,
  predicted_iou REAL, stability_score REAL, area_pixels INTEGER);
"""


def _blob(polygons: Polygons, system: int) -> bytes:
    """A geometry as GeoPackage stores it: a header without envelope, then well-known binary."""
    parts = [struct.pack("<2sBBi", b"GP", 0, 1, system), struct.pack("<BII", 1, 6, len(polygons))]
    for polygon in polygons:
        parts.append(struct.pack("<BII", 1, 3, len(polygon)))
        for ring in polygon:
            parts += [struct.pack("<I", len(ring)), np.array(ring, "<f8").tobytes()]
    return b"".join(parts)
