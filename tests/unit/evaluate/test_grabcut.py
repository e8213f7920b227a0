from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import PromptError
from anymask.evaluate.grabcut import GrabCut, cut
from anymask.evaluate.metrics import iou
from anymask.types import Prompt


def disc(size, centre, radius):
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2


def easy_image(size=(60, 80)):
    """A red disc on blue, both a little noisy."""
    mask = disc(size, (40, 30), 18)
    colour = np.where(mask[..., None], (200, 40, 40), (40, 60, 190))
    noise = np.random.default_rng(0).normal(0, 6, (*size, 3))
    return np.clip(colour + noise, 0, 255).astype(np.uint8), mask


def test_an_easy_object_is_cut_out():
    image, mask = easy_image()
    box = [18, 8, 62, 52]
    masks = GrabCut(image)([Prompt(box=box), Prompt(box=box)], multimask=False)
    assert masks.size == (60, 80)
    assert iou(masks.dense()[0], mask) > 0.97
    assert (masks.dense()[0] == masks.dense()[1]).all()


def test_a_large_image_is_shrunk_first():
    image, mask = easy_image()
    large = np.kron(image, np.ones((4, 4, 1), np.uint8))
    session = GrabCut(large, side=80)
    assert session.small.shape == (60, 80, 3)
    found = session([Prompt(box=[72, 32, 248, 208])], multimask=True).dense()[0]
    assert iou(found, np.kron(mask, np.ones((4, 4), bool))) > 0.95


def test_a_box_without_background_is_the_answer_itself():
    image, _ = easy_image()
    assert GrabCut(image)([Prompt(box=[-1, 0, 81, 60])], multimask=False).dense().all()


def test_boxes_at_the_border_and_of_less_than_a_pixel_are_answered():
    image, _ = easy_image()
    boxes = [[79.8, 59.8, 80, 60], [0, 0, 0.2, 0.2], [0, 0, 80, 59]]
    masks = GrabCut(image, side=20)([Prompt(box=box) for box in boxes], multimask=False)
    assert len(masks) == 3


def test_too_few_pixels_to_work_with_give_an_answer_too():
    image = np.zeros((4, 4, 3), np.uint8)
    assert cut(image, (1, 1, 2, 2), 5).shape == (4, 4)


def test_a_click_is_refused():
    with pytest.raises(PromptError, match="prompt must hold a box"):
        GrabCut(easy_image()[0])([Prompt.point(3, 3)], multimask=True)


def test_no_prompt_no_mask():
    assert len(GrabCut(easy_image()[0])([], multimask=False)) == 0
