"""Masks drawn on images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from anymask.errors import InputError
from anymask.images import drawing
from anymask.images.colours import palette
from anymask.images.overlay import contact_sheet, overlay

SIZE = (24, 36)


def test_overlay_tints_masks_and_nothing_else(image):
    big, small = np.zeros((2, *SIZE), bool)
    big[2:20, 2:30] = True
    small[8:14, 8:14] = True
    out = overlay(image, [small, big])
    assert out.shape == image.shape
    assert out.dtype == np.uint8
    far = ~cv2.dilate(big.astype(np.uint8), np.ones((7, 7))).astype(bool)
    assert np.array_equal(out[far], image[far])
    tint = (out[10, 10].astype(int) - image[10, 10], out[16, 20].astype(int) - image[16, 20])
    assert np.abs(tint[0]).max() > 10
    assert not np.array_equal(*tint)  # the small mask shows on top of the large one


def test_hidden_masks_are_not_drawn(image):
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 2:20, 2:30] = masks[1, 8:14, 8:14] = True
    alone = overlay(image, masks[:1], ids=False)
    assert np.array_equal(overlay(image, masks, ids=False, hidden=np.array([False, True])), alone)
    assert not np.array_equal(overlay(image, masks, ids=False), alone)
    sheets = [
        contact_sheet([image], [masks], 1, 200, hidden=hidden)
        for hidden in (None, [np.zeros(2, bool)], [np.array([False, True])])
    ]
    assert np.array_equal(sheets[0], sheets[1])
    assert not np.array_equal(sheets[0], sheets[2])


def test_overlay_shows_on_an_object_of_the_palettes_own_colour():
    image = np.zeros((40, 60, 3), np.uint8)
    masks = np.zeros((2, 40, 60), bool)
    masks[0, 5:35, 5:25] = masks[1, 5:35, 35:55] = True
    image[masks[0]], image[masks[1]] = palette(2)
    out = overlay(image, masks, ids=False)
    given = overlay(image, masks, ids=False, colours=palette(2))
    for mask in masks:
        inside = cv2.erode(mask.view(np.uint8), np.ones((21, 15))) > 0
        assert np.array_equal(given[inside], image[inside])  # not to be seen
        assert np.abs(out[inside].astype(int) - image[inside]).sum(axis=1).min() > 90


def test_overlay_of_nothing_and_of_many(image):
    assert np.array_equal(overlay(image, []), image)
    assert np.array_equal(overlay(image, [np.zeros(SIZE, bool)]), image)
    assert np.array_equal(overlay(image, np.zeros((300, *SIZE), bool)), image)


def discs(count, rng, side=256):
    y, x = np.mgrid[:side, :side]
    for _ in range(count):
        cx, cy, radius = rng.uniform(0, side), rng.uniform(0, side), rng.uniform(3, 20)
        yield (x - cx) ** 2 + (y - cy) ** 2 < radius**2


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_outlines_show_on_any_ground(ground):
    image = np.full((80, 80, 3), ground, np.uint8)
    mask = np.zeros((80, 80), bool)
    mask[20:60, 20:60] = True
    row = overlay(image, [mask])[40].astype(int)  # across two edges
    assert np.abs(row[15:25] - ground).max() > 90, "something stands out on the edge"
    assert np.abs(np.diff(row[15:25], axis=0)).max() > 90


def test_numbers_stand_where_the_mask_shows(rng):
    image = np.full((200, 200, 3), 90, np.uint8)
    big, small = np.zeros((2, 200, 200), bool)
    big[10:190, 10:190] = True
    small[60:150, 40:160] = True  # over the middle of the big one
    plain, numbered = (overlay(image, [big, small], ids=ids) for ids in (False, True))
    changed = (plain != numbered).any(axis=2)
    assert changed[small].any()
    assert changed[big & ~small].any()
    assert not changed[100, 10:40].any()
    assert np.array_equal(overlay(image, [big]), overlay(image, [big], ids=False))


def test_deepest_pixels(rng):
    numbers = np.zeros((9, 20), np.int32)
    numbers[1:8, 1:8] = 2
    numbers[2:5, 10:19] = 1
    found = drawing.deepest_pixels(numbers, 3)
    assert found[1].tolist() == [4.5, 4.5, 3.5]
    assert (found[0, 1], found[0, 2], found[2].tolist()) == (3.5, 1.5, [0, 0, 0])


def test_an_overlay_of_a_thousand_masks(rng):
    image = np.zeros((256, 256, 3), np.uint8)
    out = overlay(image, discs(1000, rng))
    assert out.any(axis=2).mean() > 0.9


def test_a_contact_sheet(photos, image):
    images = [photos / "cat.jpg", image, np.zeros((10, 300, 3), np.uint8)]
    masks = [[np.ones((300, 451), bool)], [], [np.ones((10, 300), bool)]]
    sheet = contact_sheet(images, masks, 2, 500, names=["cat", "a very long name " * 9, ""])
    assert (sheet.shape[1:], sheet.dtype) == ((500, 3), np.uint8)
    cell = (500 - 3 * 8) // 2
    assert sheet.shape[0] == 3 * 8 + round(300 / 451 * cell) + round(10 / 300 * cell)
    assert (sheet[:8] == 24).all()
    assert (sheet[:, :8] == 24).all()
    assert contact_sheet([], [], 2, 500).shape == (8, 500, 3)
    with pytest.raises(
        InputError, match=r"columns must be 1 or more with 32 pixels each, got 90 in a width of 500"
    ):
        contact_sheet([], [], 90, 500)


def test_masks_may_have_numbers_of_their_own(image):
    masks = np.zeros((2, *SIZE), bool)
    masks[0, 2:22, 2:18] = masks[1, 2:22, 18:34] = True
    image, masks = (np.repeat(np.repeat(it, 8, axis), 8, axis + 1) for it, axis in ((image, 0), (masks, 1)))
    drawn = [overlay(image, masks, numbers=numbers) for numbers in (None, [1, 2], [7, 9])]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
