from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from anymask.data.transforms.prompts import (
    error_point,
    error_points,
    noisy_box,
    noisy_boxes,
    random_point,
    random_points,
)
from anymask.errors import InputError

shape = st.tuples(st.integers(1, 12), st.integers(1, 12))
one_mask = hnp.arrays(bool, shape).filter(lambda mask: bool(mask.any()))
seeds = st.integers(0, 2**32)


def at(mask: np.ndarray, point: np.ndarray) -> bool:
    assert point.dtype == np.float32
    assert (point % 1 == 0.5).all()
    return bool(mask[int(point[1]), int(point[0])])


@given(one_mask, seeds)
def test_points_lie_in_the_mask(mask, seed):
    assert at(mask, random_point(mask, np.random.default_rng(seed)))


def test_points_are_uniform():
    mask = np.zeros((4, 5), bool)
    mask[1, 1:4] = True
    points = random_points(np.repeat(mask[None], 3000, axis=0), np.random.default_rng(0))
    counts = np.bincount(points[:, 0].astype(int), minlength=5)
    assert (np.abs(counts[1:4] - 1000) < 120).all()


def test_points_of_many_masks_are_each_in_their_own():
    masks = np.random.default_rng(1).random((20, 9, 7)) > 0.8
    masks[:, 4, 4] = True
    for mask, point in zip(masks, random_points(masks, np.random.default_rng(2)), strict=True):
        assert at(mask, point)


def test_no_masks_give_no_points():
    none = np.zeros((0, 4, 4), bool)
    rng = np.random.default_rng(0)
    assert random_points(none, rng).shape == (0, 2)
    assert noisy_boxes(none, rng).shape == (0, 4)
    assert error_points(none, none, None, rng)[0].shape == (0, 2)


def test_an_empty_mask_is_refused():
    rng = np.random.default_rng(0)
    masks = np.stack([np.ones((3, 3), bool), np.zeros((3, 3), bool)])
    with pytest.raises(InputError, match="mask must hold at least one pixel, got an empty mask at index 1"):
        random_points(masks, rng)
    with pytest.raises(InputError, match="mask must hold at least one pixel"):
        noisy_boxes(masks, rng)
    with pytest.raises(InputError, match="truth must hold at least one pixel"):
        error_point(masks[1], masks[1], None, rng)


@given(one_mask, seeds, st.floats(0, 2))
def test_boxes_stay_in_the_image_and_hold_a_pixel(mask, seed, spread):
    box = noisy_box(mask, np.random.default_rng(seed), spread=spread)
    assert box.dtype == np.float32
    assert (box >= 0).all()
    assert box[2] <= mask.shape[1]
    assert box[3] <= mask.shape[0]
    assert (box[2:] - box[:2] >= 1).all()


def test_boxes_without_noise_are_tight():
    mask = np.zeros((10, 20), bool)
    mask[2:5, 7:19] = True
    assert noisy_box(mask, np.random.default_rng(0), spread=0).tolist() == [7, 2, 19, 5]


def test_box_noise_has_a_tenth_of_the_side_and_a_limit():
    mask = np.zeros((400, 400), bool)
    mask[150:250, 100:300] = True
    masks = np.broadcast_to(mask, (400, *mask.shape))
    shifts = noisy_boxes(masks, np.random.default_rng(0), most=1000) - np.array([100, 150, 300, 250])
    assert shifts.std(axis=0) == pytest.approx([20, 10, 20, 10], rel=0.15)
    capped = noisy_boxes(masks, np.random.default_rng(0), most=5) - np.array([100, 150, 300, 250])
    assert np.abs(capped).max() == 5


@given(shape.flatmap(lambda s: st.tuples(*[hnp.arrays(bool, s)] * 3)), seeds)
def test_error_clicks_lie_in_the_error(masks, seed):
    predicted, truth, ignore = masks
    error = (predicted ^ truth) & ~ignore
    if not (error | truth).any():
        return
    point, label = error_point(predicted, truth, ignore, np.random.default_rng(seed))
    assert at(error if error.any() else truth, point)
    assert at(truth, point) == bool(label)
    assert not error.any() or at(predicted, point) != bool(label)


def test_error_clicks_take_an_ignore_for_all_or_one_each():
    rng = np.random.default_rng(0)
    truths = np.ones((2, 3, 3), bool)
    ignore = np.zeros((2, 3, 3), bool)
    ignore[0, :, :2] = True
    points, labels = error_points(np.zeros_like(truths), truths, ignore, rng)
    assert points[0, 0] == 2.5
    assert labels.tolist() == [1, 1]
    points, _ = error_points(np.zeros_like(truths), truths, ignore[0], rng)
    assert (points[:, 0] == 2.5).all()


def test_clicks_without_an_error_avoid_ignored_pixels():
    truths = np.ones((1, 2, 2), bool)
    ignore = np.array([[True, True], [True, False]])
    points, labels = error_points(truths, truths, ignore, np.random.default_rng(0))
    assert points.tolist() == [[1.5, 1.5]]
    assert labels.tolist() == [1]
    points, _ = error_points(truths, truths, np.ones((2, 2), bool), np.random.default_rng(0))
    assert at(truths[0], points[0])
