"""Near-duplicate images by their hashes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anymask.data.analysis import duplicates
from anymask.data.analysis.duplicates import NEAR, WORDS, ImageHashes, difference_hash
from anymask.images.bundled_photos import sample_photos
from anymask.images.read import read_image

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def photos() -> dict[str, Pixels]:
    return {path.stem: read_image(path) for path in sample_photos()}


def copies(pixels: Pixels) -> dict[str, Pixels]:
    """Copies of an image as they lie in data sets."""
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=50)
    return {
        "smaller": np.asarray(image.resize((image.width // 2, image.height // 2))),
        "recompressed": np.asarray(Image.open(file)),
        "darker": (pixels * 0.7).astype(np.uint8),
    }


def test_copies_are_found_and_other_images_are_not(photos: dict[str, Pixels]) -> None:
    found = ImageHashes()
    for name, pixels in photos.items():
        found.add(name, pixels)
    assert found.to_dict() == {"images": 0, "groups": []}
    for name, pixels in list(photos.items())[:2]:
        for kind, copy in copies(pixels).items():
            found.add(f"{name}, {kind}", copy)
    first, second = list(photos)[:2]
    assert found.to_dict()["images"] == 6
    assert {tuple(group) for group in found.to_dict()["groups"]} == {
        (name, f"{name}, smaller", f"{name}, recompressed", f"{name}, darker") for name in (first, second)
    }


def test_every_pair_within_the_distance_is_found() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (400, WORDS * 16), np.uint8)
    near = bits[:200].copy()
    for row, count in zip(near, rng.integers(0, NEAR + 1, 200), strict=True):
        row[rng.choice(WORDS * 16, count, replace=False)] ^= 1
    found = ImageHashes([str(n) for n in range(600)], bytearray(np.packbits(np.concatenate([bits, near]))))
    assert found.groups() == [[row, 400 + row] for row in range(200)]


def test_many_equal_images_are_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "LISTED", 1)
    found, plain = ImageHashes(), np.zeros((20, 30, 3), np.uint8)
    for number in range(100):
        found.add(str(number), plain)
    steps = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    for number in range(100, 102):
        found.add(str(number), steps)
    assert found.to_dict()["images"] == 100
    assert [len(group) for group in found.to_dict()["groups"]] == [100]
    assert ImageHashes().to_dict() == {"images": 0, "groups": []}
    assert difference_hash(plain).sum() == 0
