"""`write` and `read`: the suffix chooses the format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.errors import FormatError, InputError, OutputError, UnknownNameError
from anymask.types import Masks, Record


@pytest.fixture
def masks(rng):
    """Three masks that do not overlap."""
    numbers = rng.integers(0, 4, (6, 8))
    return Masks.from_dense(np.stack([numbers == i for i in (1, 2, 3)]), labels=[4, 5, 6])


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.json", None),
        ("a.json", "sa1b"),
        ("a.json", "coco"),
        ("a.png", None),
        ("a.png", "instances"),
        ("a.png", "labels"),
        ("a", None),
        ("a", "masks"),
        ("A.JSON", None),
    ],
)
def test_round_trip(tmp_path, masks, name, format):
    path = formats.write(masks, tmp_path / name, format).path
    (record,) = formats.read(path)
    assert np.array_equal(record.masks.dense(), masks.dense())
    if format == "labels":
        assert record.masks.labels.tolist() == [4, 5, 6]
    with pytest.raises(OutputError):
        formats.write(masks, path, format)
    formats.write(masks, path, format, force=True)


@pytest.mark.parametrize(
    ("count", "name", "format"),
    [
        (1, "a.png", "mask"),
        (3, "a.png", "instances"),
        (0, "a.png", "instances"),
        (3, "a.json", "sa1b"),
        (3, "a", "masks"),
    ],
)
def test_suffixes(masks, count, name, format):
    assert formats.format_for(masks[:count], name) == format


def test_records(tmp_path, masks):
    records = [Record(str(i), Path(f"{i}.jpg"), masks) for i in (1, 2)]
    assert formats.format_for(records, "a.json") == "coco"
    assert [record.id for record in formats.read(formats.write(records, tmp_path / "a.json").path)] == [
        "1",
        "2",
    ]
    assert formats.read(formats.write(records[1], tmp_path / "b.json").path)[0].id == "2"
    assert formats.read(formats.write(records[:1], tmp_path / "c.json", "sa1b").path)[0].id == "1"


@pytest.mark.parametrize(
    "format", ["sa1b", "instances", "labels", "masks", "labelme", "npz", "svg", "geojson"]
)
def test_several_records_are_a_folder(tmp_path, masks, format):
    records = [Record(str(i), Path(f"{i}.jpg"), masks) for i in (1, 2)]
    folder = formats.write(records, tmp_path / "d", format).path
    assert sorted(path.stem for path in folder.iterdir()) == ["1", "2"]
    assert [record.id for record in formats.read(folder, format)] == ["1", "2"]
    (folder / "mine.txt").touch()
    with pytest.raises(OutputError, match=r"folder of such files only, got .*d, which holds others\. Choose"):
        formats.write(records, folder, format, force=True)


@pytest.mark.parametrize("name", ["a.json", "a.svg"])
def test_one_file_holds_one_record(tmp_path, masks, name):
    records = [Record(str(i), Path(f"{i}.jpg"), masks) for i in (1, 2)]
    format = "sa1b" if name == "a.json" else None
    with pytest.raises(
        OutputError, match=r"single one for one file of this format, got '1' and '2'\. Name a"
    ):
        formats.write(records, tmp_path / name, format)
    with pytest.raises(OutputError, match=r"single one for one file, got none\. Look at the input"):
        formats.write([], tmp_path / name, format)
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_bad_records_are_told_and_left_out(tmp_path, masks):
    told = []
    records = [
        Record("1", Path("1.jpg"), masks),
        Record("2", Path("2.jpg"), replace(masks, labels=[0, 1, 2])),
    ]
    options = {"on_error": lambda id, error: told.append(id)}
    loss = formats.write(iter(records), tmp_path / "d", "labels", **options)
    assert (told, loss.records, [id for id, _ in loss.skipped], loss.lossless) == (["2"], 1, ["2"], False)
    assert loss.summary().endswith("1 image skipped")
    with pytest.raises(InputError, match="numbers from 1 to 65535"):
        formats.write(iter(records), tmp_path / "e", "labels")
    (tmp_path / "d" / "3.png").write_text("no image")
    told.clear()
    assert [record.id for record in formats.stream(tmp_path / "d", "labels", **options)] == ["1"]
    assert told == ["3"]


def test_stream_counts(tmp_path, masks):
    records = [Record(str(i), Path(f"{i}.jpg"), masks) for i in (1, 2)]
    for name, total in (("a.json", 2), ("a.xml", 0)):
        seen = []
        formats.write(records, tmp_path / name)
        list(formats.stream(tmp_path / name, on_item=lambda *what, seen=seen: seen.append(what)))
        assert seen == [(0, total, "1"), (1, total, "2")]


DETECTED = {
    "coco.json": '{"images": []}',
    "labelme.json": '{"shapes": []}',
    "labelstudio.json": "[]",
    "geojson.json": '{"type": "FeatureCollection", "features": []}',
    "sa1b.json": '{"image": {}}',
    "cvat.xml": "",
    "svg.SVG": "",
    "npz.npz": "",
    "geojson.geojson": "",
    "instances.png": "",
    "yolo/labels/a.txt": "",
    "yolo/a.txt": "",
    "labelme/a.json": '{"shapes": []}',
    "svg/a.svg": "",
    "instances/a.png": "",
    "masks/000.png": "",
    "masks/photo/000.png": "",
}


@pytest.mark.parametrize("name", DETECTED)
def test_detect(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(DETECTED[name])
    expected, *inside = Path(name).parts
    assert formats.detect(tmp_path / expected if inside else path) == expected.split(".")[0]


def test_nothing_is_detected(tmp_path):
    with pytest.raises(
        FormatError, match=r"path must be a folder of a known format \(coco, .*Name its format"
    ):
        formats.detect(tmp_path)


def test_facts_of_unknown_formats(tmp_path):
    with pytest.raises(
        UnknownNameError, match=r"format must be a known name, got 'yollo'\. Did you mean 'yolo'"
    ):
        formats.read(tmp_path, "yollo")


def test_unknown_formats(tmp_path, masks):
    with pytest.raises(
        UnknownNameError, match=r"format must be a known name, got 'instance'\. Did you mean 'instances'"
    ):
        formats.write(masks, tmp_path / "a.png", "instance")
    with pytest.raises(UnknownNameError, match=r"suffix of the output must be a known name, got '\.jpg'\. "):
        formats.write(masks, tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_missing_folder(tmp_path, masks):
    for name in ("a.json", "a.png", "a"):
        with pytest.raises(OutputError, match="must lie in a folder that exists"):
            formats.write(masks, tmp_path / "no" / name)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(FormatError, match=r"a file or folder that exists, got .*a\.txt\. Check the name"):
        formats.read(tmp_path / "a.txt")
    with pytest.raises(FormatError, match="path must be a JSON file"):
        formats.read(tmp_path / "a.json")
    with pytest.raises(FormatError, match="path must be a PNG file"):
        formats.read(tmp_path / "a.png")


def test_every_format_is_in_the_table():
    for name in formats.FORMATS:
        assert f"| `{name}` |" in formats.__doc__


@pytest.mark.parametrize("name", [name for name, one in formats.FORMATS.items() if one.is_folder])
def test_a_file_in_the_place_of_a_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 0.1 0.1 0.2 0.2 0.3 0.1")
    words = rf"path must be a folder, as {name} is one, got .*a\.txt, a file\. Give the folder it is in\."
    with pytest.raises(FormatError, match=words):
        list(formats.stream(tmp_path / "a.txt", name))
    with pytest.raises(FormatError, match=r"got .*gone, which does not exist\. Check the name\."):
        list(formats.stream(tmp_path / "gone", name))


@pytest.mark.parametrize("name", [name for name, one in formats.FORMATS.items() if not one.is_folder])
def test_a_missing_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"path must be a file, got .*gone \(No such"):
        list(formats.stream(tmp_path / "gone", name))


def test_masks_without_a_name_are_objects_not_a_class_none(tmp_path: Path) -> None:
    masks = Masks.from_dense(np.eye(2, dtype=bool)[:, :, None].repeat(2, 2))
    record = Record("a", tmp_path / "a.jpg", masks, meta={"categories": ["cat", None]})
    formats.write([record], tmp_path / "coco.json", "coco")
    names = [one["name"] for one in json.loads((tmp_path / "coco.json").read_text())["categories"]]
    assert sorted(names) == ["cat", "object"]
