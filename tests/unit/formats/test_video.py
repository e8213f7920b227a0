"""Objects of videos: DAVIS, YouTube-VOS and CVAT for video."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from anymask import formats
from anymask.errors import InputError
from anymask.formats import Outlines, video_maps, writers
from anymask.formats.video_ids import NUMBERED
from anymask.formats.voc import palette_png
from anymask.types import Masks, Record

SIZE = (20, 30)


def frame(number: int, boxes: dict[int, tuple[int, int, int, int]], names: list[str] | None = None) -> Record:
    """A frame of the video `clip` with objects by track: boxes y0, y1, x0, x1."""
    dense = np.zeros((len(boxes), *SIZE), bool)
    for mask, (y0, y1, x0, x1) in zip(dense, boxes.values(), strict=True):
        mask[y0:y1, x0:x1] = True
    name = f"clip/{number:05}.jpg"
    meta = {"ids": list(boxes), "categories": names or ["cat"] * len(boxes), "file_name": name}
    return Record(name.removesuffix(".jpg"), Path(name), Masks.from_dense(dense), meta=meta)


CLIP = [
    frame(0, {7: (2, 10, 2, 10), 300: (5, 15, 5, 20)}, ["cat", "dog"]),
    frame(1, {7: (2, 10, 4, 12)}),
    frame(2, {300: (5, 15, 9, 24), 7: (2, 10, 6, 14)}, ["dog", "cat"]),
]
"""One object, and a larger one over it that is away in the second frame."""


def test_an_object_has_one_number_in_all_frames_of_davis(tmp_path: Path) -> None:
    loss = formats.write(CLIP, tmp_path / "set", "davis")
    folder = tmp_path / "set" / "Annotations" / "Full-Resolution" / "clip"
    maps = [np.asarray(Image.open(file)) for file in sorted(folder.iterdir())]
    assert [np.unique(one).tolist() for one in maps] == [[0, 1, 7], [0, 7], [0, 1, 7]]
    assert (maps[0][5:10, 5:10] == 7).all()  # the smaller object is on top
    assert (maps[0][10:15, 5:20] == 1).all()
    with Image.open(folder / "00000.png") as image:
        assert image.mode == "P"
        assert (image.getpalette() or [])[:6] == [0, 0, 0, 128, 0, 0]
    assert (tmp_path / "set/ImageSets/2017/train.txt").read_text() == "clip\n"
    hidden = [(one.record, one.mask) for one in loss.changed if writers.HIDDEN in one.notes]
    assert hidden == [("clip/00000", 1), ("clip/00002", 0)]
    assert {one.notes[-1] for one in loss.changed} == {video_maps.RENUMBERED}  # 300 is no number of a palette
    assert loss.dropped == {"categories": 3}
    again = formats.read(tmp_path / "set")
    assert [one.meta["ids"] for one in again] == [[1, 7], [7], [1, 7]]
    assert [one.id for one in again] == [one.id for one in CLIP]


def test_youtube_vos_knows_the_category_and_the_frames_of_an_object(tmp_path: Path) -> None:
    other = frame(3, {7: (2, 10, 6, 14)}, ["dog"])
    loss = formats.write([*CLIP, other], tmp_path / "set", "youtubevos")
    assert json.loads((tmp_path / "set" / "meta.json").read_text()) == {
        "videos": {
            "clip": {
                "objects": {
                    "1": {"category": "dog", "frames": ["00000", "00002"]},
                    "7": {"category": "cat", "frames": ["00000", "00001", "00002", "00003"]},
                }
            }
        }
    }
    (changed,) = (one for one in loss.changed if one.record == "clip/00003")
    assert changed.notes == (video_maps.OTHER_CATEGORY,)
    images = tmp_path / "set" / "JPEGImages" / "clip"
    images.mkdir(parents=True)
    (images / "00001.jpg").touch()
    again = formats.read(tmp_path / "set")
    assert [one.meta["categories"] for one in again] == [["dog", "cat"], ["cat"], ["dog", "cat"], ["cat"]]
    assert again[1].image == images / "00001.jpg"


def test_videos_of_several_folders_count_for_themselves(tmp_path: Path) -> None:
    first = frame(0, {400: (0, 5, 0, 5)})
    second = Record("b/0", Path("b/0.jpg"), first.masks, meta={**first.meta, "file_name": "b/0.jpg"})
    bare = Record("0", Path("0.jpg"), first.masks, meta={"file_name": "0.jpg"})
    loss = formats.write([first, second, bare], tmp_path / "set", "davis")
    assert (tmp_path / "set/ImageSets/2017/train.txt").read_text().split() == ["clip", "b", "video"]
    assert [one.meta["ids"] for one in formats.read(tmp_path / "set", "davis")] == [[1], [1], [1]]
    assert [one.notes for one in loss.changed if one.record == "0"] == [(NUMBERED,)]


def test_more_objects_than_colours_are_refused(tmp_path: Path) -> None:
    many = {track: (0, 1, track % 30, track % 30 + 1) for track in range(255)}
    skipped: list[str] = []
    loss = formats.write(
        [frame(0, many), CLIP[1]], tmp_path / "set", "davis", on_error=lambda id, error: skipped.append(id)
    )
    assert (skipped, loss.records) == (["clip/00000"], 1)
    with pytest.raises(InputError, match="objects must be at most 254 in a video of palette images, got 255"):
        formats.write([frame(0, many)], tmp_path / "other", "davis")


def test_the_published_davis_is_read_in_its_finest_resolution(tmp_path: Path) -> None:
    for resolution in ("480p", "Full-Resolution"):
        file = tmp_path / "Annotations" / resolution / "bear" / "00000.png"
        file.parent.mkdir(parents=True)
        numbers = np.zeros(SIZE, np.uint8)
        numbers[2:5, 2:5], numbers[8, 8] = 2, 255
        file.write_bytes(palette_png(numbers))
    (tmp_path / "ImageSets" / "2017").mkdir(parents=True)
    left_out: list[tuple[str, int]] = []
    (one,) = formats.stream(tmp_path, on_left_out=lambda file, kind, count: left_out.append((kind, count)))
    assert (one.id, one.meta["ids"], one.masks.areas.tolist()) == ("bear/00000", [2], [9])
    assert one.ignore is not None
    assert left_out == [(video_maps.OTHER_RESOLUTION, 1)]


def shapes(file: Path) -> dict[str, list[tuple[str, str]]]:
    """Frame and `outside` of the polygons of each track."""
    return {
        track.get("id", ""): [(one.get("frame", ""), one.get("outside", "")) for one in track]
        for track in ElementTree.parse(file).getroot().iter("track")
    }


def test_cvat_tracks_end_where_an_object_is_away(tmp_path: Path) -> None:
    file = tmp_path / "set.xml"
    loss = formats.write([*CLIP, frame(3, {7: (2, 10, 6, 14)})], file, "cvatvideo")
    assert loss.lossless
    assert shapes(file) == {
        "7": [("0", "0"), ("1", "0"), ("2", "0"), ("3", "0")],
        "300": [("0", "0"), ("1", "1"), ("2", "0"), ("3", "1")],
    }
    task = ElementTree.parse(file).getroot().find("meta/task")
    assert task is not None
    assert [task.findtext(name) for name in ("size", "mode", "stop_frame")] == ["4", "interpolation", "3"]
    again = formats.read(file)
    assert [one.meta["ids"] for one in again] == [[7, 300], [7], [7, 300], [7]]
    assert [one.masks.areas.tolist() for one in again] == [[64, 150], [64], [64, 150], [64]]


def test_cvat_tracks_hold_holes_and_parts_exactly(tmp_path: Path) -> None:
    dense = np.zeros((1, *SIZE), bool)
    dense[0, 2:12, 2:14] = True
    dense[0, 5:8, 5:9] = False
    dense[0, 15:18, 20:28] = True
    record = Record("a", Path("a.jpg"), Masks.from_dense(dense), meta={"ids": [3], "categories": ["cat"]})
    file = tmp_path / "set.xml"
    (changed,) = formats.write([record], file, "cvatvideo").changed
    assert (changed.iou, changed.notes) == (1.0, (writers.HOLES_CUT, writers.PARTS_JOINED))
    (again,) = formats.read(file)
    assert np.array_equal(again.masks.dense(), dense)


def test_frames_of_cvat_have_one_size(tmp_path: Path) -> None:
    small = Record("b", Path("b.jpg"), Masks.from_dense(np.ones((1, 4, 4), bool)), meta={"ids": [1]})
    with pytest.raises(InputError, match=r"frames must have one size in a video of CVAT, got \(4, 4\) after"):
        formats.write([CLIP[0], small], tmp_path / "set.xml", "cvatvideo", outlines=Outlines(max_loss=0.1))


def test_masks_without_tracks_are_tracks_of_one_frame_in_cvat(tmp_path: Path) -> None:
    bare = [Record(f"{i}", Path(f"{i}.jpg"), CLIP[1].masks, meta={"file_name": f"{i}.jpg"}) for i in (0, 1)]
    file = tmp_path / "set.xml"
    loss = formats.write([CLIP[1], *bare], file, "cvatvideo")
    assert [one.notes for one in loss.changed] == [(NUMBERED,), (NUMBERED,)]
    assert shapes(file) == {
        "7": [("0", "0"), ("1", "1")],
        "8": [("1", "0"), ("2", "1")],
        "9": [("2", "0")],
    }


def test_numbers_of_maps_are_tracks(tmp_path: Path) -> None:
    (tmp_path / "film-masks").mkdir()
    for name, there in (("000000.png", (2, 5)), ("000001.png", (5,))):
        numbers = np.zeros(SIZE, np.uint8)
        for number in there:
            numbers[number, number:9] = number
        Image.fromarray(numbers).save(tmp_path / "film-masks" / name)
    loss = formats.write(formats.read(tmp_path / "film-masks"), tmp_path / "set", "davis")
    assert not loss.changed
    assert [one.meta["ids"] for one in formats.read(tmp_path / "set")] == [[2, 5], [5]]


@pytest.mark.parametrize(
    ("images", "called"),
    [
        (["f1.png", "f2.png", "f10.png"], ["f1.png", "f2.png", "f10.png"]),
        (["f1.png", "f2.png"], ["frame_000000", "frame_000001", "frame_000002"]),
        (["a.png", "b.png", "frame_000000.png"], ["frame_000000.png", "frame_000001", "frame_000002"]),
    ],
)
def test_frames_of_cvat_are_the_images_where_there_are_as_many(
    images: list[str], called: list[str], tmp_path: Path
) -> None:
    formats.write(CLIP, tmp_path / "set.xml", "cvatvideo")
    (tmp_path / "photos").mkdir()
    for name in images:
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / "photos" / name)
    found = formats.read(tmp_path / "set.xml", images=tmp_path / "photos")
    assert [one.meta["file_name"] for one in found] == called
