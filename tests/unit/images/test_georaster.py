"""GeoTIFF in, GeoJSON and GeoPackage out, read back by GDAL."""

from __future__ import annotations

import json
import sqlite3
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from anymask.errors import ImageError, InputError, MissingExtraError, OutputError
from anymask.formats.to_map_coordinates import outlines, write_geojson, write_geopackage
from anymask.images.bands import Bands, to_rgb
from anymask.images.georaster import open_raster
from anymask.types import Masks

rasterio = pytest.importorskip("rasterio")
features = pytest.importorskip("rasterio.features")

UTM, SIZE = "EPSG:32632", (60, 80)
TRANSFORM = rasterio.Affine(10, 0, 500_000, 0, -10, 5_200_000)


def write(path: Path, samples: np.ndarray, **profile) -> Path:
    count, height, width = samples.shape
    profile = {"crs": UTM, "transform": TRANSFORM} | profile
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file without a place is meant
        with rasterio.open(
            path, "w", driver="GTiff", count=count, height=height, width=width, dtype=samples.dtype, **profile
        ) as file:
            file.write(samples)
    return path


@pytest.fixture
def samples(rng: np.random.Generator) -> np.ndarray:
    """(5, 60, 80) uint16."""
    return rng.integers(100, 4000, (5, *SIZE)).astype(np.uint16)


@pytest.fixture
def raster(tmp_path: Path, samples) -> Path:
    return write(tmp_path / "ground.tif", samples)


@pytest.fixture
def masks() -> Masks:
    """A ring of squares, two pieces, an empty mask."""
    dense = np.zeros((3, *SIZE), bool)
    dense[0, 10:40, 10:50], dense[0, 20:30, 20:30] = True, False
    dense[1, 0:5, 70:80], dense[1, 50:60, 0:9], dense[1, 49, 9] = True, True, True
    return Masks.from_dense(dense, [0.9, 0.8, 0.7], stability=[0.95, 0.85, 0.75])


def test_windows_are_parts_of_the_whole(raster: Path, samples) -> None:
    image = open_raster(raster, Bands((4, 3, 2), (1, 99)))
    assert image.size_hw == SIZE
    whole = to_rgb(np.moveaxis(samples, 0, -1), Bands((4, 3, 2), (1, 99)))
    assert np.array_equal(image.read((0, 0, 80, 60)), whole)
    assert np.array_equal(image.read((7, 20, 33, 21)), whole[20:21, 7:33])


def test_eight_bits_are_taken_as_they_are(tmp_path: Path, rng: np.random.Generator) -> None:
    rgb = rng.integers(50, 90, (3, *SIZE)).astype(np.uint8)
    image = open_raster(write(tmp_path / "rgb.tif", rgb))
    assert np.array_equal(image.read((0, 0, 80, 60)), np.moveaxis(rgb, 0, -1))
    grey = open_raster(write(tmp_path / "grey.tif", rgb[:1]))
    assert np.array_equal(grey.read((0, 0, 80, 60))[..., 2], rgb[0])


def test_nodata_does_not_count(tmp_path: Path, samples) -> None:
    samples[:, :30] = 0
    image = open_raster(write(tmp_path / "half.tif", samples, nodata=0))
    assert image.limits[:, 0].min() >= 100
    assert image.read((0, 0, 80, 30)).sum() == 0


def test_outlines_drawn_again_are_the_masks(raster: Path, masks: Masks) -> None:
    image = open_raster(raster)
    for runs, dense in zip(masks.rles[:2], masks.dense(), strict=False):
        shape = {"type": "MultiPolygon", "coordinates": outlines(runs, SIZE, image)}
        again = features.rasterize([(shape, 1)], SIZE, transform=TRANSFORM)
        assert np.array_equal(again.astype(bool), dense)
    assert [len(polygon) for polygon in outlines(masks.rles[0], SIZE, image)] == [2], "a hole is a ring"


def test_geojson_is_in_longitude_and_latitude(raster: Path, masks: Masks, tmp_path: Path) -> None:
    path = write_geojson(masks, open_raster(raster), tmp_path / "out.geojson")
    found = json.loads(path.read_text())["features"]
    assert [feature["properties"] for feature in found] == [
        {
            "id": 1,
            "predicted_iou": pytest.approx(0.9),
            "stability_score": pytest.approx(0.95),
            "area_pixels": 1100,
        },
        {
            "id": 2,
            "predicted_iou": pytest.approx(0.8),
            "stability_score": pytest.approx(0.85),
            "area_pixels": 141,
        },
    ]
    outer = np.array(found[0]["geometry"]["coordinates"][0][0])
    assert np.abs(outer - (9.0, 46.95)).max() < 0.02, "zone 32 has its meridian at 9 degrees"
    x, y = outer.T
    assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0, "against the clock"
    back = rasterio.warp.transform_geom("EPSG:4326", UTM, found[0]["geometry"])
    again = features.rasterize([(back, 1)], SIZE, transform=TRANSFORM)
    assert np.array_equal(again.astype(bool), masks.dense()[0])


@pytest.mark.parity
@pytest.mark.parametrize("crs", [UTM, "EPSG:4326", None, "+proj=laea +lat_0=47 +lon_0=9 +units=m"])
def test_geopackage_is_read_by_gdal(tmp_path: Path, samples, masks: Masks, crs: str | None) -> None:
    pyogrio = pytest.importorskip("pyogrio")
    image = open_raster(write(tmp_path / "ground.tif", samples, crs=crs))
    path = write_geopackage(masks, image, tmp_path / "out.gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        info = pyogrio.read_info(path)
        meta, ids, blobs, columns = pyogrio.raw.read(path, return_fids=True)
    assert (info["layer_name"], info["geometry_type"], info["features"]) == ("masks", "MultiPolygon", 2)
    assert info["total_bounds"] == pytest.approx((500_000, 5_199_400, 500_800, 5_200_000))
    if crs is None:
        assert meta["crs"] is None or "ndefined" in meta["crs"]
    else:
        assert rasterio.crs.CRS.from_user_input(meta["crs"]) == rasterio.crs.CRS.from_user_input(crs)
    assert ids.tolist() == [1, 2]
    assert list(meta["fields"]) == ["predicted_iou", "stability_score", "area_pixels"]
    assert [column.tolist() for column in columns] == [
        pytest.approx([0.9, 0.8]), pytest.approx([0.95, 0.85]), [1100, 141],
    ]  # fmt: skip
    assert len(blobs[0]) == 1 + 4 + 4 + 9 + 2 * (4 + 5 * 16), "a polygon with a hole, five corners each"


def test_geopackage_without_masks_or_stability(raster: Path, tmp_path: Path) -> None:
    image = open_raster(raster)
    one = Masks.from_dense(np.ones((1, *SIZE)))
    write_geopackage(one, image, tmp_path / "one.gpkg")
    write_geopackage(Masks(SIZE, ()), image, tmp_path / "none.gpkg")
    rows = [
        sqlite3.connect(tmp_path / name).execute("SELECT fid, stability_score FROM masks").fetchall()
        for name in ("one.gpkg", "none.gpkg")
    ]
    assert rows == [[(1, None)], []]


def test_bad_input(raster: Path, samples, masks: Masks, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"image must be a complete file that GDAL reads, got nowhere\.tif"):
        open_raster("nowhere.tif")
    with pytest.raises(InputError, match=r"bands must be numbers from 1 to 5, as many .*, got \[6, 1, 2\]"):
        open_raster(raster, Bands((6, 1, 2)))
    with pytest.raises(InputError, match="masks must have the image's size 60 x 80, got 3 x 4"):
        write_geojson(Masks.from_dense(np.ones((1, 3, 4))), open_raster(raster), tmp_path / "a.geojson")
    bare = open_raster(write(tmp_path / "bare.tif", samples, crs=None))
    with pytest.raises(InputError, match="image must have a coordinate system for GeoJSON"):
        write_geojson(masks, bare, tmp_path / "a.geojson")
    (tmp_path / "a.gpkg").write_text("precious")
    with pytest.raises(OutputError, match="exists"):
        write_geopackage(masks, bare, tmp_path / "a.gpkg")
    assert (tmp_path / "a.gpkg").read_text() == "precious"


def test_a_damaged_window_is_an_image_error(raster: Path) -> None:
    image = open_raster(raster)
    raster.write_bytes(raster.read_bytes()[:20_000])
    with pytest.raises(ImageError, match="image must be a complete file"):
        image.read((0, 0, 80, 60))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingExtraError, match=r"Run: .*pip install .*\[geo\]'"):
        open_raster("any.tif")
