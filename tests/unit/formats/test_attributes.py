"""Attributes of masks: where each tool keeps them they are read, and written so that it finds them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from anymask import formats
from anymask.images import write
from anymask.types import Masks, Record

SIZE = (20, 30)
RING = [[4, 5], [10, 5], [10, 12], [4, 12]]
FLAT = [place for corner in RING for place in corner]


def geojson(**properties: object) -> dict:
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[*RING, RING[0]]]},
        "properties": properties,
    }


def coco(**fields: object) -> dict:
    one = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [FLAT], **fields}
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}],
        "annotations": [one],
        "categories": [{"id": 1, "name": "cat"}],
    }


def labelme(**fields: object) -> dict:
    shape = {"label": "cat", "points": RING, "shape_type": "polygon", **fields}
    return {"shapes": [shape], "imagePath": "a.png", "imageHeight": 20, "imageWidth": 30}


def labelstudio(*answers: dict) -> list:
    points = [[x / 0.3, y / 0.2] for x, y in RING]
    head = {"id": "r", "original_width": 30, "original_height": 20, "to_name": "image"}
    region = {"type": "polygonlabels", "value": {"points": points, "polygonlabels": ["cat"]}}
    results = [{**head, **one} for one in (region, *answers)]
    return [{"data": {"image": "a.png"}, "annotations": [{"result": results}]}]


def via(**region: object) -> dict:
    shape = {"name": "polygon", "all_points_x": [4, 10, 10, 4], "all_points_y": [5, 5, 12, 12]}
    entry = {"shape_attributes": shape, "region_attributes": {"class": "cat", **region}}
    return {"a.png1": {"filename": "a.png", "size": 1, "regions": [entry], "file_attributes": {}}}


CVAT = (
    '<annotations><image name="a.png" width="30" height="20"><polygon label="cat" occluded="1" '
    'points="4,5;10,5;10,12;4,12"><attribute name="colour">red</attribute>'
    '<attribute name="seen">true</attribute></polygon></image></annotations>'
)

FILES = {
    "coco.json": (coco(attributes={"occluded": False, "n": 3}), {"occluded": False, "n": 3}),
    "cvat.xml": (CVAT, {"occluded": True, "colour": "red", "seen": True}),
    "labelme.json": (labelme(flags={"bad": True}, description="left"), {"bad": True, "description": "left"}),
    "xanylabeling.json": (
        labelme(flags=None, description=None, difficult=True, attributes={"colour": "red"}),
        {"colour": "red", "difficult": True},
    ),
    "labelstudio.json": (
        labelstudio(
            {"type": "choices", "from_name": "light", "value": {"choices": ["dark"]}},
            {"type": "choices", "from_name": "many", "value": {"choices": ["a", "b"]}},
            {"type": "textarea", "from_name": "note", "value": {"text": ["left"]}},
            {"type": "number", "from_name": "age", "value": {"number": 4}},
        ),
        {"light": "dark", "many": ["a", "b"], "note": "left", "age": 4},
    ),
    "a.geojson": (
        geojson(classification={"name": "cat"}, name="no. 7", area=42.5),
        {"name": "no. 7", "area": 42.5},
    ),
    "via.json": (via(colour="red", empty=""), {"colour": "red"}),
    "isat.json": (
        {
            "info": {"name": "a.png", "width": 30, "height": 20},
            "objects": [{"category": "cat", "group": 1, "segmentation": RING, "note": "left"}],
        },
        {"note": "left"},
    ),
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write.write_png(np.zeros((*SIZE, 3), np.uint8), tmp_path / "a.png")
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_attributes_are_read(place, name):
    content, wanted = FILES[name]
    (place / name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    (record,) = formats.read(place / name)
    assert (record.meta["categories"], record.left_out) == (["cat"], {})
    assert record.meta["attributes"] == [wanted]


def test_keypoints_beside_a_mask_are_told(place):
    (place / "c.json").write_text(json.dumps(coco(keypoints=[1, 2, 2], num_keypoints=1)))
    (record,) = formats.read(place / "c.json")
    assert (len(record.masks), record.left_out) == (1, {"keypoints of a mask": 1})


@pytest.fixture
def record(place) -> Record:
    dense = np.zeros((1, *SIZE), bool)
    dense[0, 5:12, 4:10] = True
    told = {"occluded": True, "colour": "red", "n": 3, "list": ["a", "b"]}
    meta = {"categories": ["cat"], "attributes": [told], "file_name": "a.png"}
    return Record("a", place / "a.png", Masks.from_dense(dense), meta=meta)


def test_cvat_declares_the_attributes_of_a_label(place, record):
    formats.write([record], place / "a.xml", "cvat")
    root = ElementTree.parse(place / "a.xml").getroot()
    label = root.find("meta/task/labels/label")
    assert label is not None
    assert [one.findtext("name") for one in label.iter("attribute")] == ["colour", "n", "list"]
    shape = root.find("image/mask")
    assert shape is not None
    assert (shape.get("occluded"), [one.text for one in shape]) == ("1", ["red", "3", '["a", "b"]'])


@pytest.mark.parametrize("format", ["coco", "geojson", "labelme", "labelstudio", "npz"])
def test_numbers_and_lists_come_back(place, record, format):
    target = place / f"set{formats.FORMATS[format].suffix}"
    loss = formats.write([record] if format in ("coco", "labelstudio") else record, target, format)
    assert "attributes" not in loss.dropped
    (again,) = formats.read(target, format, images=place)
    assert again.meta["attributes"] == record.meta["attributes"]
