"""MOTS's text: frames of sequences as MOTSChallenge and KITTI MOTS lay them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.errors import FormatError, InputError
from anymask.formats.video_ids import NUMBERED
from anymask.geometry import rle
from anymask.images import write
from anymask.types import Masks, Record

SIZE = (20, 30)


def mask(x0: int, y0: int, x1: int, y1: int) -> np.ndarray:
    found = np.zeros(SIZE, bool)
    found[y0:y1, x0:x1] = True
    return found


LEFT, RIGHT = mask(2, 3, 9, 12), mask(15, 4, 25, 18)


def line(frame: object, track: object, label: object, dense: np.ndarray = LEFT) -> str:
    return f"{frame} {track} {label} 20 30 {rle.to_string(rle.encode(dense))}"


def image(place: Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    write.write_png(np.zeros((*SIZE, 3), np.uint8), place)
    return place


def text(place: Path, *lines: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(f"{one}\n" for one in lines))
    return place


@pytest.mark.parametrize("whole", [False, True])
def test_motschallenge(tmp_path: Path, whole: bool) -> None:
    root = tmp_path / "train"
    for name in ("MOTS20-02", "MOTS20-05"):
        text(root / name / "gt" / "gt.txt", line(1, 2001, 2), line(1, 10000, 10, RIGHT), line(2, 2001, 2))
        pictures = [image(root / name / "img1" / f"00000{frame}.png") for frame in (1, 2)]
    found = formats.read(root if whole else root / "MOTS20-05" / "gt" / "gt.txt")
    ids = [f"{name}/00000{frame}" for name in ("MOTS20-02", "MOTS20-05") for frame in (1, 2)]
    assert [one.id for one in found] == ids[0 if whole else 2 :]
    assert [one.image for one in found[-2:]] == pictures
    first = found[-2]
    assert first.meta == {"file_name": "MOTS20-05/000001.png", "categories": ["pedestrian"], "ids": [2001]}
    assert np.array_equal(first.masks.dense(), LEFT[None])
    assert first.masks.labels.tolist() == [2]
    assert np.array_equal(rle.decode(first.ignore, SIZE), RIGHT)
    assert found[-1].ignore is None


def test_kitti(tmp_path: Path) -> None:
    for name in ("0002", "0011"):
        text(tmp_path / "instances_txt" / f"{name}.txt", line(0, 1003, 1), line(7, 1003, 1))
        image(tmp_path / "training" / "image_02" / name / "000007.png")
    found = formats.read(tmp_path)
    assert [one.id for one in found] == ["0002/000000", "0002/000007", "0011/000000", "0011/000007"]
    assert [one.image.is_file() for one in found] == [False, True, False, True]
    assert found[3].image.parent.name == "0011"
    assert found[3].meta["categories"] == ["car"]


def test_a_frame_of_two_sequences_is_no_image_of_either(tmp_path: Path) -> None:
    for name in ("a", "b"):
        text(tmp_path / "set" / f"{name}.txt", line(1, 1, 1))
    image(tmp_path / "images" / "000001.png")
    assert not any(one.image.is_file() for one in formats.read(tmp_path / "set", images=tmp_path / "images"))
    (one,) = formats.read(tmp_path / "set" / "a.txt", images=tmp_path / "images")
    assert one.image.is_file()


@pytest.mark.parametrize("name", ["0002/000012.png", "film/frame_0012.png", "film-12.png", "photo.png"])
def test_images_are_found_again(tmp_path: Path, name: str) -> None:
    place = image(tmp_path / "images" / name)
    one = Record("x", place, Masks.from_dense([LEFT, RIGHT]), meta={"file_name": name, "ids": [7, 3]})
    formats.write([one], tmp_path / "out", "mots")
    for images in (tmp_path / "images", {name: place}):
        (again,) = formats.read(tmp_path / "out", images=images)
        assert (again.image.resolve(), again.meta["file_name"]) == (place.resolve(), name)
        assert np.array_equal(again.masks.dense(), [LEFT, RIGHT])
        assert again.meta["ids"] == [7, 3]


def test_masks_of_a_frame_do_not_overlap(tmp_path: Path) -> None:
    dense = [mask(0, 0, 20, 20), mask(4, 4, 9, 9), mask(4, 4, 9, 9)]
    everything = rle.encode(np.ones(SIZE, bool))
    one = Record("s/000001", Path("s/000001.png"), Masks.from_dense(dense), ignore=everything)
    loss = formats.write([one], tmp_path / "out", "mots")
    (again,) = formats.read(tmp_path / "out")
    assert again.masks.areas.tolist() == [375, 25, 0]
    assert rle.area(again.ignore) == 600 - 400
    shown = [*again.masks.dense(), rle.decode(again.ignore, SIZE)]
    assert np.sum(shown, axis=0).max() == 1
    assert [change.notes for change in loss.changed] == [
        ("partly hidden by other masks", "drawn over ignored pixels", NUMBERED),
        ("drawn over ignored pixels", NUMBERED),
        ("partly hidden by other masks", NUMBERED),
    ]


def test_classes_keep_their_numbers(tmp_path: Path) -> None:
    names = ["dog", "pedestrian", "cat", "car", "person", "bird"]
    dense = [mask(3 * i, 0, 3 * i + 2, 9) for i in range(6)]
    masks = Masks.from_dense(dense, labels=[17, 1, 10, 5, 6, 2])
    formats.write([Record("1", Path("1.png"), masks, meta={"categories": names})], tmp_path / "out", "mots")
    (again,) = formats.read(tmp_path / "out")
    assert again.masks.labels.tolist() == [17, 2, 3, 1, 2, 4]
    assert again.meta["categories"][:2] == ["class 17", "pedestrian"]


def test_a_frame_without_masks_stays_a_frame(tmp_path: Path) -> None:
    both = (Masks.from_dense([LEFT]), Masks(SIZE, ()))
    frames = [Record(f"a/{i}", Path(f"{i}.png"), masks) for i, masks in enumerate(both, 1)]
    loss = formats.write(frames, tmp_path / "out", "mots")
    assert [len(one.masks) for one in formats.read(tmp_path / "out")] == [1, 0]
    assert not loss.skipped


def test_two_images_of_one_frame_are_refused(tmp_path: Path) -> None:
    frames = [Record(name, Path(f"a/{name}.png"), Masks.from_dense([LEFT])) for name in ("01", "1")]
    frames = [Record(one.id, one.image, one.masks, meta={"file_name": f"a/{one.id}.png"}) for one in frames]
    with pytest.raises(
        InputError, match=r"frames of their own in MOTS, got frame 1 of 'a' for a/01\.png and"
    ):
        formats.write(frames, tmp_path / "out", "mots")


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    bad = [line(1, "x", 2), line(1, 1, -2), "1 1 2 20 30", "1 1 2 20 30 ~", "1 1 2 3 3 9", "1 1 2 2 2 4 5"]
    file = text(tmp_path / "a.txt", "", *bad, line(1, 1, 2), line("one", 1, 2), line(-1, 1, 2))
    told = []
    (one,) = formats.stream(file, on_left_out=lambda *what: told.append(what))
    assert len(one.masks) == 1
    assert sum(one.left_out.values()) == 6
    assert one.left_out["damaged: size of another image"] == 1
    assert told == [("a.txt", "line without a frame number", 2)]


def test_nothing_read_is_an_error(tmp_path: Path) -> None:
    file = text(tmp_path / "a.txt", line("x", 1, 2))
    with pytest.raises(FormatError, match=r"got none in a\.txt \(1 line without a frame number\)"):
        list(formats.stream(file, "mots", on_left_out=lambda *what: None))
    with pytest.raises(
        FormatError, match=r"frame a/000001 must have a line that can be read, got damaged: tra"
    ):
        formats.read(text(tmp_path / "a.txt", line(1, "x", 2)), "mots")


def test_yolo_is_no_mots(tmp_path: Path) -> None:
    image(tmp_path / "images" / "a.png")
    text(tmp_path / "labels" / "a.txt", "0 0.5 0.5 1 1 0.9", "1 1 1 1 1 1", "0 0.1 0.1 0.4 0.1 0.4 0.5")
    assert formats.detect(tmp_path) == "yolo"
