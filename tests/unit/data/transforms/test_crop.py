from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.data.transforms.crop import FILL, CropWindow, Placement
from anymask.geometry import rle


@st.composite
def windows(draw) -> CropWindow:
    size_hw = (draw(st.integers(3, 40)), draw(st.integers(3, 40)))
    zoom = draw(st.floats(0.3, 3))
    size = draw(st.integers(8, 40))
    flip = draw(st.booleans())
    if draw(st.booleans()):
        at = np.array([draw(st.floats(0, 1)), draw(st.floats(0, 1))])
        return CropWindow.anywhere(size_hw, size, zoom, at, flip=flip)
    centre = np.array([draw(st.floats(-5, 45)), draw(st.floats(-5, 45))])
    return CropWindow.around(size_hw, size, zoom, centre, flip=flip)


@given(windows())
def test_a_window_shows_as_much_image_as_fits(window):
    x0, y0, x1, y1 = window.frame
    assert x1 - x0 == min(window.size, window.scaled_hw[1])
    assert y1 - y0 == min(window.size, window.scaled_hw[0])
    assert np.count_nonzero(window.content()) == (x1 - x0) * (y1 - y0)


@given(windows(), st.integers(0, 1000))
def test_image_and_masks_stay_aligned(window, seed):
    """A mask painted into an image must be where the image shows it, but for mixed pixels."""
    rng = np.random.default_rng(seed)
    h, w = window.size_hw
    x0, y0 = rng.integers(0, w), rng.integers(0, h)
    mask = np.zeros((h, w), bool)
    mask[y0 : rng.integers(y0, h) + 1, x0 : rng.integers(x0, w) + 1] = True
    image = np.zeros((h, w, 3), np.uint8)
    image[mask] = 255
    shown = window.image(image)[:, :, 0].astype(int)
    found = window.whole(rle.encode(mask))
    content = window.content()
    assert not found[~content].any()
    assert (shown[~content] == FILL[0]).all()
    sharp = content & ((shown < 30) | (shown > 225))
    assert (found[sharp] == (shown[sharp] > 127)).mean() > 0.97 if sharp.any() else True
    if min(window.zoom_xy) >= 1:
        clear = content & (np.abs(shown - 127) > 16)
        assert (found[clear] == (shown[clear] > 127)).all()


@given(windows())
def test_a_mask_of_everything_fills_the_content(window):
    full = rle.encode(np.ones(window.size_hw, bool))
    assert (window.whole(full) == window.content()).all()


def test_scale_1_is_a_copy():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    mask = rng.random((20, 30)) > 0.5
    window = CropWindow.anywhere((20, 30), 10, 1.0, np.array([0.5, 0.5]))
    x, y = window.offset_xy
    assert (window.image(image) == image[y : y + 10, x : x + 10]).all()
    assert (window.whole(rle.encode(mask)) == mask[y : y + 10, x : x + 10]).all()
    mirrored = CropWindow.anywhere((20, 30), 10, 1.0, np.array([0.5, 0.5]), flip=True)
    assert (mirrored.image(image) == image[y : y + 10, x : x + 10][:, ::-1]).all()


def test_the_corners_are_reached():
    for at, offset in ((0.0, (0, 0)), (1.0, (20, 10))):
        assert CropWindow.anywhere((20, 30), 10, 1.0, np.array([at, at])).offset_xy == offset
        small = CropWindow.anywhere((20, 30), 40, 1.0, np.array([at, at])).offset_xy
        assert small == ((0, 0) if at == 0 else (-10, -20))


def test_placement_knows_areas_and_centres():
    masks = np.zeros((2, 20, 20), bool)
    masks[0, :4, :4] = True
    masks[1, 10:20, 10:20] = True
    placement = Placement([rle.encode(mask) for mask in masks], (20, 20))
    assert placement.centre(1).tolist() == [15, 15]
    window = CropWindow.anywhere((20, 20), 15, 1.0, np.zeros(2))
    assert placement.visible_areas(window).tolist() == [16, 25]
    assert np.count_nonzero(placement.mask(1, window)) == 25
    assert len(Placement([], (20, 20)).visible_areas(window)) == 0


def test_an_empty_or_hidden_mask_is_empty():
    window = CropWindow.anywhere((20, 20), 10, 1.0, np.zeros(2))
    hidden = np.zeros((20, 20), bool)
    assert not window.whole(rle.encode(hidden)).any()
    hidden[15:, 15:] = True
    assert not window.whole(rle.encode(hidden)).any()


def test_shown_frame_is_mirrored():
    window = CropWindow.anywhere((10, 10), 20, 1.0, np.zeros(2), flip=True)
    assert window.frame == (0, 0, 10, 10)
    assert window.shown_frame == (10, 0, 20, 10)
    assert window.content()[:10, 10:].all()
    assert pytest.approx(window.zoom_xy) == [1, 1]
