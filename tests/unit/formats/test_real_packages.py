"""What other packages read of the files written here, each where it is installed.

`test_peers.py` has files that they wrote, with their versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anymask import formats
from anymask.images import write
from anymask.types import Masks, Record

SIZE = (60, 80)
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"
)  # of pycocotools


def truth() -> np.ndarray:
    """A rectangle with a hole, two rectangles, a disc."""
    masks = np.zeros((3, *SIZE), bool)
    masks[0, 5:30, 8:40] = True
    masks[0, 12:20, 15:25] = False
    masks[1, 35:50, 10:20] = masks[1, 40:55, 40:60] = True
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    masks[2] = np.hypot(x - 60, y - 20) < 12
    return masks


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("set")
    for images in ("images", "cvat/images"):
        (place / images).mkdir(parents=True)
        write.write_png(np.zeros((*SIZE, 3), np.uint8), place / images / "a.png")
    meta = {"categories": ["cat", "dog", "cat"], "file_name": "a.png"}
    record = Record("1", place / "images" / "a.png", Masks.from_dense(truth()), meta=meta)
    formats.write(record, place / "coco.json", "coco")
    formats.write(record, place / "a.geojson")
    formats.write([record], place / "tasks.json", "labelstudio")
    formats.write([record], place / "cvat" / "annotations.xml", "cvat")
    formats.write([record], place / "yolo", "yolo")
    formats.write(record, place / "images" / "a.json", "labelme")
    return place


def is_exact(masks: Iterable[Any]) -> bool:
    return bool(np.array_equal(np.array([np.asarray(one).astype(bool) for one in masks]), truth()))


@pytest.mark.parametrize("package", ["pycocotools.coco", "hotcoco"])
def test_coco(folder: Path, package: str) -> None:
    file = pytest.importorskip(package).COCO(str(folder / "coco.json"))
    assert is_exact(file.annToMask(one) for one in file.loadAnns(file.getAnnIds()))


def test_shapely(folder: Path) -> None:
    geometry = pytest.importorskip("shapely.geometry")
    features = json.loads((folder / "a.geojson").read_text())["features"]
    shapes = [geometry.shape(one["geometry"]) for one in features]
    assert all(shape.is_valid for shape in shapes)
    assert [shape.area for shape in shapes] == truth().sum(axis=(1, 2)).tolist()


def test_supervision(folder: Path, tmp_path: Path) -> None:
    data = pytest.importorskip("supervision").DetectionDataset
    coco = data.from_coco(str(folder / "images"), str(folder / "coco.json"), force_masks=True)
    assert is_exact(next(iter(coco.annotations.values())).mask)
    place = folder / "yolo"
    yolo = data.from_yolo(
        str(folder / "images"), str(place / "labels"), str(place / "data.yaml"), force_masks=True
    )
    assert yolo.classes == ["cat", "dog"]
    assert len(next(iter(yolo.annotations.values())).mask) == 3
    coco.as_coco(annotations_path=str(tmp_path / "c.json"))
    (record,) = formats.read(tmp_path / "c.json", images=folder / "images")
    assert (len(record.masks), record.left_out) == (3, {})


def test_label_studio(folder: Path, tmp_path: Path) -> None:
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    tasks = json.loads((folder / "tasks.json").read_text())
    results = tasks[0]["annotations"][0]["result"]
    assert is_exact(brush.decode_rle(one["value"]["rle"]).reshape(*SIZE, 4)[..., 3] for one in results)
    for one, mask in zip(results, truth(), strict=True):
        one["value"]["rle"] = brush.mask2rle(mask.astype(np.uint8) * 255)
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    (record,) = formats.read(tmp_path / "tasks.json")
    assert is_exact(record.masks.dense())


@pytest.mark.filterwarnings("ignore::ImportWarning", "ignore::DeprecationWarning")  # of what labelme imports
def test_labelme(folder: Path) -> None:
    """Its polygons include the pixels of their outline, see docs/formats.md: areas differ by those."""
    draw = pytest.importorskip("labelme.utils.shape").shape_to_mask
    file = pytest.importorskip("labelme._label_file").LabelFile(str(folder / "images" / "a.json"))
    assert file.image_data is not None
    assert [shape["label"] for shape in file.shapes] == ["cat", "dog", "dog", "cat"]
    disc = next(shape for shape in reversed(file.shapes) if shape["shape_type"] == "polygon")
    found = draw(SIZE, disc["points"])
    assert found[truth()[2]].all()
    assert 0 <= found.sum() - truth()[2].sum() <= 100


def test_datumaro(folder: Path, tmp_path: Path) -> None:
    data = pytest.importorskip("datumaro").Dataset.import_from(str(folder / "cvat"), "cvat")
    assert is_exact(one.image for item in data for one in item.annotations)
    for name in ("coco_instances", "cvat"):
        data.export(str(tmp_path / name), name, save_media=True)
        (record,) = formats.read(tmp_path / name)
        assert is_exact(record.masks.dense())


def test_datumaro_reads_the_tracks_of_a_video(tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro")
    film = [
        Record(str(i), tmp_path / f"{i}.png", Masks.from_dense(mask[None]), meta={"ids": [4]})
        for i, mask in enumerate(truth()[[2, 2]])
    ]
    (tmp_path / "cvat").mkdir()
    formats.write(film, tmp_path / "cvat" / "annotations.xml", "cvatvideo")
    data = datumaro.Dataset.import_from(str(tmp_path / "cvat"), "cvat")
    found = [(one.attributes["track_id"], one.points) for item in data for one in item.annotations]
    assert len(found) == 2
    assert {track for track, _ in found} == {4}
    assert all(points == found[0][1] for _, points in found)
