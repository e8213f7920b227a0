"""Instances in the colours of their places, and their merging with stuff."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anymask.evaluate.painted_segments import location_palette, matrix_nms, merge, painted_instances, vote
from anymask.evaluate.tables.painter import example, nearest_pixels, painted
from anymask.models import build
from anymask.models.config import PAINTER_DEBUG

SIZE = (100, 120)


def masks(*boxes):
    out = np.zeros((len(boxes), *SIZE), np.bool_)
    for one, (y0, y1, x0, x1) in zip(out, boxes, strict=True):
        one[y0:y1, x0:x1] = True
    return out


def test_two_places_are_two_instances():
    image = np.zeros((40, 50, 3), np.uint8)
    image[:10, :10], image[20:30, 20:40] = location_palette()[[900, 4321]]
    found, scores = painted_instances(image)
    assert sorted(found.sum((1, 2)).tolist()) == [100, 200]
    assert scores.tolist() == [1, 1]


def test_an_image_without_a_colour_of_a_place_has_no_instances():
    found, scores = painted_instances(np.full((4, 5, 3), (0, 255, 0), np.uint8))
    assert (found.shape, scores.shape) == ((0, 4, 5), (0,))


def test_a_mask_is_lowered_by_its_overlap_less_that_of_the_better_one():
    """IoUs: the second with the first 1/2, the third with the second 1/2, and with the first 0."""
    shared = np.array([[3.0, 2, 0], [2, 3, 2], [0, 2, 3]])
    lowered = np.exp(-2 * 0.25)
    assert matrix_nms(np.ones(3), shared) == pytest.approx([1, lowered, 1 * np.exp(-2 * (0.25 - 0.25))])


def test_merging_takes_free_pixels_and_drops_what_is_mostly_covered():
    things = masks((0, 10, 0, 20), (0, 10, 10, 30), (0, 10, 5, 15))
    semantic = np.full(SIZE, 80, np.uint8)
    semantic[70:] = 81  # 3600 pixels
    semantic[0, 100:] = 5
    numbers, classes = merge(things, [3, 4, 5], semantic, 80)
    assert classes == {1: 3, 2: 4}  # of the third all is covered; 8080 pixels are too few for stuff
    assert [(numbers == n).sum() for n in (1, 2, 0)] == [200, 100, 100 * 120 - 300]
    semantic[70:72] = 80
    assert merge(things, [3, 4, 5], semantic, 80)[1] == {1: 3, 2: 4, 3: 80}


def test_all_pixels_vote_by_their_differences(rng):
    colours = rng.integers(0, 256, (40, 3)).astype(np.uint8)
    palette = rng.integers(0, 256, (9, 3)).astype(np.uint8)
    far = np.abs(colours[:, None].astype(int) - palette).sum((0, 2))
    assert vote(colours, palette) == far.argmin()


def test_painter_paints_at_another_size_than_its_own(rng):
    model = build(PAINTER_DEBUG).eval()
    images = rng.integers(0, 256, (3, 40, 50, 3)).astype(np.uint8)
    shown = example(model, images[0], images[1], size=80)
    assert painted(model, images[2], shown, instance=True).shape == (80, 80, 3)


@pytest.mark.parametrize("count", [161, 192, 240, 427, 480, 640])
def test_the_nearest_pixel_is_that_of_pytorch_in_float64(count):
    """Painter's scripts multiply with arrays of float64; in float32 a few rows are others."""
    values = np.arange(560.0)[:, None, None] * np.ones((1, 2, 3))
    wanted = torch.nn.functional.interpolate(
        torch.tensor(values).permute(2, 0, 1)[None], size=[count, 3], mode="nearest"
    )
    assert (nearest_pixels(values, (count, 3))[:, 0, 0] == wanted[0, 0, :, 0].numpy()).all()
