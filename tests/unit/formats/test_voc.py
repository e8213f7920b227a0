"""Maps of classes and objects, their names, and the images that they are of."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask import formats
from anymask.data import open_dataset
from anymask.errors import FormatError, InputError
from anymask.geometry import rle
from anymask.images import write
from anymask.types import Masks, Record

SIZE = (20, 30)
RED, PINK = (128, 0, 0), (250, 50, 183)


@pytest.fixture
def objects() -> np.ndarray:
    """Objects 1 and 2."""
    numbers = np.zeros(SIZE, np.uint8)
    numbers[2:6, 2:6], numbers[10:15, 10:20] = 1, 2
    return numbers


def put(path: Path, array: np.ndarray, *, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    if palette:
        image.putpalette([value % 256 for value in range(0, 768 * 7, 7)])
    image.save(path)


def photo(path: Path) -> None:
    put(path, np.zeros((*SIZE, 3), np.uint8))


def told(record: Record) -> tuple[list[int], list[str], str, bool]:
    image = record.image
    assert isinstance(image, Path)
    return record.masks.areas.tolist(), record.meta["categories"], record.meta["file_name"], image.is_file()


def test_maps_of_labelme_have_the_names_of_its_list(tmp_path, objects):
    (tmp_path / "class_names.txt").write_text("__ignore__\n_background_\ncat\ndog\n")
    put(tmp_path / "SegmentationClass" / "a.png", np.where(objects == 0, 0, 2).astype(np.uint8), palette=True)
    put(tmp_path / "SegmentationObject" / "a.png", objects, palette=True)
    photo(tmp_path / "JPEGImages" / "a.png")
    (record,) = formats.read(tmp_path)
    assert told(record) == ([16, 50], ["dog", "dog"], "a.png", True)
    assert open_dataset(tmp_path)[0].meta["categories"] == ["dog", "dog"]


def test_maps_in_colours_of_cvat(tmp_path, objects):
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:250,50,183::\n"
    )
    black = np.zeros((*SIZE, 3), np.uint8)
    classes = black.copy()
    classes[objects > 0] = PINK
    classes[0, 0] = (1, 2, 3)
    things = black.copy()
    things[objects == 1], things[objects == 2], things[0, :3] = RED, (0, 128, 0), (224, 224, 192)
    put(tmp_path / "SegmentationClass" / "sub" / "a.png", classes)
    put(tmp_path / "SegmentationObject" / "sub" / "a.png", things)
    (record,) = formats.read(tmp_path)
    assert told(record) == ([50, 16], ["cat", "cat"], "sub/a.jpg", False)
    assert record.left_out == {"colour of no class": 1}
    assert record.ignore is not None, "the colour of VOC's borders"


def test_without_objects_the_classes_are_masks(tmp_path, objects):
    put(tmp_path / "SegmentationClass" / "a.png", np.where(objects == 2, 255, objects * 8), palette=True)
    (record,) = formats.read(tmp_path)
    assert told(record)[:2] == ([16], ["cat"]), "8 among the names of the challenge"
    assert record.ignore is not None


def test_boxes_without_a_map_are_told(tmp_path, objects):
    put(tmp_path / "VOCdevkit" / "VOC2012" / "SegmentationObject" / "a.png", objects)
    (tmp_path / "VOCdevkit" / "VOC2012" / "Annotations").mkdir()
    for name in "abc":
        (tmp_path / "VOCdevkit" / "VOC2012" / "Annotations" / f"{name}.xml").write_text("<annotation/>")
    found: Counter[str] = Counter()
    (record,) = formats.stream(tmp_path, on_left_out=lambda file, kind, count: found.update({kind: count}))
    assert (record.masks.areas.tolist(), found) == ([16, 50], {"file of boxes without a map": 2})


def test_annotations_beside_the_maps_are_read_too(tmp_path, objects):
    put(tmp_path / "voc" / "SegmentationObject" / "a.png", objects)
    shape = {"label": "cat", "points": [[1, 1], [9, 1], [9, 9]], "shape_type": "polygon"}
    page = {"shapes": [shape], "imagePath": "b.png", "imageHeight": 20, "imageWidth": 30}
    (tmp_path / "b.json").write_text(json.dumps(page))
    maps, other = formats.read(tmp_path)
    assert (len(maps.masks), other.meta["categories"]) == (2, ["cat"])


def test_maps_of_two_sizes_are_refused(tmp_path, objects):
    put(tmp_path / "SegmentationObject" / "a.png", objects)
    put(tmp_path / "SegmentationClass" / "a.png", objects[:-1])
    with pytest.raises(FormatError, match=r"maps of a must have one size, got \(19, 30\) and \(20, 30\)"):
        formats.read(tmp_path)


def test_what_is_written_is_read_by_others(tmp_path, objects):
    masks = Masks.from_dense([objects == 1, objects == 2, objects > 0])
    record = Record("a", tmp_path / "a.jpg", masks, meta={"categories": ["a:b", "dog", "dog"]})
    loss = formats.write([record], tmp_path / "set", "voc")
    renamed, under = loss.changed
    assert (renamed.mask, renamed.iou, renamed.notes) == (0, 1, ("named without colons and line breaks",))
    assert (under.mask, under.iou) == (2, 0)
    classes = np.asarray(Image.open(tmp_path / "set" / "SegmentationClass" / "a.png"))
    assert (classes == objects).all()
    palette = Image.open(tmp_path / "set" / "SegmentationObject" / "a.png").getpalette()
    assert palette is not None
    assert palette[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0], "VOC's colours"
    names = (tmp_path / "set" / "labelmap.txt").read_text().splitlines()
    assert names == [
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "a_b:128,0,0::",
        "dog:0,128,0::",
    ]
    assert (tmp_path / "set" / "ImageSets" / "Segmentation" / "default.txt").read_text() == "a\n"


def test_ignored_pixels_are_void_where_no_mask_is(tmp_path, objects):
    masks = Masks.from_dense([objects == 1, objects == 2])
    ignore = np.zeros(SIZE, bool)
    ignore[:4] = True
    record = Record("a", tmp_path / "a.jpg", masks, ignore=rle.encode(ignore))
    loss = formats.write([record], tmp_path / "set", "voc")
    assert [(one.mask, one.notes) for one in loss.changed] == [(0, ("drawn over ignored pixels",))]
    (again,) = formats.read(tmp_path / "set")
    assert again.ignore is not None
    assert (rle.decode(again.ignore, SIZE) == (ignore & (objects == 0))).all()


def test_more_objects_than_a_palette_holds_are_refused(tmp_path):
    masks = Masks.from_dense(np.eye(255, dtype=bool)[:, None])
    with pytest.raises(InputError, match="masks must be at most 254 in VOC's maps"):
        formats.write([Record("a", tmp_path / "a.jpg", masks)], tmp_path / "set", "voc")


# ---- maps of other tools


@pytest.mark.parametrize(
    ("map_file", "image_file"),
    [
        ("labels/a.png", "data/a.jpg"),  # FiftyOne
        ("train/a_jpg.rf.0a1b_mask.png", "train/a_jpg.rf.0a1b.jpg"),  # Roboflow
        ("train/a_mask.png", "train/a.png"),
        ("masks/train/a.png", "images/train/a.png"),
        ("instances/0002/000001.png", "images/0002/000001.png"),  # MOTS
    ],
)
def test_a_map_is_of_its_image(tmp_path, objects, map_file, image_file):
    put(tmp_path / map_file, objects)
    put(tmp_path / image_file, np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8))
    (record,) = formats.read(tmp_path)
    assert record.image == tmp_path / image_file
    assert record.masks.areas.tolist() == [16, 50]
    name = Path(record.meta["file_name"])
    assert name.name == Path(image_file).name
    assert name.parent.name == Path(image_file).parent.name or name.parent == Path()


@pytest.mark.parametrize(
    ("list_file", "text"),
    [
        ("_classes.csv", "Pixel Value, Class\n0, background\n1, cat\n2, dog\n"),
        ("classes.txt", "cat\ndog\n"),
        ("classes.txt", "_background_\ncat\ndog"),
        ("labelmap.txt", "background:0,0,0::\ncat:1,1,1::\ndog:2,2,2::\n"),
    ],
)
@pytest.mark.parametrize("place", ["", "masks"])
def test_lists_name_the_numbers_of_maps(tmp_path, objects, list_file, text, place):
    objects[19] = 255
    put(tmp_path / "masks" / "a.png", objects)
    photo(tmp_path / "images" / "a.png")
    (tmp_path / place / list_file).write_text(text)
    for record in (formats.read(tmp_path)[0], open_dataset(tmp_path)[0]):
        assert record.meta["categories"] == ["cat", "dog"]
        assert record.meta["file_name"] == "a.png"
        assert record.ignore is not None, "255 is void where the numbers are classes"


def test_white_is_the_only_class(tmp_path, objects):
    put(tmp_path / "masks" / "a.png", (objects > 0) * np.uint8(255))
    (tmp_path / "classes.txt").write_text("cat\n")
    (record,) = formats.read(tmp_path)
    assert (record.masks.areas.tolist(), record.meta["categories"]) == ([66], ["cat"])


def test_an_image_is_no_map_of_what_nobody_can_read(tmp_path):
    photo(tmp_path / "a.png")
    (tmp_path / "via.csv").write_text("filename,region_shape_attributes\na.png,x\n")
    with pytest.raises(FormatError, match="path must be a folder of a known format"):
        formats.read(tmp_path)


def test_a_map_keeps_its_own_name_without_an_image(tmp_path, objects):
    (tmp_path / "cell_mask.png").write_bytes(write.encode_png(objects))
    assert formats.read(tmp_path)[0].id == "cell_mask"
