"""Coordinates of a map become pixels by the image's geo-reference, and are never taken for pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask import formats
from anymask.errors import FormatError
from anymask.formats import geojson, to_map_coordinates
from anymask.formats.polygons.rings import as_ring, fill
from anymask.images import georaster
from anymask.types import Masks, Record

rasterio = pytest.importorskip("rasterio")
SIZE = (40, 60)


@pytest.fixture
def map_(tmp_path: Path) -> Path:
    """A GeoTIFF in UTM 33N, half a metre a pixel."""
    path = tmp_path / "f.tif"
    transform = rasterio.Affine(0.5, 0, 390_000, 0, -0.5, 5_820_000)
    profile = {
        "driver": "GTiff",
        "height": 40,
        "width": 60,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32633",
    }
    with rasterio.open(path, "w", transform=transform, **profile) as file:
        file.write(np.zeros((3, *SIZE), np.uint8))
    return path


def masks() -> Masks:
    mask = np.zeros((2, *SIZE), bool)
    mask[0, 10:30, 5:25] = True
    mask[1, 0:3, 50:60] = True
    return Masks.from_dense(mask)


def test_our_own_maps_come_back(map_: Path) -> None:
    to_map_coordinates.write_geojson(masks(), georaster.open_raster(map_), map_.with_suffix(".geojson"))
    (record,) = formats.read(map_.with_suffix(".geojson"))
    assert np.array_equal(record.masks.dense(), masks().dense())


def test_a_named_system_is_followed(map_: Path) -> None:
    record = Record("f", map_, masks())
    transform = (0.5, 0, 390_000, 0, -0.5, 5_820_000)
    document = geojson.to_document(record, transform=transform, crs="urn:ogc:def:crs:EPSG::32633")
    del document["image"]
    map_.with_suffix(".geojson").write_text(json.dumps(document))
    (again,) = formats.read(map_.with_suffix(".geojson"))
    assert np.array_equal(again.masks.dense(), masks().dense())


@pytest.mark.parametrize("place", [(13.3771234, 52.5161234), (-122.4194, 37.7749), (390_010.0, 5_819_990.0)])
def test_without_a_place_on_the_earth_maps_are_refused(tmp_path: Path, place: tuple[float, float]) -> None:
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "f.jpg")
    x, y = place
    ring = [[x, y], [x + 1e-4, y], [x + 1e-4, y + 1e-4], [x, y]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}
    (tmp_path / "f.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(FormatError, match=r"coordinates must be pixels of f\.jpg, got those of a map, as \("):
        formats.read(tmp_path / "f.geojson")


@pytest.mark.parametrize(
    "ring", [[[-5, 3], [20, 3], [20, 9]], [[1.5, 2.25], [2, 2], [2, 3.5]], [[9, 9], [9.5, 9], [9, 9.5]]]
)
def test_pixels_of_an_image_with_a_place_stay_pixels(map_: Path, ring: list[list[float]]) -> None:
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}
    map_.with_suffix(".geojson").write_text(json.dumps(feature))
    (record,) = formats.read(map_.with_suffix(".geojson"))
    assert np.array_equal(record.masks.rles[0], fill([[as_ring(ring)]], SIZE))
