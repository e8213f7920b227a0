"""Depth as images, and its measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask.errors import InputError
from anymask.inference.in_context import depth_encoding

depths = arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 12))


@given(depths, st.floats(0.5, 80))
def test_depths_come_back_within_half_a_level(metres, far):
    grey = depth_encoding.encode_depth(metres, far)
    assert grey.shape == (*metres.shape, 3)
    assert grey.dtype == np.uint8
    found = depth_encoding.decode_depth(grey, far)
    assert np.abs(found - np.minimum(metres, far)).max() <= far / 510 + 1e-9
    assert (depth_encoding.encode_depth(found, far) == grey).all()


def test_unknown_depths_are_black_and_not_counted():
    truth = np.array([[np.nan, np.inf], [0.0, 2.0]])
    assert depth_encoding.encode_depth(truth)[..., 0].tolist() == [[0, 0], [0, 51]]
    assert depth_encoding.depth_scores(np.full((2, 2), 2.0), truth) == depth_encoding.DepthScores(
        0.0, 0.0, 1.0
    )


def test_a_painted_image_is_read_by_its_mean():
    assert depth_encoding.decode_depth(np.array([[[0.0, 255.0, 127.5]]])).tolist() == [[5.0]]


def test_depth_scores_by_hand():
    truth = np.array([[1.0, 2.0, 4.0, 8.0]])
    found = np.array([[1.0, 2.6, 4.0, 6.0]])
    scores = depth_encoding.depth_scores(found, truth)
    assert scores.a_rel == pytest.approx((0.3 + 0.25) / 4)
    assert scores.rmse == pytest.approx(math.sqrt((0.36 + 4) / 4))
    assert scores.delta1 == 0.5
    halves = depth_encoding.depth_scores(found, truth, valid=np.array([[True, False, True, False]]))
    assert (halves.a_rel, halves.delta1) == (0, 1)
    assert depth_encoding.depth_scores(np.zeros((1, 1)), np.ones((1, 1))).rmse == pytest.approx(
        1 - depth_encoding.NEAR
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: depth_encoding.encode_depth(np.zeros((2, 2, 3))), r"depth must have shape \(H, W\)"),
        (lambda: depth_encoding.encode_depth(np.zeros((2, 2)), far=0), "far must be a positive number"),
        (lambda: depth_encoding.decode_depth(np.zeros((2, 2))), r"painted must have shape \(H, W, 3\)"),
        (lambda: depth_encoding.depth_scores(np.zeros((2, 2)), np.zeros((2, 2))), "must have a known depth"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()
