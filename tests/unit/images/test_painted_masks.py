"""Painted targets are one thing where a person sees one, and maps of numbers stay as they are."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from anymask.errors import ImageError, InputError
from anymask.formats import png
from anymask.formats.example_masks import read_examples
from anymask.images.painted_masks import read_numbers, read_painting

SIZE = (120, 160)


def disc(factor: int = 1) -> np.ndarray:
    """An ellipse, True inside, `factor` times as large as SIZE."""
    y, x = np.mgrid[: SIZE[0] * factor, : SIZE[1] * factor]
    return ((x / factor - 80) / 45) ** 2 + ((y / factor - 60) / 32) ** 2 < 1


HARD = disc()


def smooth(how: str) -> np.ndarray:
    """The ellipse in white on black, its edges soft in one of many ways: (H, W) uint8."""
    white = HARD * np.uint8(255)
    large = Image.fromarray(disc(8) * np.uint8(255))
    if how in ("lanczos", "bilinear", "box"):
        return np.asarray(large.resize(SIZE[::-1], getattr(Image.Resampling, how.upper())))
    if how == "twice":
        return np.asarray(Image.fromarray(disc(2) * np.uint8(255)).resize(SIZE[::-1], Image.Resampling.BOX))
    return cv2.blur(white, (3, 3)) if how == "blur" else cv2.GaussianBlur(white, (0, 0), float(how))


SOFT = ("lanczos", "bilinear", "box", "twice", "blur", "1", "3", "6")


def iou(found: np.ndarray, right: np.ndarray = HARD) -> float:
    return (found & right).sum() / (found | right).sum()


def write(path: Path, array: np.ndarray, **options) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


@pytest.mark.parametrize("how", SOFT)
@pytest.mark.parametrize("mode", ["L", "RGB", "red"])
@pytest.mark.parametrize("name", ["a.png", "a.webp", "lossy.webp", "a.jpg", "a.tif"])
def test_soft_edges_are_one_thing(tmp_path, how, mode, name):
    grey = smooth(how)
    array = grey if mode == "L" else np.stack([grey] * 3, -1)
    if mode == "red":
        array = array * np.array([1, 0, 0], np.uint8)
    write(tmp_path / name, array, **({"lossless": True} if name == "a.webp" else {}))
    painting = read_painting(tmp_path / name)
    colours = np.unique(painting.values)
    assert len(colours) == 2
    assert painting.kind == ("colours" if mode == "red" else "numbers")
    assert iou(painting.values != 0) > 0.97
    if mode != "red":
        assert colours.tolist() == [0, 255]


@pytest.mark.parametrize("how", SOFT)
def test_several_soft_things_keep_their_colours(tmp_path, how):
    grey = smooth(how).astype(float) / 255
    colours = [(255, 0, 0), (0, 200, 0), (40, 60, 250)]
    array = np.concatenate([np.rint(grey[..., None] * colour) for colour in colours], axis=1).astype(np.uint8)
    for name in ("a.png", "a.jpg", "a.webp"):
        values = read_painting(write(tmp_path / name, array)).values
        assert len(np.unique(values)) == 4
        for place in range(3):
            part = values[:, 160 * place : 160 * (place + 1)]
            assert len(np.unique(part)) == 2
            assert iou(part != 0) > 0.97
    levels = np.concatenate([np.rint(grey * level) for level in (85, 170, 255)], axis=1).astype(np.uint8)
    assert np.unique(read_painting(write(tmp_path / "g.png", levels)).values).tolist() == [0, 85, 170, 255]


def rgba(
    colour: tuple[int, int, int], ground: tuple[int, int, int] = (0, 0, 0), most: int = 255
) -> np.ndarray:
    out = np.zeros((*SIZE, 4), np.uint8)
    out[..., :3] = np.where(HARD[..., None], colour, ground)
    out[..., 3] = HARD * most
    return out


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (255, 0, 0)])
@pytest.mark.parametrize("ground", [(0, 0, 0), (255, 255, 255), (9, 8, 7)])
@pytest.mark.parametrize("most", [255, 120])
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_transparent_is_nothing(tmp_path, colour, ground, most, name):
    write(tmp_path / name, rgba(colour, ground, most), **({"lossless": True} if name == "a.webp" else {}))
    painting = read_painting(tmp_path / name)
    assert np.array_equal(painting.values != 0, HARD)
    assert len(np.unique(painting.values)) == 2


def test_transparency_of_greys_and_palettes(tmp_path):
    grey = np.dstack([HARD * np.uint8(255), np.full(SIZE, 255, np.uint8)])
    assert np.array_equal(read_numbers(write(tmp_path / "a.png", grey)) != 0, HARD)
    Image.fromarray(HARD * np.uint8(255)).save(tmp_path / "k.png", transparency=0)
    assert np.array_equal(read_numbers(tmp_path / "k.png") != 0, HARD)
    palette = Image.fromarray(np.where(HARD, 3, 1).astype(np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 9, 9, 9, 0, 0, 0, 200, 0, 0])
    palette.save(tmp_path / "p.png", transparency=1)
    assert np.unique(read_numbers(tmp_path / "p.png")).tolist() == [0, 3]


def palette_image(colours: list[tuple[int, int, int]], numbers: np.ndarray) -> Image.Image:
    image = Image.fromarray(numbers.astype(np.uint8))
    image.putpalette([channel for colour in colours for channel in colour])
    return image


@pytest.mark.parametrize(("colours", "name"), [(16, "a.png"), (64, "a.gif")])
@pytest.mark.parametrize("grey", [False, True])
def test_soft_edges_of_a_palette_are_no_numbers(tmp_path, colours, name, grey):
    large = Image.new("RGB", (480, 360))
    draw = ImageDraw.Draw(large)
    draw.ellipse((60, 60, 210, 270), fill="white" if grey else "red")
    draw.rectangle((270, 90, 430, 300), fill="white" if grey else (0, 128, 255))
    truth = np.asarray(large.resize((120, 90), Image.Resampling.NEAREST)).any(axis=2)
    large.resize((120, 90), Image.Resampling.LANCZOS).quantize(colours).save(tmp_path / name)
    painting = read_painting(tmp_path / name)
    assert painting.kind == "numbers"
    assert len(np.unique(painting.values[painting.values > 0])) == (1 if grey else 2)
    found = painting.values > 0
    assert (found & truth).sum() > 0.97 * (found | truth).sum()


def test_numbers_of_a_palette_with_borders_stay(tmp_path):
    numbers = np.zeros((40, 60), np.uint8)
    numbers[5:30, 5:25], numbers[8:27, 8:22] = 255, 15  # VOC's void around an object
    numbers[5:30, 30:50], numbers[8:27, 33:47] = 255, 2
    numbers[35, 3:9] = 7
    colours = [(at % 64 * 4, at * 7 % 256, at * 13 % 256) for at in range(255)] + [(224, 224, 192)]
    palette_image([(0, 0, 0), *colours[1:]], numbers).save(tmp_path / "a.png")
    assert np.array_equal(read_painting(tmp_path / "a.png").values, numbers)


def test_an_orientation_turns_masks(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    write(tmp_path / "a.png", HARD * np.uint8(255), exif=exif)
    assert np.array_equal(read_numbers(tmp_path / "a.png") != 0, np.rot90(HARD, -1))


def random_map(seed: int, count: int, largest: int, gap: int) -> np.ndarray:
    """A map of boxes and discs with numbers, which may touch."""
    rng = np.random.default_rng(seed)
    out = np.zeros((60, 80), np.uint16)
    for number in range(1, count + 1):
        x, y, r = rng.integers(0, 80), rng.integers(0, 60), rng.integers(0, largest + 1)
        piece = np.zeros(out.shape, np.uint8)
        shape = cv2.circle if rng.random() < 0.5 else None
        if shape is None:
            cv2.rectangle(piece, (int(x), int(y)), (int(x + r), int(y + r)), 1, -1)
        else:
            cv2.circle(piece, (int(x), int(y)), int(r), 1, -1)
        around = cv2.dilate(piece, np.ones((2 * gap + 1, 2 * gap + 1), np.uint8)) > 0
        if not gap or not out[around].any():
            out[piece > 0] = number
    return out


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 300), st.integers(0, 12), st.integers(0, 1))
def test_maps_of_numbers_stay_as_they_are(seed, count, largest, gap):
    numbers = random_map(seed, count, largest, gap)
    file = io.BytesIO()
    Image.fromarray(numbers if numbers.max() > 255 else numbers.astype(np.uint8)).save(file, "png")
    assert np.array_equal(read_numbers(file.getvalue()), numbers)


def test_cells_that_fill_the_image_stay_as_they_are(rng):
    for count in (5, 40, 250):
        seeds = rng.integers(0, 100, (count, 2))
        y, x = np.mgrid[:100, :100]
        nearest = ((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2).argmin(axis=2)
        for first in (0, 1):
            file = io.BytesIO()
            Image.fromarray((nearest + first).astype(np.uint16)).save(file, "png")
            assert np.array_equal(read_numbers(file.getvalue()), nearest + first)


def test_a_drawn_border_stays(tmp_path):
    numbers = HARD * np.uint8(2)
    numbers[cv2.erode(HARD.view(np.uint8), np.ones((3, 3))).astype(bool) != HARD] = 1
    assert np.array_equal(read_numbers(write(tmp_path / "a.png", numbers)), numbers)


def test_masks_of_a_folder_are_read_so(tmp_path):
    (tmp_path / "m").mkdir()
    write(tmp_path / "m" / "000.png", smooth("3"))
    write(tmp_path / "m" / "001.png", rgba((0, 0, 0)))
    masks = png.read_folder(tmp_path / "m")
    assert [iou(mask) > 0.97 for mask in masks.dense()] == [True, True]
    found, _ = png.read_masks(tmp_path / "m" / "000.png")
    assert found.labels.tolist() == [255]


def test_colours_are_no_numbers(tmp_path):
    write(tmp_path / "a.png", np.stack([HARD * np.uint8(255), 0 * HARD, 0 * HARD], -1).astype(np.uint8))
    with pytest.raises(ImageError, match=r"mask must be a grey or palette image, got .*a\.png in colour"):
        read_numbers(tmp_path / "a.png")


def test_more_than_a_hundred_things_are_asked_about(tmp_path):
    numbers = np.zeros(SIZE, np.uint8)
    numbers[::10, ::10] = np.arange(1, 193).reshape(12, 16)
    target = write(tmp_path / "t.png", numbers)
    photo = write(tmp_path / "p.png", np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(
        InputError,
        match=r"at most 100 objects in an image of this size, got 192 in .*t\.png.*add --many \(many=True\)",
    ):
        read_examples([(photo, target)])
    assert len(read_examples([(photo, target)], many=True).numbers) == 192


def test_one_thing_of_an_example(tmp_path):
    photo = write(tmp_path / "p.png", np.zeros((*SIZE, 3), np.uint8))
    for name, array in {
        "aa.png": smooth("lanczos"),
        "t.png": rgba((255, 255, 255)),
        "w.webp": smooth("1"),
    }.items():
        examples = read_examples([(photo, write(tmp_path / name, array))])
        assert examples.palette is None
        assert examples.numbers.tolist() == [255]
        assert iou(examples.records[0].masks.dense()[0]) > 0.97


def test_drawn_text_and_lines_are_one_thing(tmp_path):
    large = Image.new("L", (640, 480))
    ImageDraw.Draw(large).rounded_rectangle((100, 80, 500, 400), 60, fill=255)
    grey = np.asarray(large.resize((160, 120), Image.Resampling.LANCZOS))
    assert np.unique(read_numbers(write(tmp_path / "a.png", grey))).tolist() == [0, 255]
