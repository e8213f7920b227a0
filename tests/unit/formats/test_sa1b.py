"""SA-1B's JSON, there and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anymask.errors import FormatError, OutputError
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.images.write import write_png
from anymask.types import Masks, Record

RUNS = rle.encode(np.eye(4, 6, dtype=bool))
RELEASED = {  # a file as the data set has it
    "image": {"image_id": 5, "width": 6, "height": 4, "file_name": "sa_5.jpg"},
    "annotations": [
        {
            "id": 77,
            "segmentation": {"size": [4, 6], "counts": rle.to_string(RUNS)},
            "bbox": [0.0, 0.0, 4.0, 4.0],
            "area": 4,
            "predicted_iou": 0.75,
            "stability_score": 0.5,
            "crop_box": [0.0, 0.0, 6.0, 4.0],
            "point_coords": [[1.5, 1.5]],
        }
    ],
}


@pytest.fixture
def record(rng):
    """A record with everything."""
    dense = rng.random((3, 4, 6)) < 0.5
    masks = Masks.from_dense(dense, [0.25, 0.5, 1], stability=[0.5, 0.75, 1])
    meta = {
        "file_name": "a.jpg",
        "dataset": "voc",
        "ids": [3, 4, 9],
        "categories": ["cat", "dog", "cat"],
        "category_scores": [0.9, None, 0.5],
        "kinds": ["instance", "part", "semantic"],
        "crop_boxes": [[0, 0, 6, 4]] * 3,
        "point_coords": [[[1.5, 2.5]]] * 3,
    }
    return Record("a", rng.integers(0, 256, (4, 6, 3), np.uint8), masks, "auto", meta, RUNS)


def test_the_released_layout_survives(tmp_path):
    (tmp_path / "sa_5.json").write_text(json.dumps(RELEASED))
    record = sa1b.read(tmp_path / "sa_5.json")
    assert record.id == "5"
    assert record.masks.scores.tolist() == [0.75]
    assert record.masks.stability.tolist() == [0.5]
    assert record.meta["point_coords"] == [[[1.5, 1.5]]]
    assert np.array_equal(record.masks.dense()[0], np.eye(4, 6))
    assert sa1b.to_document(record) == RELEASED


def test_round_trip(tmp_path, record):
    path = sa1b.write(record, tmp_path / "a.json")
    again = sa1b.read(path)
    assert (again.id, again.source, again.meta) == (record.id, record.source, record.meta)
    assert np.array_equal(again.masks.dense(), record.masks.dense())
    assert np.array_equal(again.masks.scores, record.masks.scores)
    assert np.array_equal(again.masks.stability, record.masks.stability)
    assert np.array_equal(again.ignore, RUNS)


def test_what_nobody_knows_is_left_out(record):
    bare = Record("b", record.image, Masks(record.masks.size, record.masks.rles))
    document = sa1b.to_document(bare)
    assert document["image"] == {"image_id": "b", "width": 6, "height": 4, "file_name": "b.jpg"}
    assert document.keys() == {"image", "annotations"}
    assert [entry["id"] for entry in document["annotations"]] == [1, 2, 3]
    keys = {"id", "segmentation", "bbox", "area", "predicted_iou"}
    assert all(entry.keys() == keys for entry in document["annotations"])
    again = sa1b.from_document(document, record.image)
    assert again.masks.stability is None
    assert "categories" not in again.meta


def test_boxes_and_areas(record):
    for entry, mask in zip(sa1b.to_document(record)["annotations"], record.masks.dense(), strict=True):
        x, y, w, h = (int(number) for number in entry["bbox"])
        assert mask[y : y + h, x : x + w].sum() == mask.sum() == entry["area"]


@pytest.mark.parametrize("place", ["sa_5.jpg", "images/sa_5.jpg", "../images/sa_5.jpg", "../sa_5.jpg"])
def test_the_image_is_found_near_the_file(tmp_path, place, rng):
    folder = tmp_path / "annotations"
    folder.mkdir()
    (folder / "sa_5.json").write_text(json.dumps(RELEASED))
    image = rng.integers(0, 256, (4, 6, 3), np.uint8)
    (folder / place).parent.mkdir(exist_ok=True)
    write_png(image, folder / place)
    assert np.array_equal(sa1b.read(folder / "sa_5.json").read(), image)


def test_no_masks(tmp_path):
    empty = Record("1", np.zeros((4, 6, 3), np.uint8), Masks((4, 6), ()))
    again = sa1b.read(sa1b.write(empty, tmp_path / "a.json"))
    assert len(again.masks) == 0
    assert again.masks.size == (4, 6)


def test_polygons_are_read(tmp_path):
    document = {
        "image": {"image_id": 1, "width": 8, "height": 6, "file_name": "a.jpg"},
        "annotations": [{"id": 1, "segmentation": [[2, 1, 6, 1, 6, 4, 2, 4]]}],
    }
    assert sa1b.from_document(document, tmp_path).masks.areas.tolist() == [12]


def changed(**fields):
    """The released document with other fields."""
    return {**RELEASED, **fields}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, r"the file must have a field 'image' of type dict, got None"),
        (changed(image=[]), r"the file must have a field 'image' of type dict, got \[\]"),
        (changed(annotations={}), r"the file must have a field 'annotations' of type list"),
        (changed(image={"width": 6}), r"image must have a field 'height' of type int, got None"),
        (
            changed(image={"width": 6, "height": "4.5"}),
            r"image must have a field 'height' of type int, got '4.5'",
        ),
        (changed(image={"width": 0, "height": 4}), r"image must have a size above 0, got 4 x 0"),
    ],
)
def test_damaged_documents(document, message, tmp_path):
    with pytest.raises(FormatError, match=message):
        sa1b.from_document(document, tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({}, "damaged: segmentation must be run lengths or polygons, got None"),
        (3, "damaged: annotation must be an object, got 3"),
        ({"segmentation": 3}, "damaged: segmentation must be run lengths or polygons, got 3"),
        (
            {"segmentation": {"size": [6, 4], "counts": [24]}},
            "damaged: segmentation must have the image's size",
        ),
        ({**RELEASED["annotations"][0], "predicted_iou": "much"}, "predicted_iou that is no number"),
        ({**RELEASED["annotations"][0], "predicted_iou": None}, ""),
    ],
)
def test_a_bad_annotation_costs_itself_alone(entry, told, tmp_path):
    document = changed(annotations=[entry, *RELEASED["annotations"]])
    found = sa1b.from_document(document, tmp_path / "a.jpg")
    whole = isinstance(entry, dict) and "predicted_iou" in entry
    assert len(found.masks) == len(RELEASED["annotations"]) + whole
    assert "; ".join(found.left_out).startswith(told)
    assert sum(found.left_out.values()) == bool(told)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"path must be a complete JSON file, got .*a\.json"),
        (b'{"image": {', r"path must be a complete JSON file"),
        (b"\xff\xfe\x00", r"path must be a complete JSON file"),
        (b"[1]", r"path must hold a JSON object, got a list in .*a\.json"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        sa1b.read(tmp_path / "a.json")


def test_missing_file(tmp_path):
    with pytest.raises(FormatError, match=r"path must be a JSON file, got .*no\.json \(No such file"):
        sa1b.read(tmp_path / "no.json")


def test_lists_for_another_number_of_masks(record):
    wrong = Record("a", record.image, record.masks[:1], meta=record.meta)
    with pytest.raises(FormatError, match=r"meta\['ids'\] must have one entry for each of 1 masks, got 3"):
        sa1b.to_document(wrong)


def test_nothing_is_overwritten(tmp_path, record):
    path = sa1b.write(record, tmp_path / "a.json")
    with pytest.raises(OutputError, match="which exists"):
        sa1b.write(record, path)
    sa1b.write(record, path, force=True)
