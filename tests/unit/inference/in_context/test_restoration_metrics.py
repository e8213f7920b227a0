"""Measures of restored images."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.errors import InputError
from anymask.inference.in_context import restoration_metrics


def test_psnr_by_hand():
    black = np.zeros((4, 4, 3), np.uint8)
    assert restoration_metrics.psnr(black, black) == math.inf
    assert restoration_metrics.psnr(black, black + np.uint8(255)) == 0
    assert restoration_metrics.psnr(black, black + np.uint8(1)) == pytest.approx(20 * math.log10(255))


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
    assert restoration_metrics.ssim(a, b) == pytest.approx(expected)
    assert restoration_metrics.ssim(a, b) == pytest.approx(restoration_metrics.ssim(b, a))


def test_ssim_of_equal_and_of_channels():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert restoration_metrics.ssim(image, image) == pytest.approx(1)
    other = image[::-1]
    each = [restoration_metrics.ssim(image[..., c], other[..., c]) for c in range(3)]
    assert restoration_metrics.ssim(image, other) == pytest.approx(np.mean(each))


def test_luma_runs_from_16_to_235():
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert restoration_metrics.luma(ends)[0] == pytest.approx([16, 235])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: restoration_metrics.luma(np.zeros((2, 2))), r"image must have shape \(H, W, 3\)"),
        (
            lambda: restoration_metrics.psnr(np.zeros((2, 2)), np.zeros((2, 3))),
            "found must have the shape of the truth",
        ),
        (
            lambda: restoration_metrics.ssim(np.zeros((10, 20)), np.zeros((10, 20))),
            "must have at least 11 x 11 pixels",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()
