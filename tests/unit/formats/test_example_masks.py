"""Targets as people paint them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.errors import ImageError, InputError
from anymask.formats.example_masks import read_examples


def write(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array.astype(array.dtype if array.dtype != int else np.uint8)).save(path, **options)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return write(tmp_path / "photo.png", np.zeros((8, 10, 3), np.uint8))


def numbers(*values: int) -> np.ndarray:
    """A map 8 x 10 with a block of each number."""
    out = np.zeros((8, 10), np.uint8)
    for column, value in enumerate(values):
        out[2:6, 2 * column : 2 * column + 2] = value
    return out


@pytest.mark.parametrize("name", ["m.png", "m.jpg"])
@pytest.mark.parametrize("channels", [1, 3])
def test_black_and_white_is_one_mask(name: str, channels: int, photo: Path, tmp_path: Path) -> None:
    mask = numbers(255, 255)
    target = write(tmp_path / name, mask if channels == 1 else np.repeat(mask[..., None], 3, 2), quality=100)
    read = read_examples([(photo, target)])
    assert read.palette is None
    (record,) = read.records
    assert len(record.masks) == 1
    assert abs(int(record.masks.areas[0]) - 16) <= 2


def test_a_map_of_numbers_keeps_them(photo: Path, tmp_path: Path) -> None:
    pairs = [
        (photo, write(tmp_path / "a.png", numbers(7, 200))),
        (photo, write(tmp_path / "b.png", numbers(200, 3))),
    ]
    read = read_examples(pairs)
    assert read.numbers.tolist() == [3, 7, 200]
    assert read.palette is not None
    assert len(read.palette) == 3
    assert [record.masks.labels.tolist() for record in read.records] == [[1, 2], [0, 2]]
    assert [record.masks.areas.tolist() for record in read.records] == [[8, 8], [8, 8]]


def test_a_palette_file_is_a_map_of_numbers(photo: Path, tmp_path: Path) -> None:
    image = Image.fromarray(numbers(1, 2)).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "p.png")
    assert read_examples([(photo, tmp_path / "p.png")]).numbers.tolist() == [1, 2]


def test_colours_are_the_palette(photo: Path, tmp_path: Path) -> None:
    table = np.array([[0, 0, 0], [200, 10, 10], [10, 10, 200]], np.uint8)
    read = read_examples([(photo, write(tmp_path / "c.png", table[numbers(1, 2)]))])
    assert read.palette is not None
    assert read.palette.tolist() == [[10, 10, 200], [200, 10, 10]]
    assert read.numbers.tolist() == [1, 2]
    assert read.records[0].masks.labels.tolist() == [0, 1]


def test_bad_targets_are_refused(photo: Path, tmp_path: Path) -> None:
    cases = {
        "all black": (
            np.zeros((8, 10), np.uint8),
            "target must show what to find, got .*, which is all black",
        ),
        "size": (np.ones((10, 8), np.uint8), r"size of its photo .*, 8 x 10 \(height x width\), got 10 x 8"),
    }
    for name, (array, message) in cases.items():
        with pytest.raises(InputError, match=message):
            read_examples([(photo, write(tmp_path / f"{name}.png", array))])
    with pytest.raises(ImageError, match="a file that exists"):
        read_examples([(photo, tmp_path / "missing.png")])


def test_three_hundred_colours_are_a_photo(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photo = write(tmp_path / "photo.png", np.zeros((20, 15, 3), np.uint8))
    many = np.stack([np.arange(300) % 256, np.arange(300) // 256 + 1, rng.integers(0, 256, 300)], -1)
    target = write(tmp_path / "many.png", many.reshape(20, 15, 3).astype(np.uint8))
    with pytest.raises(
        InputError, match=r"at most 255 colours, got 300 in .*many.png. Save it as PNG, painted"
    ):
        read_examples([(photo, target)])


def test_kinds_are_not_mixed(photo: Path, tmp_path: Path) -> None:
    colour = np.zeros((8, 10, 3), np.uint8)
    colour[2:, :, 0] = 200
    pairs = [(photo, write(tmp_path / "a.png", numbers(1, 2))), (photo, write(tmp_path / "b.png", colour))]
    with pytest.raises(InputError, match="targets must be of one kind, got colours and numbers"):
        read_examples(pairs)
    with pytest.raises(InputError, match="pairs must hold at least one example, got none"):
        read_examples([])


def test_a_map_may_lack_some_of_the_numbers(photo: Path, tmp_path: Path) -> None:
    names = ["a.png", "b.png"]
    maps = [numbers(1, 2), numbers(2)]
    read = read_examples([(photo, write(tmp_path / n, m)) for n, m in zip(names, maps, strict=True)])
    assert [record.masks.labels.tolist() for record in read.records] == [[0, 1], [1]]
