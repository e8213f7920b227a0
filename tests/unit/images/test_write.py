"""PNG and JPEG files out."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from anymask.errors import ImageError, InputError, OutputError
from anymask.images import read as images
from anymask.images import write


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
def test_png_round_trip(rng, shape):
    array = rng.integers(0, 256, shape).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(write.encode_png(array)))), array)


def test_png_of_masks_and_16_bits():
    mask = np.eye(5, dtype=bool)
    assert np.array_equal(images.read_map(write.encode_png(mask)), mask * np.uint8(255))
    wide = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    assert np.array_equal(images.read_map(write.encode_png(wide)), wide)


def test_png_refuses_what_it_cannot_hold():
    with pytest.raises(ImageError, match=r"image must be \(H, W\) or \(H, W, 3\) of uint8, got float64"):
        write.encode_png(np.zeros((3, 3)))
    with pytest.raises(ImageError, match=r"got uint8 of shape \(3, 3, 2\)"):
        write.encode_png(np.zeros((3, 3, 2), np.uint8))


def test_write_png_is_atomic_and_keeps_files(tmp_path, image):
    path = write.write_png(image, tmp_path / "a.png")
    assert np.array_equal(images.read_image(path), image)
    with pytest.raises(OutputError, match="which exists"):
        write.write_png(image, path)
    write.write_png(image[:5], path, force=True)
    assert images.image_size(path) == (5, 36)


def test_jpeg_files(image):
    back = np.asarray(Image.open(io.BytesIO(write.encode_jpeg(image))))
    assert back.shape == image.shape
    assert write.encode_jpeg(np.zeros((65_500, 1, 3), np.uint8))[:2] == b"\xff\xd8"
    with pytest.raises(InputError, match="sides of at most 65500 pixels for a JPEG file, got 1 x 65501"):
        write.encode_jpeg(np.zeros((1, 65_501, 3), np.uint8))
