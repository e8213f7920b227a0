"""Datumaro's own JSON, and the subsets of its exports: no mask gets into the image of another subset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.images import write

SIZE = (20, 30)
RING = [4, 5, 10, 5, 10, 12, 4, 12]


@pytest.fixture
def make(tmp_path):
    """Makes files: images as blank images, JSON from values, text as it is."""

    def files(**content: object) -> Path:
        for name, what in content.items():
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if what is None:
                path.write_bytes(write.encode_png(np.zeros((*SIZE, 3), np.uint8)))
            else:
                path.write_text(what if isinstance(what, str) else json.dumps(what), encoding="utf-8")
        return tmp_path / "set"

    return lambda content: files(**content)


def coco(*names: str) -> dict:
    return {
        "images": [
            {"id": i, "width": 30, "height": 20, "file_name": name} for i, name in enumerate(names, start=1)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "segmentation": [RING]}
            for i in range(1, len(names) + 1)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }


def test_subsets_of_datumaro_look_into_their_own_folders(make):
    """Its COCO export: the same names in images/train and images/val, and one file for each."""
    files = {f"annotations/instances_{one}.json": coco("a.png") for one in ("train", "val")}
    root = make({**files, "images/train/a.png": None, "images/val/a.png": None})
    train, val = formats.read(root)
    assert [one.image for one in (train, val)] == [
        root / "images" / one / "a.png" for one in ("train", "val")
    ]
    assert (train.meta["file_name"], val.meta["file_name"]) == ("a.png", "val/a.png")
    formats.write([train, val], root / "yolo", "yolo")
    assert sorted((root / "yolo").rglob("a.txt")) == [
        root / "yolo/labels/a.txt",
        root / "yolo/labels/val/a.txt",
    ]


def test_subsets_among_given_images(make, tmp_path):
    files = {f"annotations/instances_{one}.json": coco("a.png") for one in ("train", "val")}
    root = make({**files, "elsewhere/train/a.png": None, "elsewhere/val/a.png": None})
    for images in (
        root / "elsewhere",
        {f"{one}/a.png": root / f"elsewhere/{one}/a.png" for one in ("train", "val")},
    ):
        train, val = formats.read(root / "annotations", images=images)
        assert [train.image.parent.name, val.image.parent.name] == ["train", "val"]


def test_an_image_of_two_folders_is_that_of_neither(make):
    root = make({"annotations/all.json": coco("a.png"), "images/x/a.png": None, "images/y/a.png": None})
    (record,) = formats.read(root / "annotations" / "all.json")
    assert not record.image.is_file()


def test_datumaros_own_files(make):
    polygon = {"type": "polygon", "points": RING, "label_id": 1, "group": 0, "attributes": {"n": 1}}
    parts = [
        {**polygon, "group": 4},
        {"type": "ellipse", "points": [14, 2, 20, 8], "label_id": 1, "group": 4},
    ]
    others = [{"type": "bbox", "bbox": [1, 2, 3, 4], "label_id": 0}, {"type": "caption", "caption": "x"}]
    labels = {"label": {"labels": [{"name": "cat"}, {"name": "dog"}]}}

    def subset() -> dict:
        item = {
            "id": "a",
            "annotations": [polygon, *parts, *others],
            "image": {"path": "a.png", "size": [20, 30]},
        }
        return {"dm_format_version": "1.0", "infos": {}, "categories": labels, "items": [item]}

    root = make({
        "annotations/train.json": subset(), "annotations/val.json": subset(),
        "images/train/a.png": None, "images/val/a.png": None,
    })  # fmt: skip
    train, val = formats.read(root)
    assert (train.meta["file_name"], val.meta["file_name"]) == ("train/a.png", "val/a.png")
    assert val.image == root / "images/val/a.png"
    assert val.masks.areas.tolist() == [42, 42 + 32]
    assert val.meta["categories"] == ["dog", "dog"]
    assert val.meta["attributes"] == [{"n": 1}, {"n": 1}]
    assert val.left_out == {"box without an outline": 1, "caption": 1}
    assert len(formats.read(root, boxes=True)[0].masks) == 3
