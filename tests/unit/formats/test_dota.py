"""DOTA's text: oriented boxes, in the folders of its versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.errors import FormatError
from anymask.formats.dota import BOXED, RENAMED, SAME_IMAGE
from anymask.geometry import rle
from anymask.images import write
from anymask.types import Masks, Record

SIZE = (40, 60)
HEADER = "imagesource:GoogleEarth\ngsd:0.146\n"
SHIP = "4 5 20 5 20 12 4 12 large-vehicle 1\n"
TURNED = "30.0 4.0 50.0 14.0 45.0 24.0 25.0 14.0 ship 0\n"


def image(place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    write.write_png(np.zeros((*SIZE, 3), np.uint8), place)
    return place


def text(place: Path, content: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)
    return place


@pytest.mark.parametrize(
    "folder", ["labelTxt", "labelTxt-v1.5/DOTA-v1.5_train", "labelTxt-v2.0/DOTA-v2.0_train"]
)
def test_versions(tmp_path: Path, folder: str) -> None:
    pictures = [image(tmp_path / split / "images" / "P0001.png") for split in ("train", "val")]
    for split in ("train", "val"):
        text(tmp_path / split / folder.replace("train", split) / "P0001.txt", HEADER + SHIP + TURNED)
    found = formats.read(tmp_path)
    assert [(one.id, one.image) for one in found] == [
        ("train/P0001", pictures[0]),
        ("val/P0001", pictures[1]),
    ]
    one = found[0]
    assert one.meta == {
        "file_name": "train/P0001.png", "imagesource": "GoogleEarth", "gsd": 0.146,
        "categories": ["large-vehicle", "ship"], "attributes": [{"difficulty": 1}, {}],
    }  # fmt: skip
    assert one.masks.areas.tolist() == [16 * 7, 250]  # the sides of the turned one are 22.36 and 11.18 long
    assert not one.left_out


def test_of_upright_and_oriented_boxes_the_oriented_are_read(tmp_path: Path) -> None:
    image(tmp_path / "images" / "P1.png")
    text(tmp_path / "labelTxt-v1.5" / "DOTA-v1.5_val" / "P1.txt", HEADER + TURNED)
    text(tmp_path / "labelTxt-v1.5" / "DOTA-v1.5_val_hbb" / "P1.txt", HEADER + SHIP)
    told = []
    (one,) = formats.stream(tmp_path, on_left_out=lambda *what: told.append(what))
    assert one.meta["categories"] == ["ship"]
    assert [what[1:] for what in told] == [(SAME_IMAGE, 1)]


def test_a_single_file_and_one_without_boxes(tmp_path: Path) -> None:
    image(tmp_path / "P1.png")
    (one,) = formats.read(text(tmp_path / "P1.txt", SHIP), images=tmp_path)
    assert len(one.masks) == 1
    (none,) = formats.read(text(tmp_path / "P1.txt", HEADER.replace("0.146", "null")))
    assert (len(none.masks), none.meta.get("gsd")) == (0, None)
    with pytest.raises(FormatError, match=r"labels P2\.txt must have their image near, got none in"):
        formats.read(text(tmp_path / "set" / "P2.txt", SHIP))


def test_splits_within_folders_keep_their_images_apart(tmp_path: Path) -> None:
    pictures = [image(tmp_path / "images" / split / "a.png") for split in ("train", "val")]
    for split in ("train", "val"):
        text(tmp_path / "labelTxt" / split / "a.txt", SHIP)
    assert [one.image for one in formats.read(tmp_path)] == pictures


def test_bad_lines_are_told(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    bad = ["1 2 3 4 5 6 7 ship 0\n", "1 2 3 4\n", "1 1 9 1 9 9 1 9 ship 0.5\n", "nan 1 9 1 9 9 1 9 ship 0\n"]
    (one,) = formats.read(text(tmp_path / "a.txt", SHIP + "".join(bad) + "1 1 9 1 9 9 1 9 ship\n"), "dota")
    assert (len(one.masks), sum(one.left_out.values())) == (2, len(bad))


def test_yolo_beside_dota_is_told(tmp_path: Path) -> None:
    image(tmp_path / "images" / "train" / "a.png")
    text(tmp_path / "labels" / "train" / "a.txt", "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n")
    assert formats.detect(tmp_path) == "yolo"
    text(tmp_path / "labels" / "train_original" / "a.txt", SHIP)
    told = []
    found = list(
        formats.stream(tmp_path, on_error=lambda *what: None, on_left_out=lambda *what: told.append(what))
    )
    assert [one.meta["categories"] for one in found] == [["large-vehicle"]]
    assert told == [("labels/train/a.txt", "file of no known annotation format", 1)]


def test_boxes_come_back(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    source = text(tmp_path / "labelTxt" / "a.txt", HEADER + SHIP + TURNED)
    (one,) = formats.read(source)
    loss = formats.write([one], tmp_path / "out", "dota")
    assert (tmp_path / "out" / "a.txt").read_text().splitlines()[:3] == [*HEADER.split(), SHIP.strip()]
    assert [(change.mask, change.notes) for change in loss.changed] == [(1, (BOXED,))]
    assert loss.changed[0].iou > 0.95
    (again,) = formats.read(tmp_path / "out", images=tmp_path / "images")
    assert again.meta == one.meta
    assert rle.iou(again.masks[1].rles, one.masks[1].rles)[0, 0] == loss.changed[0].iou


def test_masks_become_boxes_around_all_their_parts(tmp_path: Path) -> None:
    dense = np.zeros((3, *SIZE), bool)
    dense[0, 2:9, 3:9] = dense[0, 20:30, 3:9] = True
    dense[1, 5, 50] = True
    names = {"categories": ["storage tank", "ship", "none"]}
    loss = formats.write(
        [Record("a", Path("a.png"), Masks.from_dense(dense), meta=names)], tmp_path / "a", "dota"
    )
    assert (
        tmp_path / "a" / "a.txt"
    ).read_text() == "3 2 9 2 9 30 3 30 storage-tank 0\n50 5 51 5 51 6 50 6 ship 0\n"
    assert [change.notes for change in loss.changed] == [(BOXED, RENAMED), ("left out",)]
    assert loss.changed[0].iou == pytest.approx(102 / 168)
