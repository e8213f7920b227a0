"""Images of any depth are shown by one rule, which says what it chose."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from anymask.errors import ImageError, ImageWarning, InputError
from anymask.images import read as images
from anymask.images import tiff
from anymask.images.bands import Bands, read_bands, to_rgb
from anymask.images.display import open_windows, read_display, shown_format


def cells(rng: np.random.Generator, most: int) -> np.ndarray:
    """(60, 80) uint16: a bright disc on a dark ground, both noisy."""
    y, x = np.mgrid[:60, :80]
    inside = (x - 40) ** 2 + (y - 30) ** 2 < 300
    return np.where(inside, most * 0.9, most * 0.05).astype(np.uint16) + rng.integers(0, 20, (60, 80)).astype(
        np.uint16
    )


def save(path: Path, array: np.ndarray, **options) -> Path:
    if path.suffix == ".png":
        cv2.imwrite(str(path), array if array.ndim == 2 else array[..., ::-1])
    else:
        tifffile.imwrite(path, array, metadata=None, **options)
    return path


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
@pytest.mark.parametrize("most", [200, 2000, 4095, 8000])
def test_what_would_be_black_is_stretched_with_a_note(tmp_path, rng, name, most):
    array = cells(rng, most)
    path = save(tmp_path / name, array)
    for source in (path, path.read_bytes()):
        with pytest.warns(ImageWarning, match=r"would be black and is stretched to its percentiles 2 and 98"):
            shown = read_display(source)
        assert np.array_equal(shown, to_rgb(array, Bands((1,))))
    assert images.read_image(path).max() < 32, "the range that 16 bits declare"


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_what_can_be_seen_is_left_as_declared(tmp_path, rng, name):
    path = save(tmp_path / name, cells(rng, 40_000))
    assert np.array_equal(read_display(path), images.read_image(path))
    dark = save(tmp_path / "dark.png", np.full((9, 9, 3), 3, np.uint8))
    assert (read_display(dark) == 3).all()


@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "i4", "u4"])
def test_samples_without_a_white_are_stretched_with_a_note(tmp_path, rng, kind):
    array = (cells(rng, 2000).astype(float) - (1000 if kind[0] != "u" else 0)).astype(kind)
    path = save(tmp_path / "a.tif", array)
    with pytest.warns(ImageWarning, match=r"a\.tif has samples without a declared white"):
        shown = read_display(path)
    assert np.array_equal(shown, to_rgb(array, Bands((1,))))


@pytest.mark.parametrize(("count", "order"), [(2, (1,)), (5, (1, 2, 3))])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_other_numbers_of_channels(tmp_path, rng, count, order, kind):
    array = rng.integers(0, np.iinfo(kind).max, (20, 30, count)).astype(kind)
    path = save(tmp_path / "a.tif", array, photometric="minisblack", planarconfig="contig")
    with pytest.warns(
        ImageWarning, match=rf"has {count} channels, of which {', '.join(map(str, order))} are shown"
    ):
        shown = read_display(path)
    limits = (0, 255) if kind is np.uint8 else None
    assert np.array_equal(shown, to_rgb(array, Bands(order, limits=limits)))
    with pytest.raises(ImageError, match=rf"image must have 1 channel or 3, got {count}"):
        images.read_image(path)
    assert np.array_equal(
        read_display(path, Bands((2,), limits=(0, 99)))[..., 0],
        to_rgb(array, Bands((2,), limits=(0, 99)))[..., 0],
    )


def test_bands_are_followed_without_a_note(tmp_path, rng):
    array = cells(rng, 2000)
    path = save(tmp_path / "a.tif", array)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = read_display(path, Bands(limits=(0, 4095)))
    assert np.abs(shown[..., 0] - array * (255 / 4095)).max() <= 1
    with pytest.raises(InputError, match="bands must be numbers from 1 to 1"):
        read_display(path, Bands((1, 2, 3)))


def test_white_is_zero_is_shown_bright(tmp_path, rng):
    array = 65535 - cells(rng, 2000)
    path = save(tmp_path / "a.tif", array, photometric="miniswhite")
    with pytest.warns(ImageWarning, match="would be black"):
        shown = read_display(path)
    assert shown[30, 40, 0] == 255
    assert shown[0, 0, 0] < 20


def test_nodata_does_not_count(tmp_path, rng):
    array = cells(rng, 2000).astype(np.float32)
    array[:10] = -9999
    path = save(tmp_path / "a.tif", array, extratags=[(42113, 2, 6, "-9999", True)])
    with pytest.warns(ImageWarning, match="without a declared white"):
        shown = read_display(path)
    assert (shown[:10] == 0).all()
    assert np.array_equal(shown[10:], to_rgb(array[10:], Bands((1,))))


def test_a_stack_says_which_plane_is_shown(tmp_path, rng):
    stack = rng.integers(0, 256, (4, 20, 30)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": "ZYX"}, photometric="minisblack")
    with pytest.warns(ImageWarning, match=r"has 4 planes; the first is used, choose by \[z=N\]"):
        assert np.array_equal(read_display(tmp_path / "a.ome.tif")[..., 0], stack[0])
    assert np.array_equal(read_display(f"{tmp_path}/a.ome.tif[z=3]")[..., 0], stack[3])
    frames = [Image.new("L", (8, 6), value) for value in (10, 20)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(ImageWarning, match=r"a\.gif is animated; its first frame is used"):
        read_display(tmp_path / "a.gif")


@pytest.mark.parametrize(
    "options", [{"tile": (64, 64)}, {"rowsperstrip": 16}, {"tile": (64, 64), "compression": "zlib"}]
)
@pytest.mark.parametrize("bands", [None, Bands(limits=(0, 3000)), Bands((3, 1, 2), (1, 99))])
@pytest.mark.filterwarnings("ignore::anymask.errors.ImageWarning")
def test_windows_show_what_the_whole_shows(tmp_path, rng, options, bands):
    array = rng.integers(0, 3000, (200, 250, 3)).astype(np.uint16)
    path = save(tmp_path / "a.tif", array, photometric="rgb", extratags=[(274, 3, 1, 6, True)], **options)
    windows = open_windows(path, bands)
    assert windows.size_hw == (250, 200)
    whole = windows.read((0, 0, 200, 250))
    assert np.abs(whole - read_display(path, bands).astype(int)).max() <= 1
    assert np.array_equal(windows.read((20, 30, 90, 70)), whole[30:70, 20:90])


def test_only_what_a_window_needs_is_read(tmp_path, monkeypatch, rng):
    array = rng.integers(0, 255, (4096, 4096)).astype(np.uint8)
    for options in ({"tile": (256, 256)}, {"rowsperstrip": 4096}):
        path = save(tmp_path / "a.tif", array, **options)
        windows = open_windows(path)
        read: list[int] = []

        def counted(*args, read=read):
            read.append(len(found := BYTES_AT(*args)))
            return found

        monkeypatch.setattr(tiff, "_bytes_at", counted)
        assert np.array_equal(windows.read((300, 300, 500, 400))[..., 0], array[300:400, 300:500])
        monkeypatch.undo()
        assert 0 < sum(read) <= 100 * 4096


BYTES_AT = tiff._bytes_at


def test_files_that_windows_do_not_suit(tmp_path, rng):
    assert open_windows(save(tmp_path / "a.png", cells(rng, 60_000))) is None
    assert open_windows(save(tmp_path / "a.tif", cells(rng, 60_000), compression="zlib")) is None


def test_what_a_browser_shows_itself(tmp_path, rng):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.jpg")
    assert shown_format(tmp_path / "a.jpg", None) == "JPEG"
    assert shown_format(tmp_path / "a.jpg", Bands((1,))) == ""
    assert shown_format(save(tmp_path / "deep.png", cells(rng, 900)), None) == ""
    assert shown_format(save(tmp_path / "a.tif", cells(rng, 900)), None) == ""


def test_options_are_read():
    assert read_bands(None, None, None) is None
    assert read_bands("", "", "") is None
    assert read_bands("4,3,2", None, "0,4000") == Bands((4, 3, 2), limits=(0, 4000))
    assert read_bands(None, "1,99", None) == Bands(stretch=(1, 99))
    for wrong in (("a", None, None), (None, "98", None), (None, None, "0,inf"), ("1.5", None, None)):
        with pytest.raises(InputError, match="must be"):
            read_bands(*wrong)
