"""`write` and `read`: the suffix chooses the format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anymask import formats
from anymask.errors import FormatError, ImageError, InputError, OutputError, UnknownNameError
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
    path = formats.write(masks, tmp_path / name, format)
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
    assert [record.id for record in formats.read(formats.write(records, tmp_path / "a.json"))] == ["1", "2"]
    assert formats.read(formats.write(records[1], tmp_path / "b.json"))[0].id == "2"
    assert formats.read(formats.write(records[:1], tmp_path / "c.json", "sa1b"))[0].id == "1"
    for format in ("sa1b", "mask", "instances", "labels", "masks"):
        with pytest.raises(
            InputError, match=rf"single one for format '{format}', got 2\. Write coco instead\."
        ):
            formats.write(records, tmp_path / "d", format)


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
    with pytest.raises(
        FormatError, match=r"path must be a \.json or \.png file or a folder of PNG masks, got .*a\.txt"
    ):
        formats.read(tmp_path / "a.txt")
    with pytest.raises(FormatError, match="path must be a JSON file"):
        formats.read(tmp_path / "a.json")
    with pytest.raises(ImageError, match="must be a file that exists"):
        formats.read(tmp_path / "a.png")


def test_every_format_is_in_the_table():
    for name in formats.FORMATS:
        assert f"| `{name}` |" in formats.__doc__
