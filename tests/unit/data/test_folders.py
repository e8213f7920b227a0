from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from anymask import formats
from anymask.data.dataset import open_dataset
from anymask.data.summary import check
from anymask.errors import FormatError
from anymask.images.bands import Bands


@pytest.fixture
def save(jpeg):
    def write(path, image):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(image, path.suffix))

    return write


def mask_file(path, mask) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), mask.astype(np.uint8))


def test_pairs_in_a_folder(tmp_path, records, pair):
    for number in range(3):
        for name, data in pair(str(number), records[number]).items():
            (tmp_path / name).write_bytes(data)
    (tmp_path / "2.jpg").unlink()
    dataset = open_dataset(tmp_path)
    assert [record.id for record in dataset] == ["0", "1"]
    assert len(dataset.faults) == 1
    assert (dataset[1].masks.dense() == records[1].masks.dense()).all()
    assert dataset.image_bytes(0)[:2] == b"\xff\xd8"


def test_hidden_files_do_not_count_and_subfolders_do(tmp_path, records, pair, save):
    (tmp_path / "sub").mkdir()
    for name, record in zip(("a", ".b", "sub/c"), records, strict=False):
        for file, data in pair(name, record).items():
            (tmp_path / file).write_bytes(data)
    save(tmp_path / "overlays" / "a.jpg", records[0].read())
    dataset = open_dataset(tmp_path)
    assert [record.id for record in dataset] == ["a", "sub/c"]
    assert (dataset[1].masks.dense() == records[2].masks.dense()).all()
    assert dataset.faults.messages == {}
    (tmp_path / "a.json").unlink()
    assert [record.id for record in open_dataset(tmp_path)] == ["sub/c"]


def test_masks_as_png_follow_the_subfolders_of_the_images(tmp_path, records, save):
    masks = records[0].masks.dense()
    for name in ("a", ".b", "sub/c", "my_sub/my"):
        save(tmp_path / "images" / f"{name}.jpg", records[0].read())
    mask_file(tmp_path / "masks" / "a.png", masks[0] * 255)
    mask_file(tmp_path / "masks" / ".b.png", masks[0] * 255)
    mask_file(tmp_path / "masks" / "sub" / "c.png", masks[0] + 2 * (masks[1] & ~masks[0]))
    for number in range(2):
        mask_file(tmp_path / "masks" / "my_sub" / f"my_{number}.png", masks[number] * 255)
    dataset = open_dataset(tmp_path)
    assert [(record.id, len(record.masks)) for record in dataset] == [
        ("a", 1),
        ("my_sub/my", 2),
        ("sub/c", 2),
    ]
    assert dataset.faults.messages == {}


def test_pairs_in_a_folder_per_split(tmp_path, records, pair):
    for split, record in (("train", records[0]), ("val", records[1])):
        (tmp_path / split).mkdir()
        for name, data in pair(split, record).items():
            (tmp_path / split / name).write_bytes(data)
    assert open_dataset(tmp_path, split="val")[0].id == "val"


def test_coco(tmp_path, records, save):
    for record in records[:3]:
        save(tmp_path / "photos" / f"{record.id}.jpg", record.read())
    formats.write(records[:3], tmp_path / "all.json", "coco")
    dataset = open_dataset(tmp_path / "all.json", images=tmp_path / "photos")
    assert len(dataset) == 3
    assert [record.id for record in dataset] == [record.id for record in records[:3]]
    assert (dataset[2].masks.dense() == records[2].masks.dense()).all()
    (tmp_path / "photos" / f"{records[1].id}.jpg").unlink()
    assert len(list(dataset)) == 2
    assert len(dataset.faults) == 1


def test_coco_polygons_in_the_folder_of_the_images(tmp_path, save):
    save(tmp_path / "a.png", np.zeros((20, 30, 3), np.uint8))
    document = {
        "images": [{"id": 1, "width": 30, "height": 20, "file_name": "a.png"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "segmentation": [[5, 5, 15, 5, 15, 15, 5, 15]]}
        ],
        "categories": [{"id": 7, "name": "square"}],
    }
    (tmp_path / "_annotations.json").write_text(json.dumps(document))
    record = open_dataset(tmp_path)[0]
    assert record.masks.areas.tolist() == [100]
    assert record.meta["categories"] == ["square"]


def test_label_maps(tmp_path, records, save):
    image = records[0].read()
    numbers = np.zeros(image.shape[:2], np.uint8)
    numbers[2:9, 3:20], numbers[20:30, 10:40], numbers[40:, :] = 1, 5, 255
    save(tmp_path / "images" / "a.jpg", image)
    mask_file(tmp_path / "masks" / "a.png", numbers)
    record = open_dataset(tmp_path, ignore=255)[0]
    assert (record.masks.dense() == np.stack([numbers == 1, numbers == 5])).all()
    assert record.ignore is not None
    assert len(open_dataset(tmp_path)[0].masks) == 3


def test_a_png_per_mask(tmp_path, records, save):
    masks = records[0].masks.dense()
    for name in ("one", "one_b", "two", "alone"):
        save(tmp_path / "images" / f"{name}.jpg", records[0].read())
    for number, mask in enumerate(masks):
        mask_file(tmp_path / "masks" / f"one_{number}.png", mask * 255)
        mask_file(tmp_path / "masks" / "two" / f"{number}.png", mask * 255)
    mask_file(tmp_path / "masks" / "one_b_0.png", masks[0] * 255)
    mask_file(tmp_path / "masks" / "stray_0.png", masks[0] * 255)
    dataset = open_dataset(tmp_path)
    assert list(dataset.source.ids) == ["one", "one_b", "two"]
    assert (dataset[0].masks.dense() == masks).all()
    assert (dataset[1].masks.dense() == masks[:1]).all()
    assert (dataset[2].masks.dense() == masks).all()
    assert sorted(dataset.faults.messages) == ["alone", "stray_0"]


def test_masks_of_another_size_are_damage(tmp_path, records, save):
    save(tmp_path / "images" / "a.jpg", records[0].read())
    mask_file(tmp_path / "masks" / "a.png", np.ones((5, 5)))
    dataset = open_dataset(tmp_path)
    with pytest.raises(FormatError, match="must have the image size"):
        dataset[0]
    assert list(dataset) == []


def test_empty_maps_give_no_masks(tmp_path, records, save):
    save(tmp_path / "images" / "a.jpg", records[0].read())
    mask_file(tmp_path / "masks" / "a.png", np.zeros(records[0].masks.size))
    assert len(open_dataset(tmp_path)[0].masks) == 0
    save(tmp_path / "images" / "b.jpg", records[0].read())
    mask_file(tmp_path / "masks" / "b_0.png", np.zeros(records[0].masks.size))
    assert open_dataset(tmp_path)[1].masks.areas.tolist() == [0]


def numbers_of(record, values) -> np.ndarray:
    """A map of stripes."""
    numbers = np.zeros(record.masks.size, np.uint8)
    for row, value in enumerate(values):
        numbers[4 * row : 4 * row + 4] = value
    return numbers


@pytest.mark.parametrize(
    ("name", "values", "count"),
    [
        ("a_cp_masks.png", (1, 2, 3), 3),
        ("a_mask.png", (3, 7), 2),
        ("a_mask.png", (255,), 1),
        ("a_mask.png", (80, 160, 255), 1),  # a soft edge
        ("a.png", (1, 2), 2),
    ],
)
def test_the_only_file_of_an_image_may_be_a_map(tmp_path, records, save, name, values, count):
    save(tmp_path / "images" / "a.jpg", records[0].read())
    mask_file(tmp_path / "masks" / name, numbers_of(records[0], values))
    assert len(open_dataset(tmp_path)[0].masks) == count


@pytest.mark.parametrize("suffix", ["tif", "tiff", "bmp", "webp", "gif", "TIF"])
def test_masks_of_every_lossless_type(tmp_path, records, save, suffix):
    save(tmp_path / "images" / "a.jpg", records[0].read())
    (tmp_path / "masks").mkdir()
    image = Image.fromarray(numbers_of(records[0], (1, 2, 3)))
    image.save(tmp_path / "masks" / f"a.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    (record,) = open_dataset(tmp_path)
    assert record.masks.areas.tolist() == [4 * image.width] * 3


def test_masks_as_jpeg(tmp_path, records, save):
    """A mask of two shades is read, a map is refused: its numbers are lost."""
    save(tmp_path / "images" / "a.jpg", records[0].read())
    save(tmp_path / "images" / "b.jpg", records[0].read())
    (tmp_path / "masks").mkdir()
    Image.fromarray(numbers_of(records[0], (0, 255, 255))).save(tmp_path / "masks" / "a.jpg")
    Image.fromarray(numbers_of(records[0], (60, 120, 180, 240))).save(tmp_path / "masks" / "b.jpg")
    dataset = open_dataset(tmp_path)
    (record,) = dataset
    assert abs(int(record.masks.areas[0]) - 8 * record.masks.size[1]) <= 8
    assert "shades of grey" in dataset.faults.messages["b"]


def test_files_that_differ_in_the_suffix_alone_are_reported(tmp_path, records, save):
    for name in ("a.jpg", "a.png", "b.jpg", "c.jpg"):
        save(tmp_path / "images" / name, records[0].read())
    for name in ("a.png", "b.png", "b.bmp", "c.png"):
        mask_file(tmp_path / "masks" / name, numbers_of(records[0], (1,)))
    dataset = open_dataset(tmp_path)
    assert [record.id for record in dataset] == ["c"]
    assert dataset.faults.messages.keys() == {"a", "b"}


def test_several_files_of_an_image_may_be_maps(tmp_path, records, save):
    save(tmp_path / "images" / "a.jpg", records[0].read())
    mask_file(tmp_path / "masks" / "a_0.png", numbers_of(records[0], (1, 2)))
    mask_file(tmp_path / "masks" / "a_1.png", numbers_of(records[0], (255,)))
    assert len(open_dataset(tmp_path)[0].masks) == 3


def palette_file(path, numbers) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("P", numbers.shape[::-1])
    image.putdata(numbers.ravel().tolist())
    image.putpalette([value % 256 for value in range(768)])
    image.save(path)


def test_void_of_a_palette_map(tmp_path, records, save):
    save(tmp_path / "images" / "a.jpg", records[0].read())
    palette_file(tmp_path / "masks" / "a.png", numbers_of(records[0], (1, 2, 255)))
    record = open_dataset(tmp_path)[0]
    assert (len(record.masks), record.ignore is not None) == (2, True)


def test_pascal_voc(tmp_path, records, save):
    save(tmp_path / "JPEGImages" / "a.jpg", records[0].read())
    save(tmp_path / "JPEGImages" / "b.jpg", records[0].read())
    palette_file(tmp_path / "SegmentationClass" / "a.png", numbers_of(records[0], (15, 8, 255)))
    palette_file(tmp_path / "SegmentationObject" / "a.png", numbers_of(records[0], (1, 2, 255)))
    palette_file(tmp_path / "SegmentationClass" / "b.png", numbers_of(records[0], (15, 255)))
    one, other = open_dataset(tmp_path)
    assert one.meta["categories"] == ["person", "cat"]
    assert (len(other.masks), other.ignore is not None) == (1, True)


def test_coco_in_the_folders_of_others(tmp_path, save):
    document = {
        "images": [{"id": 1, "width": 30, "height": 20, "file_name": "a.png"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "segmentation": [[5, 5, 15, 5, 15, 15, 5, 15]]},
            {"id": 2, "image_id": 1, "category_id": 7, "segmentation": [[1, 1, 9, 1, 9, 9]], "iscrowd": 1},
        ],
        "categories": [{"id": 7, "name": "square"}],
    }
    for place in (
        "one/train/_annotations.coco.json",
        "one/valid/_annotations.coco.json",
        "two/annotations/x.json",
    ):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(json.dumps(document))
    for place in ("one/train", "one/valid", "two/train2017"):
        save(tmp_path / place / "a.png", np.zeros((20, 30, 3), np.uint8))
    one, two = open_dataset(tmp_path / "one"), open_dataset(tmp_path / "two")
    assert [record.id for record in one] == ["train/1", "valid/1"]
    assert [len(record.masks) for record in two] == [1]
    assert two[0].left_out == {"crowd as ignored pixels": 1}


def test_single_annotations_of_an_item_are_noted(tmp_path, save):
    save(tmp_path / "a.png", np.zeros((20, 30, 3), np.uint8))
    good = {"id": 1, "image_id": 1, "category_id": 7, "segmentation": [[5, 5, 15, 5, 15, 15, 5, 15]]}
    image = {"id": 1, "width": 30, "height": 20, "file_name": "a.png"}
    document = {"images": [image], "annotations": [good, {**good, "segmentation": [[1, 1]]}]}
    (tmp_path / "c.json").write_text(json.dumps(document))
    dataset = open_dataset(tmp_path / "c.json")
    assert len(dataset[0].masks) == 1
    assert dataset.faults.partial["1"].startswith("annotations left out: damaged: polygon must be 3 or more")
    assert check(dataset).left_out == {
        "damaged: polygon must be 3 or more corners x, y as finite numbers, got 2 numbers": 1
    }
    document["annotations"] = document["annotations"][1:]
    (tmp_path / "c.json").write_text(json.dumps(document))
    with pytest.raises(
        FormatError, match="annotation must have a mask that can be read, got damaged: polygon"
    ):
        open_dataset(tmp_path / "c.json")[0]


@pytest.mark.filterwarnings("ignore::anymask.errors.ImageWarning")
def test_images_are_shown_as_bands_say(tmp_path):
    samples = np.linspace(0, 4095, 20 * 30).reshape(20, 30).astype(np.uint16)
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.tif"), samples)
    mask_file(tmp_path / "masks" / "a_cp_masks.png", (samples // 1400).astype(np.uint8))
    record = open_dataset(tmp_path, bands=Bands(limits=(0, 2000)))[0]
    assert np.abs(record.image[..., 0] - np.clip(samples / 2000 * 255, 0, 255)).max() <= 1
    assert len(record.masks) == 2, "of one file with several numbers each is a mask"
    assert open_dataset(tmp_path)[0].image.max() == 255, "stretched where nobody says how"


def test_grey_masks_with_alpha_are_read(tmp_path, records, save):
    save(tmp_path / "images" / "a.jpg", records[0].read())
    mask = records[0].masks.dense()[0]
    (tmp_path / "masks").mkdir()
    Image.fromarray(np.dstack([mask * np.uint8(255), mask * np.uint8(255)]), "LA").save(
        tmp_path / "masks" / "a.png"
    )
    assert (open_dataset(tmp_path)[0].masks.dense() == mask[None]).all()


def test_every_source_shows_images_as_bands_say(tmp_path):
    samples = np.linspace(0, 4095, 20 * 30).reshape(20, 30).astype(np.uint16)
    shown = np.clip(samples / 2000 * 255, 0, 255)
    voc, coco = tmp_path / "voc", tmp_path / "coco"
    (voc / "JPEGImages").mkdir(parents=True)
    cv2.imwrite(str(voc / "JPEGImages" / "a.png"), samples)
    mask_file(voc / "SegmentationObject" / "a.png", np.ones((20, 30), np.uint8))
    for split in ("train", "val"):
        (coco / split).mkdir(parents=True)
        cv2.imwrite(str(coco / split / "a.png"), samples)
        part = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9, 1, 9]]}
        document = {
            "images": [{"id": 1, "file_name": "a.png", "width": 30, "height": 20}],
            "annotations": [part],
            "categories": [{"id": 1, "name": "square"}],
        }
        (coco / split / "_annotations.coco.json").write_text(json.dumps(document))
    for place, count in ((voc, 1), (coco, 2)):
        dataset = open_dataset(place, bands=Bands(limits=(0, 2000)))
        assert len(dataset) == count
        for record in dataset:
            assert np.abs(record.image[..., 0] - shown).max() <= 1
