"""CVAT's exports of projects and of several films: no two images become one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.errors import FormatError
from anymask.images import write

SIZE = (20, 30)
POLYGON = '<polygon label="{}" points="4,5;10,5;10,12;4,12"/>'
IMAGE = '<image name="a.png" subset="{}" width="30" height="20">{}</image>'
PROJECT = "<annotations>" + "".join(IMAGE.format(one, POLYGON.format(one)) for one in ("train", "val"))
TRACK = (
    '<track label="{}" task_id="{}" subset="{}">'
    '<polygon frame="3" outside="0" points="4,5;10,5;10,12"/></track>'
)


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write.write_png(np.zeros((*SIZE, 3), np.uint8), path)


def test_images_of_one_name_in_two_subsets(tmp_path):
    (tmp_path / "annotations.xml").write_text(f"{PROJECT}</annotations>")
    for subset in ("train", "val"):
        photo(tmp_path / "images" / subset / "a.png")
    records = formats.read(tmp_path)
    assert [(one.id, one.meta["file_name"], one.meta["categories"]) for one in records] == [
        ("train/a", "train/a.png", ["train"]), ("val/a", "val/a.png", ["val"]),
    ]  # fmt: skip
    assert [one.image for one in records] == [tmp_path / "images" / one / "a.png" for one in ("train", "val")]
    formats.write(records, tmp_path / "yolo", "yolo")
    assert sorted(file.parent.name for file in (tmp_path / "yolo").rglob("a.txt")) == ["train", "val"]


def test_images_of_a_project_in_one_folder_keep_their_names(tmp_path):
    (tmp_path / "annotations.xml").write_text("<annotations>" + IMAGE.format("train", "") + "</annotations>")
    photo(tmp_path / "images" / "a.png")
    (record,) = formats.read(tmp_path)
    assert (record.meta["file_name"], record.image) == ("a.png", tmp_path / "images" / "a.png")


@pytest.mark.parametrize(
    ("subsets", "names"),
    [
        (("", ""), ["task_4/frame_000003", "task_5/frame_000003"]),
        (("train", "val"), ["train/frame_000003", "val/frame_000003"]),
    ],
)
def test_films_of_a_project_are_apart(tmp_path, subsets, names):
    size = "<original_size><width>{}</width><height>20</height></original_size>"
    tasks = "".join(f"<task><id>{id}</id>{size.format(30 + id)}</task>" for id in (4, 5))
    tracks = "".join(TRACK.format(id, id, one) for id, one in zip((4, 5), subsets, strict=True))
    (tmp_path / "a.xml").write_text(
        f"<annotations><meta><project><tasks>{tasks}</tasks></project></meta>{tracks}</annotations>"
    )
    records = formats.read(tmp_path / "a.xml")
    assert [one.meta["file_name"] for one in records] == names
    assert [one.masks.size for one in records] == [(20, 34), (20, 35)]
    assert [one.meta["categories"] for one in records] == [["4"], ["5"]]


def test_a_frame_has_the_suffix_of_its_file(tmp_path):
    photo(tmp_path / "images" / "frame_000003.PNG")
    size = "<meta><task><original_size><width>30</width><height>20</height></original_size></task></meta>"
    (tmp_path / "annotations.xml").write_text(f"<annotations>{size}{TRACK.format('x', '', '')}</annotations>")
    (record,) = formats.read(tmp_path)
    assert (record.id, record.meta["file_name"]) == ("frame_000003", "frame_000003.PNG")


def test_boxes_of_pascal_voc_are_named_so(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation><object/></annotation>")
    with pytest.raises(FormatError, match="got Pascal VOC's boxes in "):
        formats.read(tmp_path / "a.xml")
