from __future__ import annotations

import math

import numpy as np
import pytest

from anymask.evaluate.metrics import (
    Interval,
    bootstrap_ci,
    bootstrap_means,
    boundary_f,
    clicks_to_reach,
    interval,
    iou,
    mean_over_sets,
)


def slow_iou(prediction, truth, ignore):
    both = either = 0
    for p, t, skip in zip(prediction.flat, truth.flat, ignore.flat, strict=True):
        if not skip:
            both += bool(p and t)
            either += bool(p or t)
    return both / either if either else 1.0


@pytest.mark.parametrize("seed", range(8))
def test_iou_equals_counting_pixels(seed):
    rng = np.random.default_rng(seed)
    prediction, truth, ignore = rng.random((3, 7, 9)) < rng.random((3, 1, 1))
    assert iou(prediction, truth, ignore) == slow_iou(prediction, truth, ignore)
    assert iou(prediction, truth) == slow_iou(prediction, truth, np.zeros_like(ignore))


def test_iou_of_two_empty_masks_is_one():
    empty = np.zeros((3, 3), bool)
    assert iou(empty, empty) == 1.0
    assert iou(~empty, ~empty, ~empty) == 1.0
    assert iou(empty, ~empty) == 0.0


def square(x, y, side=20):
    mask = np.zeros((60, 60), np.bool_)
    mask[y : y + side, x : x + side] = True
    return mask


def test_boundary_f_allows_for_its_reach():
    assert boundary_f(square(10, 10), square(11, 10), 1.0) == 1
    assert boundary_f(square(10, 10), square(13, 10), 1.0) < 0.8
    assert boundary_f(square(10, 10), square(13, 10), 3.0) == 1
    assert boundary_f(square(0, 0, 5), square(40, 40), 2.0) == 0


def test_boundary_f_leaves_out_ignored_pixels_and_the_image_border():
    band = square(29, 0, 31)
    assert boundary_f(square(10, 10), square(10, 10, 40), 1.0, ignore=band | band.T | square(30, 30, 30)) == 1
    everything = np.ones((60, 60), np.bool_)
    assert boundary_f(everything, everything, 1.0) == 1
    assert boundary_f(everything, square(10, 10), 1.0) == 0


def test_clicks_to_reach_counts_to_the_first_hit():
    ious = np.array([[0.9, 0.2, 0.2], [0.1, 0.85, 0.1], [0.1, 0.2, 0.3], [0.0, 0.0, 0.85]])
    assert clicks_to_reach(ious, 0.85, 3).tolist() == [1, 2, 3, 3]
    assert clicks_to_reach(ious, 0.85, 2).tolist() == [1, 2, 2, 2]
    assert clicks_to_reach(ious, 0.95, 20).tolist() == [20] * 4


def test_clicks_to_reach_agrees_with_a_loop():
    ious = np.random.default_rng(0).random((50, 6))
    slow = [next((k + 1 for k, value in enumerate(row) if value >= 0.8), 6) for row in ious]
    assert clicks_to_reach(ious, 0.8, 6).tolist() == slow


def test_bootstrap_weighs_images_by_their_masks():
    sums, counts = np.array([1.0, 0.0]), np.array([1.0, 9.0])
    found = bootstrap_ci(sums, counts, np.random.default_rng(0))
    assert found.value == pytest.approx(0.1)
    assert (found.low, found.high) == (0.0, 1.0)  # the draws hold one of the images twice, or both


def test_bootstrap_interval_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(100):
        values = rng.random(60)
        found = bootstrap_ci(values, np.ones(60), rng, resamples=200)
        inside += found.low <= 0.5 <= found.high
    assert 0.87 <= inside / 100 <= 0.99


def test_bootstrap_interval_narrows_with_more_images():
    rng = np.random.default_rng(2)
    few, many = (bootstrap_ci(rng.random(n), np.ones(n), rng, resamples=300) for n in (20, 500))
    assert many.high - many.low < (few.high - few.low) / 3


def test_bootstrap_is_repeatable():
    values, ones = np.random.default_rng(3).random(30), np.ones(30)
    first, second = (bootstrap_ci(values, ones, np.random.default_rng(4)) for _ in range(2))
    assert first == second


def test_draws_without_a_mask_are_left_out():
    draws = bootstrap_means(np.array([0.5, 0.0]), np.array([1.0, 0.0]), np.random.default_rng(0), 500)
    assert len(draws) < 500
    assert (draws == 0.5).all()


def test_nothing_to_average_gives_nan():
    nothing = np.zeros(0)
    found = bootstrap_ci(nothing, nothing, np.random.default_rng(0))
    assert math.isnan(found.value)
    assert math.isnan(found.low)
    assert math.isnan(interval(0.5, nothing).high)
    assert math.isnan(mean_over_sets({"a": (nothing, nothing)}, np.random.default_rng(0)).value)


def test_mean_over_sets_gives_every_set_the_same_weight():
    large = (np.full(100, 0.2), np.ones(100))
    small = (np.full(2, 0.8), np.ones(2))
    empty = (np.zeros(3), np.zeros(3))
    found = mean_over_sets({"large": large, "small": small, "empty": empty}, np.random.default_rng(0))
    assert found == Interval(pytest.approx(0.5), pytest.approx(0.5), pytest.approx(0.5))
