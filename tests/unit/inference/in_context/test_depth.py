"""Depth and restoration as pictures, and their measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask.errors import InputError
from anymask.inference.in_context import depth as tasks

depths = arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 12))


@given(depths, st.floats(0.5, 80))
def test_depths_come_back_within_half_a_level(depth, far):
    grey = tasks.encode_depth(depth, far)
    assert grey.shape == (*depth.shape, 3)
    assert grey.dtype == np.uint8
    found = tasks.decode_depth(grey, far)
    assert np.abs(found - np.minimum(depth, far)).max() <= far / 510 + 1e-9
    assert (tasks.encode_depth(found, far) == grey).all()


def test_unknown_depths_are_black_and_not_counted():
    truth = np.array([[np.nan, np.inf], [0.0, 2.0]])
    assert tasks.encode_depth(truth)[..., 0].tolist() == [[0, 0], [0, 51]]
    assert tasks.depth_scores(np.full((2, 2), 2.0), truth) == tasks.DepthScores(0.0, 0.0, 1.0)


def test_a_painted_picture_is_read_by_its_mean():
    assert tasks.decode_depth(np.array([[[0.0, 255.0, 127.5]]])).tolist() == [[5.0]]


def test_depth_scores_by_hand():
    truth = np.array([[1.0, 2.0, 4.0, 8.0]])
    found = np.array([[1.0, 2.6, 4.0, 6.0]])
    scores = tasks.depth_scores(found, truth)
    assert scores.a_rel == pytest.approx((0.3 + 0.25) / 4)
    assert scores.rmse == pytest.approx(math.sqrt((0.36 + 4) / 4))
    assert scores.delta1 == 0.5
    halves = tasks.depth_scores(found, truth, valid=np.array([[True, False, True, False]]))
    assert (halves.a_rel, halves.delta1) == (0, 1)
    assert tasks.depth_scores(np.zeros((1, 1)), np.ones((1, 1))).rmse == pytest.approx(1 - tasks.NEAR)


def test_psnr_by_hand():
    black = np.zeros((4, 4, 3), np.uint8)
    assert tasks.psnr(black, black) == math.inf
    assert tasks.psnr(black, black + np.uint8(255)) == 0
    assert tasks.psnr(black, black + np.uint8(1)) == pytest.approx(20 * math.log10(255))


@given(st.integers(0, 1000))
def test_ssim_agrees_with_a_plain_sum(seed):
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 256, (11, 11)).astype(np.float64)
    b = np.clip(a + rng.normal(0, 40, a.shape), 0, 255)
    ramp = np.exp(-((np.arange(11) - 5) ** 2) / 4.5)
    window = np.outer(ramp, ramp) / ramp.sum() ** 2
    means = (window * a).sum(), (window * b).sum()
    spreads = (window * (a - means[0]) ** 2).sum(), (window * (b - means[1]) ** 2).sum()
    shared = (window * (a - means[0]) * (b - means[1])).sum()
    expected = (2 * means[0] * means[1] + 6.5025) / (means[0] ** 2 + means[1] ** 2 + 6.5025)
    expected *= (2 * shared + 58.5225) / (sum(spreads) + 58.5225)
    assert tasks.ssim(a, b) == pytest.approx(expected)
    assert tasks.ssim(a, b) == pytest.approx(tasks.ssim(b, a))


def test_ssim_of_equal_and_of_channels():
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert tasks.ssim(picture, picture) == pytest.approx(1)
    other = picture[::-1]
    each = [tasks.ssim(picture[..., c], other[..., c]) for c in range(3)]
    assert tasks.ssim(picture, other) == pytest.approx(np.mean(each))


def test_luma_runs_from_16_to_235():
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert tasks.luma(ends)[0] == pytest.approx([16, 235])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tasks.encode_depth(np.zeros((2, 2, 3))), r"depth must have shape \(H, W\)"),
        (lambda: tasks.encode_depth(np.zeros((2, 2)), far=0), "far must be a positive number"),
        (lambda: tasks.decode_depth(np.zeros((2, 2))), r"painted must have shape \(H, W, 3\)"),
        (lambda: tasks.luma(np.zeros((2, 2))), r"image must have shape \(H, W, 3\)"),
        (lambda: tasks.depth_scores(np.zeros((2, 2)), np.zeros((2, 2))), "must have a known depth"),
        (lambda: tasks.psnr(np.zeros((2, 2)), np.zeros((2, 3))), "found must have the shape of the truth"),
        (lambda: tasks.ssim(np.zeros((10, 20)), np.zeros((10, 20))), "must have at least 11 x 11 pixels"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()
