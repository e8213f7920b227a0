"""Masks of a project leave and come back, to the images that they were of and to no others."""

from __future__ import annotations

import io
import json
import multiprocessing
import zipfile
from pathlib import Path

import numpy as np
import pytest

from anymask.app.archives import pack, unpack
from anymask.app.settings import Limits
from anymask.data import open_dataset
from anymask.data_engine.project import Draft, apart, labels, masks, open_project
from anymask.data_engine.project import images as stored
from anymask.data_engine.project import import_export as exchange
from anymask.data_engine.project.project import scan, upload
from anymask.errors import FormatError
from anymask.formats import FORMATS
from anymask.geometry import rle
from anymask.images import write

SIZE = (12, 16)
NAMES = ["a.png", "sub/a.png", "x/001.png", "y/001.png"]


def square(x: int) -> str:
    mask = np.zeros(SIZE, bool)
    mask[3:7, x : x + 3] = True
    return rle.to_string(rle.encode(mask))


@pytest.fixture
def make(tmp_path):
    """Makes a project of images; each call another."""

    def project(names=NAMES, *, uploads=()):
        folder = tmp_path / f"project{len(list(tmp_path.iterdir()))}"
        for i, name in enumerate(names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write.write_png(np.full((*SIZE, 3), 10 * i, np.uint8), folder / name)
        folder.mkdir(exist_ok=True)
        found = open_project(folder)
        list(scan(found))
        for i, name in enumerate(uploads):
            upload(found, name, write.encode_png(np.full((*SIZE, 3), 100 + i, np.uint8)), 10**6)
        return found

    return project


def draw(project) -> dict[str, list[str]]:
    """Give each image a mask of its own."""
    for i, image in enumerate(stored.every(project.db)):
        one = Draft(id="m", size=SIZE, counts=square(2 * i), label_id=None)
        masks.save(project.db, image.id, one, seen=0, author="eve")
    return shown(project)


def shown(project) -> dict[str, list[str]]:
    return {
        image.name: sorted(mask.counts for mask in masks.current(project.db, image.id))
        for image in stored.every(project.db)
    }


def packed(project, format: str, folder: Path) -> bytes:
    (folder / "out").mkdir(parents=True)
    loss = exchange.take(project, format, folder / "out")
    pack(folder / "out", folder / "export.zip", {**loss.as_dict(), "path": "annotations"})
    return (folder / "export.zip").read_bytes()


def brought(project, name: str, data: bytes, folder: Path) -> exchange.Bringing:
    folder.mkdir(parents=True, exist_ok=True)
    return exchange.bring(project, unpack(name, io.BytesIO(data), folder, Limits()), None, "bob")


EXACT = sorted(set(FORMATS) - {"dota", "mask", "labels"})


@pytest.mark.parametrize("format", EXACT)
def test_an_export_comes_back_to_its_images(make, format, tmp_path) -> None:
    first = make(uploads=["u.png"])
    before = draw(first)
    data = packed(first, format, tmp_path / "1")
    second = make(uploads=["u.png"])
    done = brought(second, "e.zip", data, tmp_path / "2")
    assert (done.images, done.masks, done.skipped) == (5, 5, [])
    assert shown(second) == before
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert not any(str(tmp_path).encode() in archive.read(name) for name in archive.namelist())


XML = '<image name="{}" width="16" height="12"><box label="cat" xtl="{}" ytl="1" xbr="9" ybr="9"/></image>'


def cvat(*names: str) -> bytes:
    text = "".join(XML.format(name, i) for i, name in enumerate(names))
    return f"<annotations>{text}</annotations>".encode()


def test_a_record_of_another_folder_is_left_out(make, tmp_path) -> None:
    project = make(["valid/001.png"])
    done = brought(project, "a.xml", cvat("train/001.png", "valid/001.png"), tmp_path / "1")
    assert (done.images, done.masks) == (1, 1)
    assert done.skipped == ["train/001.png: the project has no image of this name. Upload it first."]


def test_a_name_alone_means_no_image_where_two_have_it(make, tmp_path) -> None:
    project = make(["x/001.png", "y/001.png"])
    done = brought(project, "a.xml", cvat("001.png"), tmp_path / "1")
    assert (done.images, len(done.skipped)) == (0, 1)
    assert brought(make(["x/001.png"]), "a.xml", cvat("001.png"), tmp_path / "2").images == 1


def test_two_uploads_of_one_name_are_told_apart_by_nobody(make, tmp_path) -> None:
    project = make([], uploads=["a.png", "a.png"])
    assert brought(project, "a.xml", cvat("a.png"), tmp_path / "1").images == 0


def test_what_became_no_mask_is_told(make, tmp_path) -> None:
    text = cvat("a.png").replace(b"</image>", b'<polyline points="1,1;2,2"/><tag label="t"/></image>')
    done = brought(make(), "a.xml", text, tmp_path / "1")
    assert done.skipped == []
    assert done.left_out == [("a.png", "polyline", 1), ("a.png", "tag", 1)]


@pytest.mark.parametrize("format", ["coco", "cvat", "labelme", "labelstudio", "yolo"])
def test_labels_that_are_written_by_name_are_not_told_as_lost(make, format, tmp_path) -> None:
    project = make(["a.png"])
    (image,) = stored.every(project.db)
    for i, label in enumerate(labels.ensure(project.db, ["cup", "spoon"]).values()):
        one = Draft(id=f"m{i}", size=SIZE, counts=square(5 * i), label_id=label)
        masks.save(project.db, image.id, one, seen=0, author="eve")
    assert exchange.take(project, format, tmp_path).dropped == {}


def test_attributes_come_in_once(make, tmp_path) -> None:
    project = make()
    told = b'"9"><attribute name="n">3</attribute><attribute name="seen">true</attribute></box>'
    text = cvat("a.png").replace(b'"9"/>', told)
    assert brought(project, "a.xml", text, tmp_path / "1").masks == 1
    again = brought(project, "a.xml", text, tmp_path / "2")
    assert (again.masks, again.known) == (0, 1)
    (image,) = (one for one in stored.every(project.db) if one.masks)
    (mask,) = masks.current(project.db, image.id)
    assert mask.attributes == {"n": "3", "seen": True}


LABELME = {
    "shapes": [{"label": "cat", "points": [[1, 1], [5, 1], [5, 5]]}],
    "imagePath": "a.png",
    "imageHeight": 12,
    "imageWidth": 16,
}
LINE = "0 0.1 0.1 0.5 0.1 0.5 0.5\n"
ARCHIVES: dict[str, dict[str, object]] = {
    "cvat": {"annotations.xml": cvat("a.png").decode(), "images/a.png": ""},
    "coco": {"annotations/instances_default.json": {
        "images": [{"id": 1, "width": 16, "height": 12, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]]}],
    }},
    "a mac": {
        "export/annotations.xml": cvat("a.png").decode(), "__MACOSX/export/._annotations.xml": "x",
        "export/.DS_Store": "x",
    },
    "labelme": {"labels/a.json": LABELME, "labels/._a.json": "x"},
    "yolo": {"export/labels/a.txt": LINE, "export/data.yaml": "names: [cat]"},
    "label studio": {"result.json": [{"data": {"image": "/data/upload/1/0a1b2c3d-a.png"}, "annotations": [{
        "result": [{
            "type": "rectanglelabels", "original_width": 16, "original_height": 12,
            "value": {"x": 0, "y": 0, "width": 50, "height": 50},
        }],
    }]}], "images/0a1b2c3d-a.png": ""},
}  # fmt: skip


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_of_others(make, kind, tmp_path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, what in ARCHIVES[kind].items():
            archive.writestr(name, what if isinstance(what, str) else json.dumps(what))
    project = make()
    done = brought(project, "e.zip", data.getvalue(), tmp_path / "1")
    assert (done.images, done.masks, done.skipped) == (1, 1, [])
    assert [name for name, found in shown(project).items() if found] == ["a.png"]


def test_no_path_of_ours_is_told(make, tmp_path) -> None:
    project = make()
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("labels/gone.txt", LINE)
        archive.writestr("labels/a.txt", LINE)
    done = brought(project, "e.zip", data.getvalue(), tmp_path / "1")
    assert done.images == 1
    (sentence,) = done.skipped
    assert sentence.startswith(
        "gone: labels gone.txt must have their image near, got none among those given."
    )
    assert str(tmp_path) not in sentence


def test_nothing_to_read_is_an_error(make, tmp_path) -> None:
    with pytest.raises(FormatError, match="path must hold annotations of an image, got none"):
        brought(make(), "a.xml", b"<annotations></annotations>", tmp_path / "1")


@pytest.mark.parametrize("format", EXACT)
def test_a_project_that_imports_its_own_export_has_nothing_twice(make, format, tmp_path) -> None:
    project = make()
    rng = np.random.default_rng(5)
    for image in stored.every(project.db):
        for number in range(3):  # shapes that polygons and rounded coordinates may move
            bits = np.zeros(SIZE, bool)
            bits[2 + number : 11, 5 * number : 5 * number + 5] = rng.random((9 - number, 5)) < 0.9
            one = Draft(id=f"m{number}", size=SIZE, counts=rle.to_string(rle.encode(bits)))
            masks.save(project.db, image.id, one, seen=0, author="eve")
    before = shown(project)
    done = brought(project, "e.zip", packed(project, format, tmp_path / "1"), tmp_path / "2")
    assert (done.masks, done.known, done.skipped) == (0, 12, [])
    assert shown(project) == before


@pytest.mark.parametrize("format", ["coco", "yolo", "cvat", "sa1b"])
def test_an_export_with_images_is_a_data_set(make, format, tmp_path) -> None:
    project = make(["a.png", "sub/a.png"])
    draw(project)
    (tmp_path / "out").mkdir()
    exchange.take(project, format, tmp_path / "out")
    pack(tmp_path / "out", tmp_path / "e.zip", {}, exchange.image_files(project))
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        archive.extractall(tmp_path / "exported")
    assert (tmp_path / "exported/images/sub/a.png").is_file()
    if format == "coco":
        dataset = open_dataset(tmp_path / "exported/annotations.json")
        assert [len(dataset[index].masks) for index in range(len(dataset))] == [1, 1]
    done = brought(project, "e.zip", (tmp_path / "e.zip").read_bytes(), tmp_path / "2")
    assert (done.masks, done.known) == (0, 2), "the images do not disturb"


def test_coco_lists_images_without_masks_that_are_done_and_all_if_asked_for(make, tmp_path) -> None:
    project = make()
    first = next(iter(stored.every(project.db)))
    masks.save(project.db, first.id, Draft(id="m", size=SIZE, counts=square(2)), seen=0, author="eve")
    for place, every, names in (("some", False, NAMES[:1]), ("all", True, NAMES)):
        (tmp_path / place).mkdir()
        exchange.take(project, "coco", tmp_path / place, every=every)
        found = json.loads((tmp_path / place / "annotations.json").read_text("utf-8"))
        assert [one["file_name"] for one in found["images"]] == names
        assert len(found["annotations"]) == 1


def test_progress_is_told_after_each_record(make, tmp_path) -> None:
    project = make(NAMES[:2])
    draw(project)
    told: list[None] = []
    (tmp_path / "out").mkdir()
    exchange.take(project, "coco", tmp_path / "out", tell=lambda: told.append(None))
    count = len(list(stored.every(project.db)))
    assert len(told) == count
    done = exchange.bring(
        project, tmp_path / "out" / "annotations.json", None, "bob", tell=lambda: told.append(None)
    )
    assert (len(told), done.known) == (2 * count, count)


def test_signs_of_progress_extend_the_time_of_work_apart() -> None:
    here, there = multiprocessing.Pipe(duplex=False)
    for sent in (None, None, (True, "done")):
        there.send(sent)
    assert apart._result(here, 0.0) == (True, "done")
    there.send(None)
    assert apart._result(here, 0.0) == (False, "0 seconds a record")
