"""COCO's JSON, there and back; the COCO API reads what we write."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from anymask import formats
from anymask.errors import FormatError
from anymask.formats import Outlines, coco, json_stream
from anymask.geometry import rle
from anymask.types import Masks, Record


def record(name, seed, n=3, **values):
    """A record of random masks."""
    rng = np.random.default_rng(seed)
    masks = Masks.from_dense(rng.random((n, 4, 6)) < 0.5, **values.pop("fields", {}))
    return Record(name, np.zeros((4, 6, 3), np.uint8), masks, **values)


def same(a, b):
    """Whether two lists of records hold the same masks of the same names."""
    return [r.id for r in a] == [r.id for r in b] and all(
        np.array_equal(one.masks.dense(), other.masks.dense()) for one, other in zip(a, b, strict=True)
    )


def test_round_trip(tmp_path):
    hidden = rle.encode(np.eye(4, 6, dtype=bool))
    records = [
        record("17", 0, meta={"categories": ["cat", "dog", "cat"], "dataset": "voc"}, ignore=hidden),
        record("4", 1, n=0),
        record("23", 2, n=2, meta={"categories": ["dog", "cow"]}, fields={"scores": [0.5, 1]}),
    ]
    again = coco.read(coco.write(records, tmp_path / "a.json"))
    assert same(again, records)
    assert again[0].meta["categories"] == ["cat", "dog", "cat"]
    assert again[0].meta["dataset"] == "voc"
    assert again[0].masks.labels.tolist() == [1, 2, 1]
    assert again[2].masks.labels.tolist() == [2, 3]
    assert again[2].masks.scores.tolist() == [0.5, 1]
    assert np.array_equal(again[0].ignore, hidden)
    assert again[1].ignore is None


def test_the_coco_api_reads_it(tmp_path, capsys):
    records = [record("3", 0, meta={"categories": ["cat", "dog", "cat"]}), record("8", 1)]
    peer = COCO(str(coco.write(records, tmp_path / "a.json")))
    capsys.readouterr()
    assert peer.getImgIds() == [3, 8]
    assert [c["name"] for c in peer.loadCats(peer.getCatIds())] == ["cat", "dog", "object"]
    for ours, number in zip(records, (3, 8), strict=True):
        entries = peer.loadAnns(peer.getAnnIds(imgIds=[number]))
        for entry, mask in zip(entries, ours.masks.dense(), strict=True):
            assert entry["area"] == mask.sum()
            assert peer.annToRLE(entry)["counts"] == rle.to_string(rle.encode(mask))


def test_names_and_numbers_of_records(tmp_path):
    records = [record("cat/1", 0), record("7", 1)]
    document = coco.to_document(records)
    assert [image["id"] for image in document["images"]] == [1, 2]
    assert same(coco.read(coco.write(records, tmp_path / "a.json")), records)
    twins = [record("7", 0), record("7", 1)]
    assert [image["id"] for image in coco.to_document(twins)["images"]] == [1, 2]


def test_labels_are_kept_where_they_name_one_category_each():
    kept = record("1", 0, meta={"categories": ["a", "b", "a"]}, fields={"labels": [18, 44, 18]})
    assert coco.to_document([kept])["categories"] == [{"id": 18, "name": "a"}, {"id": 44, "name": "b"}]
    mixed = record("1", 0, meta={"categories": ["a", "b", "a"]}, fields={"labels": [18, 18, 44]})
    assert coco.to_document([mixed])["categories"] == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    nameless = record("1", 0, fields={"labels": [5, 6, 5]})
    assert coco.to_document([nameless])["categories"] == [
        {"id": 5, "name": "class 5"},
        {"id": 6, "name": "class 6"},
    ]
    assert coco.to_document([record("1", 0)])["categories"] == [{"id": 1, "name": "object"}]


def test_nothing_at_all(tmp_path):
    assert coco.read(coco.write([], tmp_path / "a.json")) == []


DOCUMENT = {
    "images": [{"id": 9, "width": 8, "height": 6, "file_name": "val/a.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 9, "category_id": 3, "segmentation": [[2, 1, 6, 1, 6, 4, 2, 4]], "iscrowd": 0},
        {"id": 2, "image_id": 9, "category_id": 5, "segmentation": [[0, 0, 2, 0, 2, 2], [4, 4, 8, 4, 8, 6]]},
        {
            "id": 3,
            "image_id": 9,
            "category_id": 3,
            "segmentation": {"size": [6, 8], "counts": [0, 6, 42]},
            "iscrowd": 1,
        },
        {"id": 4, "image_id": 77, "category_id": 3, "segmentation": [[2, 1, 6, 1, 6, 4]]},
    ],
    "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}],
}


def write(folder, **changes):
    """The document as a file, with other fields."""
    path = folder / "a.json"
    path.write_text(json.dumps({**DOCUMENT, **changes}))
    return path


def test_polygons_and_crowds(tmp_path):
    (found,) = coco.read(write(tmp_path))
    assert found.id == "9"
    assert found.meta["categories"] == ["cat", "class 5"]
    assert found.masks.labels.tolist() == [3, 5]
    assert found.masks.areas[0] == 12
    assert rle.area(found.ignore) == 6
    assert rle.decode(found.ignore, (6, 8))[:, 0].all()


@pytest.mark.parametrize("place", ["a.jpg", "val/a.jpg", "images/a.jpg", "images/val/a.jpg"])
def test_images_are_found(tmp_path, place):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    assert coco.CocoFile(write(tmp_path)).image_path(0) == tmp_path / place


def test_images_in_a_folder_of_their_own(tmp_path):
    (tmp_path / "images").mkdir()
    file = coco.CocoFile(write(tmp_path), tmp_path / "images")
    assert file.image_path(0) == tmp_path / "images" / "a.jpg"
    (tmp_path / "images" / "val").mkdir()
    (tmp_path / "images" / "val" / "a.jpg").touch()
    assert file.image_path(0) == tmp_path / "images" / "val" / "a.jpg"


def test_a_file_is_read_one_record_at_a_time(tmp_path):
    bad = [{"id": 1, "image_id": 10, "category_id": 3, "segmentation": "?"}]
    images = [*DOCUMENT["images"], {"id": 10, "width": 8, "height": 6, "file_name": "b.jpg"}]
    file = coco.CocoFile(write(tmp_path, images=images, annotations=[*DOCUMENT["annotations"], *bad]))
    assert file.ids == ["9", "10"]
    assert len(file.record(0).masks) == 2
    told = file.record(1)
    assert len(told.masks) == 0
    assert told.left_out == {"damaged: segmentation must be run lengths or polygons, got '?'": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, r"the file must have a field 'images' of type list"),
        ({"images": [{"width": 3}]}, r"image must have an id, got"),
        (
            {"images": [{"id": 9, "width": 8, "file_name": "a.jpg"}]},
            r"image must have a field 'height'",
        ),
        ({"images": [{"id": 9, "width": 8, "height": 6}]}, r"image must have a field 'file_name'"),
        ({"annotations": 3}, r"annotations must be a list"),
        (
            {"annotations": [{"image_id": 9, "file_name": "a.png", "segments_info": [{"id": 1}, {"id": 2}]}]},
            r"annotations must be outlines, got 2 panoptic segments",
        ),
        (
            {"annotations": [{"image_id": 9, "caption": "a cat"}]},
            r"annotations must be outlines, got 1 caption",
        ),
        ({"categories": 3}, r"categories must be a list"),
        ({"categories": [{"id": 3}]}, r"category must have a field 'name'"),
    ],
)
def test_damaged_files(tmp_path, changes, message):
    with pytest.raises(FormatError, match=message):
        coco.read(write(tmp_path, **changes))


OTHERS = {
    "no category": (
        {"segmentation": [[1, 1, 4, 1, 4, 4]]},
        "damaged: category_id must be a number, got None",
    ),
    "two corners": (
        {"segmentation": [[1, 1, 4, 1]]},
        "damaged: polygon must be 3 or more corners x, y as finite numbers, got 4 numbers",
    ),
    "a flat polygon": (
        {"segmentation": [1, 1, 4, 1, 4, 4]},
        "damaged: segmentation must be a list of lists of numbers, got another list",
    ),
    "an odd number": (
        {"segmentation": [[1, 1, 4, 1, 4, 4, 2]]},
        "damaged: polygon must be corners x, y, got an odd number of coordinates",
    ),
    "not finite": (
        {"segmentation": [[1, 1, 4, 1, 4, float("nan")]]},
        "damaged: polygon must be corners x, y as finite numbers, got others",
    ),
    "a box": ({"segmentation": [], "bbox": [1, 2, 3, 2]}, "box without an outline"),
    "a box alone": ({"bbox": [1, 2, 3, 2]}, "box without an outline"),
    "nothing": ({"segmentation": [[]]}, "annotation without an outline"),
    "null": ({"segmentation": None}, "annotation without an outline"),
}
GOOD = {"image_id": 9, "category_id": 3, "segmentation": [[2, 1, 6, 1, 6, 4, 2, 4]]}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_bad_annotation_costs_itself_alone(tmp_path, kind):
    entry, told = OTHERS[kind]
    bad = {"id": 5, "image_id": 9, **({} if kind == "no category" else {"category_id": 3}), **entry}
    (found,) = coco.read(write(tmp_path, annotations=[bad, GOOD]))
    assert found.masks.areas.tolist() == [12]
    assert found.left_out == {told: 1}


def test_boxes_become_masks_on_request(tmp_path):
    box = {"image_id": 9, "category_id": 3, "segmentation": [], "bbox": [1, 2, 3, 2]}
    (found,) = coco.CocoFile(write(tmp_path, annotations=[box]), boxes=True).records()
    assert found.masks.areas.tolist() == [6]
    assert found.masks.boxes[0].tolist() == [1, 2, 4, 4]


def test_short_parts_have_no_pixels(tmp_path):
    parts = [[2, 1, 6, 1, 6, 4, 2, 4], [0, 0, 1, 1], []]
    (found,) = coco.read(write(tmp_path, annotations=[{**GOOD, "segmentation": parts}]))
    assert (found.masks.areas.tolist(), found.left_out) == ([12], {})


@pytest.mark.parametrize("flag", ["false", "0", "", None, 0, False, 0.0])
def test_flags_that_say_no_crowd(tmp_path, flag):
    (found,) = coco.read(write(tmp_path, annotations=[{**GOOD, "iscrowd": flag}]))
    assert (len(found.masks), found.ignore) == (1, None)


@pytest.mark.parametrize("flag", ["true", "1", 1, True, 1.0])
def test_flags_that_say_crowd(tmp_path, flag):
    (found,) = coco.read(write(tmp_path, annotations=[{**GOOD, "iscrowd": flag}]))
    assert (len(found.masks), rle.area(found.ignore)) == (0, 12)
    assert found.left_out == {"crowd as ignored pixels": 1}


def test_ids_and_sizes_in_other_dress(tmp_path):
    images = [{"id": "9", "width": 8.0, "height": "6", "file_name": "a.jpg"}]
    entry = {**GOOD, "image_id": 9.0, "category_id": "3", "score": None}
    (found,) = coco.read(write(tmp_path, images=images, annotations=[entry]))
    assert (found.masks.size, found.masks.areas.tolist(), found.masks.scores.tolist()) == ((6, 8), [12], [1])
    assert found.meta["categories"] == ["cat"]


def test_numbers_beyond_64_bits_are_names(tmp_path):
    entries = [{**GOOD, "category_id": number} for number in (1 << 70, -(1 << 63), (1 << 63) - 1)]
    kinds = [{"id": 1 << 70, "name": "huge"}]
    (found,) = coco.read(write(tmp_path, annotations=entries, categories=kinds))
    assert (found.meta["categories"], found.masks.labels.tolist()) == (["huge"], [1])
    assert sum(found.left_out.values()) == 2


def test_annotations_of_no_image_are_counted(tmp_path):
    orphans = [{**GOOD, "image_id": 5}, {"id": 1}, 7]
    file = coco.CocoFile(write(tmp_path, annotations=[GOOD, *orphans]))
    assert file.left_out == {"annotation of no image": 2, "damaged: annotation must be an object": 1}


def test_two_images_of_one_id_are_refused(tmp_path):
    images = [DOCUMENT["images"][0], {**DOCUMENT["images"][0], "file_name": "b.jpg"}]
    with pytest.raises(FormatError, match="image must have an id of its own, got 9, which 2 have"):
        coco.read(write(tmp_path, images=images))


def test_crowds_stay_crowds(tmp_path, capsys):
    (found,) = formats.read(write(tmp_path, annotations=DOCUMENT["annotations"][:3]))
    assert found.meta["crowds"] == [False, False, True]
    assert found.meta["categories"] == ["cat", "class 5", "cat"]
    loss = formats.write([found], tmp_path / "b.json", outlines=Outlines(polygons=True))
    assert not loss.dropped
    peer = COCO(str(tmp_path / "b.json"))
    capsys.readouterr()
    assert [(one["iscrowd"], one["area"]) for one in peer.loadAnns([1, 2, 3])] == [(0, 12), (0, 5), (1, 6)]
    told = formats.write([found], tmp_path / "set", "yolo")
    assert told.dropped["crowds"] == 1
    assert "1 mask: a crowd, written as one object" in told.summary()


def test_masks_by_brush_in_cvat_are_no_crowds(tmp_path):
    blank = dict.fromkeys(("contributor", "date_created", "description", "url", "version", "year"), "")
    images = [{**DOCUMENT["images"][0], "date_captured": 0}]
    path = write(tmp_path, info=blank, images=images, annotations=DOCUMENT["annotations"][2:3])
    (found,) = coco.read(path)
    assert (found.masks.areas.tolist(), found.ignore, found.meta["crowds"]) == ([6], None, [True])


def test_results_name_no_images(tmp_path):
    mask = rle.to_coco(rle.encode(np.eye(6, 8, dtype=bool)), (6, 8))
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{"image_id": 42, "category_id": 3, "segmentation": mask, "score": 0.5}]))
    (tmp_path / "000000000042.jpg").touch()
    (found,) = formats.read(path)
    assert (found.image.name, found.masks.areas.tolist(), found.masks.scores.tolist()) == (
        "000000000042.jpg",
        [6],
        [0.5],
    )


def test_images_may_be_read_in_any_order(tmp_path, rng):
    """Polygons are drawn ahead for images that are read in order."""
    images = [{"id": i, "width": 30 + i % 3, "height": 20, "file_name": f"{i}.jpg"} for i in range(9)]
    annotations = [
        {
            "id": i,
            "image_id": i % 10,
            "category_id": 1,
            "segmentation": [polygon.tolist(), [1, 1, 9, 1, 9, 9]],
        }
        for i, polygon in enumerate(rng.uniform(0, 30, (40, 8)))
    ]
    annotations[5]["segmentation"] = [[1, 2, 3, 4, None, 6]]
    annotations[6]["segmentation"] = [[1, 2, 3, 4]]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    in_order = coco.CocoFile(path).records()
    file = coco.CocoFile(path)
    for index in (8, 3, 4, 4, 0, 7, 1, 2, 3, 6, 5):
        one, known = file.record(index), in_order[index]
        assert np.array_equal(one.masks.dense(), known.masks.dense())
        assert (one.left_out, one.id) == (known.left_out, known.id)
    assert sum(len(record.masks) + sum(record.left_out.values()) for record in in_order) == 36


@pytest.mark.parametrize("odd", ["NaN", '"},{"', '[{"a": 1}, {"b": 2}]', '"\\ud800"', "1e999", '"\\"},\\n{"'])
def test_odd_values_among_annotations(tmp_path, odd):
    """Annotations are decoded many at once, and one by one where that fails."""
    text = ",\n".join(
        f'{{"id": {i}, "image_id": 1, "category_id": 1, "note": {odd if i == 5 else 0}, '
        f'"segmentation": [[1, 1, 9, 1, 9, {i}]]}}'
        for i in range(4, 9)
    )
    image = '{"id": 1, "width": 30, "height": 20, "file_name": "a.jpg"}'
    path = tmp_path / "c.json"
    path.write_text(f'{{"images": [{image}], "annotations": [{text}]}}')
    (record,) = coco.read(path)
    assert len(record.masks) == 5
    assert len(set(record.masks.areas.tolist())) == 5


def test_pieces_of_a_file_end_anywhere(tmp_path, monkeypatch):
    path = write(tmp_path, note="é \U0001f99d \\" * 3)
    whole = coco.read(path)
    for size in range(1, 40):
        monkeypatch.setattr(json_stream, "_PIECE", size)
        assert same(coco.read(path), whole)


@pytest.mark.parametrize("cut", [1, 20, 200, -1, -3])
def test_cut_off_files(tmp_path, cut):
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(FormatError, match="path must be a complete JSON file"):
        coco.read(path)


def test_the_stated_area_is_kept_where_every_annotation_has_one(tmp_path):
    square = [[0, 0, 4, 0, 4, 4, 0, 4]]
    entries = [
        {"id": i, "image_id": 1, "category_id": 1, "segmentation": square, "area": 15.5} for i in (0, 1)
    ]
    document = {
        "images": [{"id": 1, "width": 8, "height": 8, "file_name": "a.png"}],
        "annotations": entries,
        "categories": [{"id": 1, "name": "a"}],
    }
    path = tmp_path / "a.json"
    assert coco.CocoFile(path, document=document).record(0).meta["areas"] == [15.5, 15.5]
    del entries[1]["area"]
    assert "areas" not in coco.CocoFile(path, document=document).record(0).meta
