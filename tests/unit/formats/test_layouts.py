"""Folders as tools export them: the annotations in them are found, and their images with them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from anymask import formats
from anymask.errors import FormatError, InputError
from anymask.formats import FORMATS, class_names, image_files
from anymask.formats.image_files import ImageFiles
from anymask.formats.registry import BY_SUFFIX
from anymask.images import write
from anymask.types import Masks, Record

from .folders import RING, SIZE, coco

LINE = "1 0.1333333 0.25 0.3333333 0.25 0.3333333 0.6 0.1333333 0.6\n"


def labelme(name: str) -> dict:
    points = np.reshape(RING, (-1, 2)).tolist()
    shapes = [{"label": "cat", "points": points, "shape_type": "polygon"}]
    return {"shapes": shapes, "imagePath": name, "imageHeight": 20, "imageWidth": 30}


XML = (
    '<annotations><image name="{0}" width="30" height="20">'
    '<polygon label="cat" points="4,5;10,5;10,12;4,12"/></image></annotations>'
)
TASK = [
    {
        "data": {"image": "/data/upload/1/0a1b2c3d-a.png"},
        "annotations": [
            {
                "result": [
                    {
                        "type": "rectanglelabels", "original_width": 30, "original_height": 20,
                        "value": {"x": 0, "y": 0, "width": 50, "height": 50, "rectanglelabels": ["cat"]},
                    }
                ]
            }
        ],
    }
]  # fmt: skip
NAMES = "names: ['dog', 'cat']\n"
LAYOUTS = {
    "cvat": ({"annotations.xml": XML.format("a.png"), "images/a.png": None}, {"a.png": "images/a.png"}),
    "cvat in folders": (
        {"annotations.xml": XML.format("sub/a.png"), "images/sub/a.png": None, "images/a.png": None},
        {"sub/a.png": "images/sub/a.png"},
    ),
    "label studio": (
        {"result.json": TASK, "images/0a1b2c3d-a.png": None},
        {"upload/1/0a1b2c3d-a.png": "images/0a1b2c3d-a.png"},
    ),
    "label studio's images under their own names": (
        {"result.json": TASK, "images/a.png": None},
        {"upload/1/a.png": "images/a.png"},
    ),
    "coco": (
        {"annotations/instances_default.json": coco("a.png"), "images/a.png": None},
        {"a.png": "images/a.png"},
    ),
    "coco of 2017": (
        {"annotations/instances_train2017.json": coco("1.png"), "train2017/1.png": None},
        {"1.png": "train2017/1.png"},
    ),
    "coco of roboflow": (
        {
            "train/_annotations.coco.json": coco("a.png"),
            "train/a.png": None,
            "valid/_annotations.coco.json": coco("a.png"),
            "valid/a.png": None,
            "README.roboflow.txt": "x",
        },
        {"train/a.png": "train/a.png", "valid/a.png": "valid/a.png"},
    ),
    "yolo": ({"labels/a.txt": LINE, "images/a.png": None, "data.yaml": NAMES}, {"a.png": "images/a.png"}),
    "yolo in folders": (
        {
            "labels/train/a.txt": LINE, "images/train/a.png": None, "labels/val/a.txt": LINE,
            "images/val/a.png": None, "data.yaml": NAMES,
        },
        {"train/a.png": "images/train/a.png", "val/a.png": "images/val/a.png"},
    ),
    "yolo of roboflow": (
        {
            "train/labels/a.rf.0b.txt": LINE, "train/images/a.rf.0b.jpg": None, "data.yaml": NAMES,
            "valid/labels/b.txt": LINE, "valid/images/b.png": None, "README.dataset.txt": "# p",
        },
        {"train/a.rf.0b.jpg": "train/images/a.rf.0b.jpg", "valid/b.png": "valid/images/b.png"},
    ),
    "yolo of isat": (
        {"a.txt": LINE, "a.png": None, "classification.txt": "dog\ncat\n"},
        {"a.png": "a.png"},
    ),
    "labelme": ({"a.json": labelme("a.png"), "a.png": None}, {"a.png": "a.png"}),
    "labelme in folders": (
        {"x/a.json": labelme("a.png"), "x/a.png": None, "y/a.json": labelme("a.png"), "y/a.png": None},
        {"x/a.png": "x/a.png", "y/a.png": "y/a.png"},
    ),
    "labelme beside images": (
        {"labels/a.json": labelme("..\\images\\a.png"), "images/a.png": None},
        {"a.png": "images/a.png"},
    ),
    "labelme with other files": (
        {"a.json": labelme("a.png"), "a.png": None, "_meta.json": {"project": "x"}, "list.json": [1, 2]},
        {"a.png": "a.png"},
    ),
    "the system's files": (
        {
            ".DS_Store": "x", "__MACOSX/._a.json": "x", "._a.json": "x", ".cache/b.json": labelme("b.png"),
            "a.json": labelme("a.png"), "a.png": None,
        },
        {"a.png": "a.png"},
    ),
    "CVAT's YOLO 1.1": (
        {
            "obj_train_data/a.txt": LINE, "obj_train_data/a.png": None, "obj.names": "dog\ncat\n",
            "obj.data": "names = data/obj.names\n", "train.txt": "data/obj_train_data/a.png\n",
        },
        {"obj_train_data/a.png": "obj_train_data/a.png"},
    ),
    "CVAT's YOLO of ultralytics": (
        {"labels/train/a.txt": LINE, "images/train/a.png": None, "data.yaml": NAMES, "train.txt": "a.png\n"},
        {"train/a.png": "images/train/a.png"},
    ),
    "addresses as names": (
        {
            "c.json": coco("https://host/x%20y/a.png?size=1", "s3://bucket/y/b.png"),
            "images/x y/a.png": None, "images/b.png": None,
        },
        {"x y/a.png": "images/x y/a.png", "y/b.png": "images/b.png"},
    ),
    "several formats": (
        {"a.json": labelme("a.png"), "b.xml": XML.format("b.png"), "a.png": None, "b.png": None},
        {"a.png": "a.png", "b.png": "b.png"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LAYOUTS)
def test_layouts(make, kind):
    content, found = LAYOUTS[kind]
    folder = make(content)
    records = formats.read(folder)
    assert {one.meta["file_name"]: one.image.relative_to(folder).as_posix() for one in records} == found
    assert all(one.meta["categories"] == ["cat"] for one in records)
    assert len({one.id for one in records}) == len(records)


def test_files_that_are_none_are_told(make):
    folder = make({"a.json": labelme("a.png"), "_meta.json": {"project": "x"}})
    told = []
    assert len(list(formats.stream(folder, on_left_out=lambda *what: told.append(what)))) == 1
    assert told == [("_meta.json", "file of no known annotation format", 1)]


@pytest.mark.parametrize(
    "content",
    [
        {"a.png": None, "a_polygons.json": {"imgHeight": 20, "objects": [{"polygon": []}]}},
        {"ds/img/a.png": None, "ds/ann/a.png.json": {"size": {}, "objects": []}, "meta.json": {}},
    ],
)
def test_images_of_unknown_annotations_are_no_maps(make, content):
    with pytest.raises(FormatError, match="folder of a known format"):
        formats.read(make(content))


def test_of_cocos_own_files_the_instances_are_read(make):
    others = {f"annotations/{kind}_val2017.json": coco("1.png") for kind in ("captions", "person_keypoints")}
    folder = make({"annotations/instances_val2017.json": coco("1.png"), "val2017/1.png": None, **others})
    told = []
    (record,) = formats.stream(folder, on_left_out=lambda *what: told.append(what))
    assert record.image == folder / "val2017" / "1.png"
    assert [(name, count) for name, _, count in told] == [(name, 1) for name in others]


@pytest.mark.parametrize("start", ["labels", "train/labels"])
def test_a_folder_of_labels_alone(make, start):
    content = {f"{start}/a.txt": LINE, f"{start.replace('labels', 'images')}/a.png": None, "data.yaml": NAMES}
    assert formats.read(make(content) / start)[0].meta["categories"] == ["cat"]


def test_a_damaged_file_among_others_is_told(make):
    folder = make({"a.json": labelme("a.png"), "b.json": '{"shapes": [', "c.json": labelme("c.png")})
    told = []
    found = list(formats.stream(folder, on_error=lambda id, error: told.append(id)))
    assert ([one.id for one in found], told) == (["a", "c"], ["b"])
    with pytest.raises(FormatError, match="complete JSON file"):
        formats.read(folder)


def test_names_of_a_split_are_those_of_the_set(make):
    folder = make({"train/labels/a.txt": LINE, "train/images/a.png": None, "data.yaml": NAMES})
    assert formats.read(folder / "train")[0].meta["categories"] == ["cat"]


def test_labels_of_two_images_are_refused(make):
    folder = make({"labels/a.txt": LINE, "images/a.png": None, "images/a.jpg": None})
    with pytest.raises(FormatError, match=r"labels a\.txt must have one image, got a\.jpg, a\.png"):
        formats.read(folder)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: {3: car, 5: bus, 0: person}", {3: "car", 5: "bus", 0: "person"}),
        ("names: ['a cat', 'a dog',\n  'a car']\nnc: 3", {0: "a cat", 1: "a dog", 2: "a car"}),
        ("names: [\n  cat,\n  dog\n]", {0: "cat", 1: "dog"}),
        ('"names": [cat]', {0: "cat"}),
        ("names:\n  '0': cat  # the small one\n  1:\n    dog", {0: "cat", 1: "dog"}),
        ("\ufeffnames:\n- it's\n- 12\n- null", {0: "it's", 1: "12", 2: ""}),
        ("train: x\nnames: &n [cat]\nother: *n", {0: "cat"}),
    ],
)
def test_names_are_what_a_yaml_reader_reads(tmp_path, text, names):
    (tmp_path / "data.yaml").write_text(text, encoding="utf-8")
    assert class_names.read_classes([tmp_path / "nothing", tmp_path]).names == names


@pytest.mark.parametrize("name", class_names.LISTS)
def test_lists_of_names(tmp_path, name):
    (tmp_path / name).write_text("\ufeffcat\r\ndog\r\n", encoding="utf-8")
    assert class_names.read_classes([tmp_path]).names == {0: "cat", 1: "dog"}


@pytest.mark.parametrize(
    "text", ["names: [", "names: 3", "names: {a: cat}", "names: [[cat]]", "names: {0: {}}"]
)
def test_damaged_names(tmp_path, text):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(FormatError, match=r"must be .*data\.yaml|data\.yaml must be YAML"):
        class_names.read_classes([tmp_path])


def test_names_are_written_for_trainers(tmp_path):
    masks = Masks.from_dense(np.ones((2, *SIZE), bool))
    record = Record(
        "7", Path("sub/a b.png"), masks, meta={"categories": ["no", "🦝: a"], "file_name": "sub/a b.png"}
    )
    formats.write([record], tmp_path / "set", "yolo")
    document = yaml.safe_load((tmp_path / "set" / "data.yaml").read_text("utf-8"))
    assert document == {"train": "images", "val": "images", "names": {0: "no", 1: "🦝: a"}}
    assert (tmp_path / "set" / "labels" / "sub" / "a b.txt").is_file()


# ---- which file a name means


@pytest.fixture
def files(tmp_path):
    for name in (
        "a.png",
        "sub/a.png",
        "x/001.png",
        "y/001.png",
        "deep/er/only.jpg",
        ".hidden/h.png",
        "x/t.tif",
    ):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).touch()
    return tmp_path / "p"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.png", "a.png"),
        ("sub/a.png", "sub/a.png"),
        ("/home/me/sub/a.png", "sub/a.png"),
        ("x/001.png", "x/001.png"),
        ("images/x/001.png", "x/001.png"),
        ("001.png", None),
        ("z/001.png", None),
        ("only.jpg", "deep/er/only.jpg"),
        ("er/only.jpg", "deep/er/only.jpg"),
        ("other/only.jpg", None),
        ("h.png", None),
        ("t.jpg", "x/t.tif"),
        ("0a1b2c3d-only.jpg", "deep/er/only.jpg"),
        ("0a1b2c3d-a.png", "a.png"),
        ("../../a.png", "a.png"),
    ],
)
def test_a_name_means_one_file(files, name, found):
    known = {path.relative_to(files).as_posix(): path for path in files.rglob("*.*g") if path.is_file()}
    known |= {"x/t.tif": files / "x/t.tif"}
    known.pop(".hidden/h.png")
    for scenes in (files, known):
        place = ImageFiles(files.parent / "a.json", scenes).find(name)
        assert (os.path.relpath(place, files) if place.is_file() else None) == found


def test_a_name_of_two_means_none_by_itself(files):
    look = ImageFiles(files / "a.json", files, ["t/only.jpg", "v/only.jpg"])
    assert not look.find("t/only.jpg").is_file()
    assert ImageFiles(files / "a.json", files, ["t/a.png", "sub/a.png"]).find("sub/a.png").is_file()
    assert not ImageFiles(files / "a.json", files, ["t/a.png", "sub/a.png"]).find("t/a.png").is_file()


# ---- what files are called

IN_FOLDERS = {"cvatvideo", "davis", "voc", "youtubevos"}
"""Formats of one file, or of other folders than the images'."""


@pytest.mark.parametrize("name", sorted(set(FORMATS) - IN_FOLDERS - {"coco", "cvat", "labelstudio", "mots"}))
def test_files_are_named_after_the_images(tmp_path, name):
    masks = Masks.from_dense(np.eye(*SIZE, dtype=bool)[None], labels=[1])
    records = [
        Record(str(i), Path(file), masks, meta={"file_name": file, "categories": ["cat"]})
        for i, file in enumerate(["2.jpg", "1.jpg", "sub/1.jpg", "noext"], start=1)
    ]
    formats.write(records, tmp_path / "set", name)
    folder = tmp_path / "set" / "labels" if name == "yolo" else tmp_path / "set"
    paths = [
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.name != "data.yaml"
    ]
    named = [path.parent if name == "masks" else path.with_suffix("") for path in paths]
    assert sorted(path.as_posix() for path in named) == ["1", "2", "noext", "sub/1"]


@pytest.mark.parametrize("name", ["instances", "labels", "masks", "yolo"])
def test_no_two_images_share_a_file(tmp_path, name):
    masks = Masks.from_dense(np.eye(*SIZE, dtype=bool)[None], labels=[1])
    one, other = (Record(i, Path(f"a.{i}"), masks, meta={"file_name": f"a.{i}"}) for i in ("jpg", "png"))
    loss = formats.write([one, other], tmp_path / "set", name, on_error=lambda id, error: None)
    assert [id for id, _ in loss.skipped] == ["png"]
    with pytest.raises(InputError, match="images must have names of their own in this format, got 'a' twice"):
        formats.write([one, other], tmp_path / "other", name)


def test_lines_of_one_image_stay_together(tmp_path):
    masks = Masks.from_dense(np.ones((1, *SIZE), bool))
    twice = [Record(str(i), Path("a.jpg"), masks, meta={"file_name": "images/a.jpg"}) for i in range(2)]
    formats.write(twice, tmp_path / "set", "yolo")
    assert len((tmp_path / "set" / "labels" / "a.txt").read_text().splitlines()) == 2


def test_labelme_and_svg_lead_to_their_image(make, tmp_path):
    image = make({"sub/a b.png": None}) / "sub" / "a b.png"
    masks = Masks.from_dense(np.eye(*SIZE, dtype=bool)[None])
    record = Record("7", image, masks, meta={"file_name": "sub/a b.png"})
    for sent, way in ((False, "../../set/sub/a b.png"), (True, "a b.png")):
        formats.write([record], tmp_path / "out", "labelme", force=True, sent=sent)
        document = json.loads((tmp_path / "out" / "sub" / "a b.json").read_text())
        assert document["imagePath"] == way
    assert (tmp_path / "out" / "sub" / "../../set/sub/a b.png").is_file()
    formats.write([record], tmp_path / "drawn", "svg")
    assert 'href="../../set/sub/a%20b.png"' in (tmp_path / "drawn" / "sub" / "a b.svg").read_text()
    (again,) = formats.read(tmp_path / "out", images=tmp_path / "set")
    assert (again.meta["file_name"], again.image) == ("sub/a b.png", image)


def test_cvat_says_that_it_is_a_task(tmp_path):
    masks = Masks.from_dense(np.eye(*SIZE, dtype=bool)[None])
    formats.write([Record("a", Path("a.png"), masks)], tmp_path / "a.xml")
    assert "<meta><task><size>1</size><mode>annotation</mode><labels>" in (tmp_path / "a.xml").read_text()


@pytest.mark.parametrize("suffix", [".tif", ".bmp", ".png"])
def test_masks_of_any_type_beside_images(tmp_path, suffix):
    numbers = np.zeros(SIZE, np.uint8)
    numbers[2:5, 3:9], numbers[8:12, 3:9] = 1, 2
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(tmp_path / "images" / "a.png")
    Image.fromarray(numbers).save(tmp_path / "masks" / f"a{suffix}")
    (record,) = formats.read(tmp_path)
    assert (record.image, record.masks.areas.tolist()) == (tmp_path / "images" / "a.png", [18, 24])


@pytest.mark.parametrize("is_listed", [False, True])
def test_many_images_are_found_in_a_folder_that_may_not_be_listed(tmp_path, monkeypatch, is_listed):
    names = [f"{at}.png" for at in range(image_files._MANY + 1)]
    for name in ("1.png", "É.png"):
        write.write_png(np.zeros((*SIZE, 3), np.uint8), tmp_path / name)
    if not is_listed:
        monkeypatch.setattr(image_files.os, "scandir", refuse)
    look = ImageFiles(tmp_path / "a.json", None, [*names, "É.png"])
    found = [look.find(name).is_file() for name in ("0.png", "1.png", "É.png", "x/1.png")]
    assert found == [False, True, True, True]


def refuse(folder):
    raise PermissionError(folder)


def test_cityscapes_is_refused_as_its_maps_hold_classes_and_objects(tmp_path: Path) -> None:
    folder = tmp_path / "gtFine" / "val" / "ulm"
    folder.mkdir(parents=True)
    write.write_png(np.full(SIZE, 26001, np.uint16), folder / "ulm_000001_gtFine_instanceIds.png")
    with pytest.raises(FormatError, match=r"got maps of Cityscapes in .*cityscapes:FOLDER"):
        formats.read(tmp_path)


def test_a_suffix_of_one_format_alone_tells_it():
    """So a new format with a suffix of its own is recognised by its entry in the registry."""
    assert dict(BY_SUFFIX) == {".geojson": "geojson", ".npz": "npz", ".svg": "svg", ".xml": "cvat"}
    for suffix, name in BY_SUFFIX.items():
        assert FORMATS[name].suffix == suffix
