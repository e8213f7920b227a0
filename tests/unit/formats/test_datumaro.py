"""Datumaro's own JSON, and the subsets of its exports: no mask gets into the image of another subset."""

from __future__ import annotations

from anymask import formats

from .folders import RING, coco


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
