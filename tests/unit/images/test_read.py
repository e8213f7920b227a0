"""Images of every kind are read, bad ones refused with a clear sentence."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from anymask.errors import ImageError
from anymask.images import read as images
from anymask.images import write
from anymask.images.painted_masks import read_numbers

SIZE = (24, 36)


def saved(image, path, **options):
    """Write with Pillow."""
    Image.fromarray(image).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("a.png", {}, 0),
        ("a.bmp", {}, 0),
        ("a.tif", {}, 0),
        ("b.tif", {"compression": "tiff_lzw"}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("b.webp", {"quality": 95}, 4),
        ("a.jpg", {"quality": 95, "subsampling": 0}, 3),
        ("b.jpg", {"quality": 95, "progressive": True, "subsampling": 0}, 3),
        ("a.gif", {}, 12),
    ],
)
def test_common_files(tmp_path, image, name, options, error):
    path = saved(image, tmp_path / name, **options)
    read = images.read_image(path)
    assert read.shape == (*SIZE, 3)
    assert read.dtype == np.uint8
    assert read.flags.c_contiguous
    assert np.abs(read.astype(int) - image).mean() <= error
    assert images.image_size(path) == SIZE


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", [{"quality": 60}, {"quality": 90, "subsampling": 0, "progressive": True}])
def test_jpegs_are_decoded_as_pillow_does(tmp_path, image, mode, options):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image).convert(mode).save(tmp_path / "a.jpg", exif=exif, **options)
    expected = np.rot90(np.asarray(Image.open(tmp_path / "a.jpg").convert("RGB")), -1)
    assert np.array_equal(images.read_image(tmp_path / "a.jpg"), expected)


def test_a_jpeg_with_bytes_behind_its_end_is_read(tmp_path, image):
    path = saved(image, tmp_path / "a.jpg")
    whole = images.read_image(path)
    path.write_bytes(path.read_bytes() + b"behind")
    assert np.array_equal(images.read_image(path), whole)


def test_an_opened_jpeg_in_draft_mode_keeps_its_size(tmp_path, rng):
    path = saved(rng.integers(0, 256, (64, 64, 3), np.uint8), tmp_path / "a.jpg")
    opened = Image.open(path)
    opened.draft("RGB", (16, 16))
    assert images.read_image(opened).shape == (16, 16, 3)


def test_every_way_to_give_a_file(tmp_path, image):
    path = saved(image, tmp_path / "a.png")
    data = path.read_bytes()
    for source in (path, str(path), data, io.BytesIO(data), Image.open(path), image):
        assert np.array_equal(images.read_image(source), image)
    with path.open("rb") as file:
        assert np.array_equal(images.read_image(file), image)
    assert images.image_size(data) == SIZE


def test_the_wrong_suffix_does_not_matter(tmp_path, image):
    saved(image, tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(images.read_image(tmp_path / "a.jpg"), image)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }
    path = saved(image, tmp_path / "a.png", exif=exif)
    expected = turns[orientation](image)
    assert np.array_equal(images.read_image(path), expected)
    assert images.image_size(path) == expected.shape[:2]


def test_an_orientation_out_of_range_is_none(tmp_path, image):
    exif = Image.Exif()
    exif[0x0112] = 77
    assert np.array_equal(images.read_image(saved(image, tmp_path / "a.png", exif=exif)), image)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_is_no_reason_to_refuse(tmp_path, image):
    path = saved(image, tmp_path / "a.jpg", quality=95, exif=b"Exif\0\0MM\0*\0\0\xff\xff garbage")
    assert images.read_image(path).shape == (*SIZE, 3)


def test_grey(tmp_path, image):
    grey = image[..., 0]
    read = images.read_image(saved(grey, tmp_path / "a.png"))
    assert np.array_equal(read, np.stack([grey] * 3, axis=-1))
    bits = Image.fromarray(grey > 120)
    bits.save(tmp_path / "b.png")
    assert bits.mode == "1"
    assert np.array_equal(images.read_image(tmp_path / "b.png")[..., 1], (grey > 120) * np.uint8(255))


def test_cmyk(tmp_path):
    ink = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    for name in ("a.tif", "a.jpg"):
        ink.save(tmp_path / name)
        assert np.abs(images.read_image(tmp_path / name).astype(int) - (255, 0, 0)).max() <= 4


def test_palette(tmp_path, image):
    few = Image.fromarray(image).quantize(8)
    few.save(tmp_path / "a.png")
    assert np.array_equal(images.read_image(tmp_path / "a.png"), np.asarray(few.convert("RGB")))


def test_alpha_lies_over_white(tmp_path, image):
    alpha = np.zeros(SIZE, np.uint8)
    alpha[:, 12:] = 255
    alpha[:, 6:12] = 128
    path = saved(np.dstack([image, alpha]), tmp_path / "a.png")
    read = images.read_image(path)
    assert (read[:, :6] == 255).all()
    assert np.array_equal(read[:, 12:], image[:, 12:])
    half = np.rint((image[:, 6:12] * 128.0 + 255 * 127.0) / 255)
    assert np.abs(read[:, 6:12] - half).max() <= 1
    assert np.array_equal(images.read_image(np.dstack([image, alpha])), read)


def test_grey_with_alpha_and_transparent_palette(tmp_path):
    Image.new("LA", (4, 4), (10, 0)).save(tmp_path / "a.png")
    assert (images.read_image(tmp_path / "a.png") == 255).all()
    clear = Image.new("P", (4, 4), 1)
    clear.putpalette([0, 0, 0, 9, 9, 9])
    clear.save(tmp_path / "b.png", transparency=1)
    assert (images.read_image(tmp_path / "b.png") == 255).all()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_grey(tmp_path, name):
    samples = np.linspace(0, 65535, 48).reshape(6, 8).astype(np.uint16)
    cv2.imwrite(str(tmp_path / name), samples)
    expected = np.rint(samples / 257).astype(np.uint8)
    assert np.array_equal(images.read_image(tmp_path / name)[..., 0], expected)
    assert np.array_equal(images.read_image(samples)[..., 2], expected)


def test_12_bits_in_16_by_their_declared_white(tmp_path):
    samples = np.array([[0, 4095, 2048, 5000]], np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), samples)
    assert images.read_image(tmp_path / "a.png", white=4095)[0, :, 0].tolist() == [0, 255, 128, 255]


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bit_colour(tmp_path, rng, name, channels):
    samples = rng.integers(0, 4096, (6, 8, channels)).astype(np.uint16)
    samples[..., 3:] = 65535
    cv2.imwrite(str(tmp_path / name), samples[..., [2, 1, 0, 3][:channels]])
    expected = np.clip(np.rint(samples[..., :3] * np.float32(255 / 65535)), 0, 255)
    assert np.array_equal(images.read_image(tmp_path / name), expected)
    if channels == 3:
        brighter = images.read_image(tmp_path / name, white=4095)
        assert np.array_equal(brighter, np.rint(samples * np.float32(255 / 4095)))


def test_32_bits_need_a_white(tmp_path):
    Image.fromarray(np.array([[0, 70_000]], np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(ImageError, match=r"image must be of 8 or 16 bits a sample, got int32\. Give white="):
        images.read_image(tmp_path / "a.tif")
    assert images.read_image(tmp_path / "a.tif", white=70_000)[0, :, 0].tolist() == [0, 255]
    Image.fromarray(np.array([[0, 0.5, np.nan]], np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(ImageError, match=r"got float32"):
        images.read_image(tmp_path / "f.tif")
    assert images.read_image(tmp_path / "f.tif", white=1)[0, :, 0].tolist() == [0, 128, 0]


def test_white_must_be_positive():
    with pytest.raises(ImageError, match=r"white must be above 0, got 0"):
        images.read_image(np.zeros((2, 2), np.uint16), white=0)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_animations_give_their_first_frame(tmp_path, name):
    frames = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], duration=50)
    red, green, blue = images.read_image(tmp_path / name)[3, 4].astype(int)
    assert red > 245
    assert max(green, blue) < 10


def test_an_opened_image_is_left_open(tmp_path, image):
    opened = Image.open(saved(image, tmp_path / "a.png"))
    images.read_image(opened)
    assert opened.getpixel((0, 0)) == (250, 10, 10)


def png_header(width, height):
    """A PNG file that promises a size and holds nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_missing_file(tmp_path):
    with pytest.raises(
        ImageError, match=r"image must be a file that exists, got .*no\.jpg\. Check the name\."
    ):
        images.read_image(tmp_path / "no.jpg")


def test_folder(tmp_path):
    with pytest.raises(ImageError, match=r"image must be a file, got the folder .*Name one image in it\."):
        images.read_image(tmp_path)


def test_empty_file(tmp_path):
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ImageError, match=r"image must be an image file, got .*a\.jpg, which is empty"):
        images.read_image(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match=r"got no bytes at all"):
        images.read_image(b"")


def test_text_as_image(tmp_path):
    (tmp_path / "a.png").write_text("this is no image\n")
    with pytest.raises(ImageError, match=r"got .*a\.png, which is none\. Give a JPEG, PNG"):
        images.read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.bmp", "a.gif"])
@pytest.mark.parametrize("part", [0.3, 0.8])
def test_truncated(tmp_path, rng, name, part):
    path = saved(rng.integers(0, 256, (64, 64, 3), np.uint8), tmp_path / name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(ImageError, match=r"image must be (an image file|a complete image file), got .*\. G"):
        images.read_image(path)


def test_no_pixels():
    for data in (png_header(0, 0), png_header(5, 0)):
        with pytest.raises(ImageError, match=r"image must be an image file"):
            images.read_image(data)
    with pytest.raises(ImageError, match=r"image must have pixels, got 4 x 0"):
        images.read_image(np.zeros((0, 4, 3), np.uint8))


def test_a_huge_header_is_refused_before_decoding(tmp_path):
    limit = Image.MAX_IMAGE_PIXELS
    (tmp_path / "a.png").write_bytes(png_header(100_000, 100_000))
    for read in (images.read_image, images.image_size, images.read_map):
        with pytest.raises(
            ImageError, match=r"at most 268435456 pixels, got 100000 x 100000 by the header of .*a\.png"
        ):
            read(tmp_path / "a.png")
    assert limit == Image.MAX_IMAGE_PIXELS


def test_max_pixels(image):
    data = write.encode_png(image)
    with pytest.raises(ImageError, match=r"at most 100 pixels, got 36 x 24\. Make it smaller first\."):
        images.read_image(data, max_pixels=100)


def test_headers_of_nothing_else():
    with pytest.raises(ImageError, match=r"which is corrupt or truncated \(.*\)\. Get the file again\."):
        images.read_image(png_header(8, 8))


def test_things_that_are_no_files():
    with pytest.raises(ImageError, match=r"image must be a file name, bytes, .*got int\. Convert it"):
        images.read_image(3)
    with pytest.raises(ImageError, match=r"image must have shape \(H, W\).*got \(4, 5, 2\)"):
        images.read_image(np.zeros((4, 5, 2), np.uint8))
    with pytest.raises(ImageError, match=r"image must hold numbers, got <U1"):
        images.read_image(np.full((2, 2), "x"))


def test_arrays(image):
    grey = image[..., :1]
    assert np.array_equal(images.read_image(grey), np.repeat(grey, 3, axis=2))
    assert np.array_equal(images.read_image(grey[..., 0] > 120)[..., 0], (grey[..., 0] > 120) * np.uint8(255))
    assert images.read_image(image[::-1, ::2]).flags.c_contiguous


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_that_are_whole_numbers_are_a_mask(tmp_path, dtype):
    numbers = np.array([[0, 1, 2, 255]], dtype)
    tifffile.imwrite(tmp_path / "a.tif", numbers)
    assert images.read_map(tmp_path / "a.tif").tolist() == numbers.tolist()
    assert read_numbers(tmp_path / "a.tif").tolist() == numbers.tolist()
    tifffile.imwrite(tmp_path / "b.tif", numbers / 2)
    for read in (images.read_map, read_numbers):
        with pytest.raises(ImageError, match=r"mask must hold whole numbers, got .*b\.tif with fractions"):
            read(tmp_path / "b.tif")


def test_maps_are_read_as_numbers(tmp_path, image):
    numbers = np.array([[0, 1, 2, 255]], np.uint8)
    palette = Image.fromarray(numbers).convert("P")
    palette.putpalette(list(range(256)) * 3)
    palette.save(tmp_path / "p.png")
    assert np.array_equal(images.read_map(tmp_path / "p.png"), numbers)
    assert np.array_equal(images.read_map(saved(np.dstack([numbers] * 3), tmp_path / "g.png")), numbers)
    Image.fromarray(numbers > 0).save(tmp_path / "b.png")
    assert images.read_map(tmp_path / "b.png").tolist() == [[0, 255, 255, 255]]
    with pytest.raises(ImageError, match=r"mask must be a grey or palette image, got .*c\.png in colour"):
        images.read_map(saved(image, tmp_path / "c.png"))
    (tmp_path / "c.png").write_bytes((tmp_path / "c.png").read_bytes()[:-40])
    with pytest.raises(ImageError, match="corrupt or truncated"):
        images.read_map(tmp_path / "c.png")
