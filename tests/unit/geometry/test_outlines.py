from __future__ import annotations

import numpy as np
import pytest

from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.geometry.outlines import FINER, guide, outline

SIZE = (210, 300)


def disc(size=SIZE, centre=(0.43, 0.57), radius=0.21):
    y, x = np.mgrid[: size[0], : size[1]] / size[0]
    return (x - centre[1]) ** 2 + (y - centre[0]) ** 2 < radius**2


def framed(size=SIZE, longest=96):
    return Frame.fit(size, longest, square=False, multiple=32)


def soft_logits(frame, mask):
    """What a network with a coarse grid gives: the share of each cell, as if blurred."""
    return np.asarray(6 * (frame.mask_to_grid(mask) - 0.5), np.float32)


def coloured(mask, inside=(200, 40, 60), outside=(30, 90, 160), noise=6):
    image = np.where(mask[..., None], inside, outside) + np.random.default_rng(0).normal(
        0, noise, (*mask.shape, 3)
    )
    return np.clip(image, 0, 255).astype(np.uint8)


def iou(runs, mask):
    return rle.iou([runs], [rle.encode(mask)])[0, 0]


@pytest.mark.parametrize("size", [SIZE, (301, 211), (1400, 2000), (50, 40)])
def test_outlines_follow_the_edges_of_the_image(size):
    frame, mask = framed(size), disc(size)
    logits = soft_logits(frame, mask)
    [smooth] = frame.masks_rle(logits[None])
    guided = outline(guide(frame, coloured(mask)), logits)
    assert int(guided.sum()) == size[0] * size[1]
    assert 1 - iou(guided, mask) < 0.5 * (1 - iou(smooth, mask)) + 0.002


def test_an_image_without_edges_only_smooths_the_mask():
    frame, mask = framed(), disc()
    logits = soft_logits(frame, mask)
    guided = outline(guide(frame, np.full((*SIZE, 3), 128, np.uint8)), logits)
    assert iou(guided, rle.decode(frame.masks_rle(logits[None])[0], SIZE)) > 0.92


def test_edges_far_from_a_mask_do_not_change_it():
    frame, mask = framed(), disc()
    image, logits = coloured(mask), soft_logits(frame, mask)
    striped = image.copy()
    striped[:, :20:4] = 255
    assert np.array_equal(outline(guide(frame, image), logits), outline(guide(frame, striped), logits))


def test_empty_and_tiny_masks():
    frame = framed()
    image = coloured(disc())
    nothing = np.full(frame.grid_hw, -5, np.float32)
    assert rle.area(outline(guide(frame, image), nothing)) == 0
    speck = nothing.copy()
    speck[3, 4] = 2
    assert rle.area(outline(guide(frame, image), speck)) > 0


def test_the_fine_grid_is_bounded_for_large_images():
    frame = framed((3000, 4000))
    rows, columns = frame.content_hw
    assert guide(frame, np.zeros((3000, 4000, 3), np.uint8)).pixels.shape == (
        FINER * rows,
        FINER * columns,
        3,
    )
