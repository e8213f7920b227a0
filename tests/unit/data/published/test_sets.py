"""Published data sets, each in a tiny folder of its layout."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from anymask.data.published.classes import ISAID_COLOURS
from anymask.data.published.sets import PUBLISHED, open_published
from anymask.errors import FormatError, InputError, UnknownNameError

SIZE = (6, 8)
LEFT, RIGHT, BOTTOM = np.s_[:, :3], np.s_[:, 5:], np.s_[4:, 3:5]


def paint(**parts: tuple) -> np.ndarray:
    """A map with numbers in the left, right and bottom part."""
    numbers = np.zeros(SIZE, np.int32)
    for name, value in parts.items():
        numbers[{"left": LEFT, "right": RIGHT, "bottom": BOTTOM}[name]] = value
    return numbers


def save(path, array=None, palette=False) -> None:
    """An image file: of noise, of numbers in 8 or 16 bits, in a palette or of colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if array is None:
        array = np.random.default_rng(0).integers(0, 256, (*SIZE, 3))
    deep = array.ndim == 2 and array.max() > 255
    image = Image.fromarray(array.astype(np.uint16 if deep else np.uint8))
    if palette:
        image.putpalette(np.random.default_rng(1).integers(0, 256, 768).astype(np.uint8).tobytes())
    image.save(path)


def write(path, document) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document), "utf-8")


def areas(dataset) -> list[tuple]:
    """(category, kind, pixels) of the first record's masks."""
    record = pickle.loads(pickle.dumps(dataset))[0]
    assert record.meta["dataset"] == dataset.name
    assert record.read().shape == (*SIZE, 3)
    notes = (record.meta["categories"], record.meta["kinds"], record.masks.areas.tolist())
    return list(zip(*notes, strict=True))


def hidden(dataset) -> int:
    """Pixels that nobody labelled."""
    ignore = dataset[0].ignore
    return 0 if ignore is None else int(ignore[1::2].sum())


def box(left, right) -> list[list[float]]:
    return [[left, 0, right, 0, right, 6, left, 6]]


def coco_file(path, annotations, categories, file_name="7.jpg") -> None:
    image = {"id": 7, "width": 8, "height": 6, "file_name": file_name}
    write(path, {"images": [image], "annotations": annotations, "categories": categories})


def test_ade20k(tmp_path):
    save(tmp_path / "images/training/ADE_train_00000001.jpg")
    save(tmp_path / "annotations/training/ADE_train_00000001.png", paint(left=1, right=3))
    dataset = open_published("ade20k", tmp_path)
    assert areas(dataset) == [("class 1", "semantic", 18), ("class 3", "semantic", 18)]
    table = "Idx\tRatio\tTrain\tVal\tName\n1\t0.1\t9\t1\twall\n3\t0.1\t9\t1\tsky, heaven\n"
    write(tmp_path / "objectInfo150.txt", table)
    dataset = open_published("ade20k", tmp_path)
    assert areas(dataset) == [("wall", "semantic", 18), ("sky", "semantic", 18)]
    assert hidden(dataset) == 12
    write(tmp_path / "objectInfo150.txt", "Idx\tName\nwall\t1\n")
    with pytest.raises(FormatError, match=r"objectInfo150\.txt must hold rows of number"):
        open_published("ade20k", tmp_path)


@pytest.mark.parametrize("images", ["train2017", "images/train2017"])
def test_coco(tmp_path, images):
    save(tmp_path / images / "7.jpg")
    one = {"id": 1, "image_id": 7, "category_id": 3, "segmentation": box(0, 3), "iscrowd": 0}
    crowd = {"id": 2, "image_id": 7, "category_id": 3, "segmentation": box(5, 8), "iscrowd": 1}
    coco_file(tmp_path / "annotations/instances_train2017.json", [one, crowd], [{"id": 3, "name": "car"}])
    dataset = open_published("coco", tmp_path)
    assert areas(dataset) == [("car", "instance", 18)]
    assert hidden(dataset) == 18


def test_coco_stuff(tmp_path):
    save(tmp_path / "val2017/7.jpg")
    one = {"id": 1, "image_id": 7, "category_id": 92, "segmentation": box(0, 3), "iscrowd": 0}
    coco_file(tmp_path / "annotations/stuff_val2017.json", [one], [{"id": 92, "name": "grass"}])
    assert areas(open_published("coco_stuff", tmp_path, "val")) == [("grass", "semantic", 18)]


@pytest.fixture
def panoptic(tmp_path):
    save(tmp_path / "train2017/7.jpg")
    ids = paint(left=70_000, right=300, bottom=5)
    save(
        tmp_path / "annotations/panoptic_train2017/7.png",
        np.stack([ids % 256, ids // 256 % 256, ids >> 16], 2),
    )
    infos = [
        {"id": 70_000, "category_id": 1, "iscrowd": 0},
        {"id": 300, "category_id": 2},
        {"id": 5, "category_id": 1, "iscrowd": 1},
    ]
    entry = {"image_id": 7, "file_name": "../7.png", "segments_info": infos}
    kinds = [{"id": 1, "name": "car", "isthing": 1}, {"id": 2, "name": "sky", "isthing": 0}]
    coco_file(tmp_path / "annotations/panoptic_train2017.json", [entry], kinds)
    return tmp_path


def test_coco_panoptic(panoptic):
    dataset = open_published("coco_panoptic", panoptic)
    assert sorted(areas(dataset)) == [("car", "instance", 18), ("sky", "semantic", 18)]
    assert hidden(dataset) == 12


def test_a_segment_of_no_category_is_damage(panoptic):
    text = panoptic / "annotations/panoptic_train2017.json"
    text.write_text(text.read_text().replace('"category_id": 2', '"category_id": 9'))
    with pytest.raises(FormatError, match="category_id must be one of the file's, got 9"):
        open_published("coco_panoptic", panoptic)[0]


@pytest.fixture
def voc(tmp_path):
    save(tmp_path / "JPEGImages/2007_000032.jpg")
    classes = paint(left=1, right=15, bottom=255)
    save(tmp_path / "SegmentationClass/2007_000032.png", classes, palette=True)
    save(tmp_path / "SegmentationObject/2007_000032.png", paint(left=1, right=2, bottom=255), palette=True)
    write(tmp_path / "ImageSets/Segmentation/train.txt", "2007_000032\n2007_000033\n")
    return tmp_path


def test_voc(voc):
    dataset = open_published("voc", voc)
    assert areas(dataset) == [("aeroplane", "instance", 18), ("person", "instance", 18)]
    assert dataset[0].masks.labels.tolist() == [1, 15]
    assert hidden(dataset) == 4
    assert len(list(dataset)) == 1
    assert list(dataset.faults.messages) == ["2007_000033"]


def test_voc_maps_of_two_sizes_are_damage(voc):
    save(voc / "SegmentationObject/2007_000032.png", np.ones((3, 3)))
    with pytest.raises(FormatError, match="objects must have the size of the classes"):
        open_published("voc", voc)[0]


def test_cityscapes(tmp_path):
    save(tmp_path / "leftImg8bit/train/ulm/ulm_000000_000019_leftImg8bit.png")
    numbers = paint(left=26_001, right=7, bottom=26)
    save(tmp_path / "gtFine/train/ulm/ulm_000000_000019_gtFine_instanceIds.png", numbers)
    dataset = open_published("cityscapes", tmp_path)
    assert sorted(areas(dataset)) == [("car", "instance", 18), ("road", "semantic", 18)]
    assert hidden(dataset) == 12
    assert dataset[0].id == "ulm_000000_000019"


@pytest.mark.parametrize("twice", [False, True])
def test_lip(tmp_path, twice):
    images, maps = tmp_path / "TrainVal_images", tmp_path / "TrainVal_parsing_annotations"
    if twice:
        images, maps = images / images.name, maps / maps.name
    save(images / "train_images/1_2.jpg")
    save(maps / "train_segmentations/1_2.png", paint(left=2, right=13))
    dataset = open_published("lip", tmp_path)
    assert areas(dataset) == [("hair", "part", 18), ("face", "part", 18)]
    assert hidden(dataset) == 0


def test_paco(tmp_path):
    save(tmp_path / "train2017/7.jpg")
    save(tmp_path / "val2017/7.jpg", np.zeros((*SIZE, 3)))
    mug = {"id": 1, "obj_ann_id": 1, "image_id": 7, "category_id": 60, "segmentation": box(0, 6)}
    handle = {"id": 2, "obj_ann_id": 1, "image_id": 7, "category_id": 300, "segmentation": box(0, 2)}
    kinds = [{"id": 60, "name": "mug"}, {"id": 300, "name": "mug:handle"}]
    coco_file(tmp_path / "annotations/paco_lvis_v1_train.json", [mug, handle], kinds, "val2017/7.jpg")
    dataset = open_published("paco", tmp_path)
    assert areas(dataset) == [("mug", "instance", 36), ("mug:handle", "part", 12)]
    assert not dataset[0].read().any()


def test_chase_db1(tmp_path):
    save(tmp_path / "Image_01L.jpg")
    save(tmp_path / "Image_01L_1stHO.png", paint(left=255))
    save(tmp_path / "Image_01L_2ndHO.png", paint(right=255))
    assert areas(open_published("chase_db1", tmp_path)) == [("vessel", "semantic", 18)]


@pytest.mark.parametrize(("split", "part"), [("train", "training"), ("test", "test")])
def test_drive(tmp_path, split, part):
    save(tmp_path / part / f"images/21_{part}.tif")
    save(tmp_path / part / "1st_manual/21_manual1.gif", paint(left=255))
    save(tmp_path / part / f"mask/21_{part}_mask.gif", paint(left=255, bottom=255))
    dataset = open_published("drive", tmp_path, split)
    assert areas(dataset) == [("vessel", "semantic", 18)]
    assert hidden(dataset) == 48 - 18 - 4


def test_hrf(tmp_path):
    for stem, suffix in (("01_h", "jpg"), ("01_dr", "JPG")):
        save(tmp_path / f"images/{stem}.{suffix}".replace("JPG", "jpg"))
        (tmp_path / f"images/{stem}.jpg").rename(tmp_path / f"images/{stem}.{suffix}")
        save(tmp_path / f"manual1/{stem}.tif", paint(left=255))
        save(tmp_path / f"mask/{stem}_mask.tif", np.repeat(paint(left=255)[..., None], 3, 2))
    dataset = open_published("hrf", tmp_path)
    assert len(dataset) == 2
    assert areas(dataset) == [("vessel", "semantic", 18)]
    assert hidden(dataset) == 30


@pytest.mark.parametrize(("images", "labels"), [("", ""), ("stare-images", "labels-ah")])
def test_stare(tmp_path, images, labels):
    for number in (1, 2):
        save(tmp_path / images / f"im000{number}.ppm")
    save(tmp_path / labels / "im0001.ah.ppm", np.repeat(paint(left=255)[..., None], 3, 2))
    dataset = open_published("stare", tmp_path)
    assert (len(dataset), len(dataset.faults)) == (1, 0)
    assert areas(dataset) == [("vessel", "semantic", 18)]


@pytest.mark.parametrize("folder", ["images", "images/images"])
def test_isaid(tmp_path, folder):
    save(tmp_path / "train" / folder / "P0000.png")
    colours = np.zeros((*SIZE, 3))
    colours[LEFT], colours[RIGHT], colours[BOTTOM] = (0, 191, 127), (0, 63, 63), (9, 9, 9)
    save(tmp_path / "train/Semantic_masks/images/P0000_instance_color_RGB.png", colours)
    dataset = open_published("isaid", tmp_path)
    assert sorted(areas(dataset)) == [("roundabout", "semantic", 18), ("storage tank", "semantic", 18)]
    assert hidden(dataset) == 4
    assert sorted(ISAID_COLOURS.values()) == list(range(1, 16))


def test_loveda(tmp_path):
    for area in ("Rural", "Urban"):
        save(tmp_path / f"Train/{area}/images_png/0.png")
        save(tmp_path / f"Train/{area}/masks_png/0.png", paint(left=2, right=7))
    dataset = open_published("loveda", tmp_path)
    assert [record.id for record in dataset] == ["Rural/0", "Urban/0"]
    assert areas(dataset) == [("building", "semantic", 18), ("agriculture", "semantic", 18)]
    assert hidden(dataset) == 12


def test_opening_decodes_nothing_and_damage_is_told_once(tmp_path):
    told = []
    write(tmp_path / "Image_01L.jpg", "no image")
    write(tmp_path / "Image_01L_1stHO.png", "no image")
    save(tmp_path / "Image_02L.jpg")
    dataset = open_published("chase_db1", tmp_path, on_error=lambda name, error: told.append(name))
    assert told == ["Image_02L"]
    for _ in range(2):
        with pytest.raises(FormatError, match="item Image_01L must be readable"):
            dataset[0]
    assert told == ["Image_02L", "Image_01L"]


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name not in ("chase_db1", "stare")])
def test_missing_folders_are_named(tmp_path, name):
    with pytest.raises(FormatError, match=r"root must hold .* without. See anymask.data.published"):
        open_published(name, tmp_path)


@pytest.mark.parametrize("name", ["chase_db1", "stare"])
def test_an_empty_folder_is_refused(tmp_path, name):
    with pytest.raises(FormatError, match=f"root must hold images of {name} with annotations"):
        open_published(name, tmp_path)


def test_unknown_names_and_splits(tmp_path):
    with pytest.raises(UnknownNameError, match="Did you mean 'loveda'"):
        open_published("LoveDA".lower()[:-1], tmp_path)
    with pytest.raises(InputError, match="split must be one of train, val for ade20k, got 'test'"):
        open_published("ade20k", tmp_path, "test")
    with pytest.raises(InputError, match="split must be one of none for stare"):
        open_published("stare", tmp_path, "train")
