"""SSIM compared with scikit-image and with its definition over space and colour; errors of depth."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.evaluate.restoration import ssim_uniform, ssim_volume
from anymask.inference.in_context.depth_encoding import depth_scores

pytestmark = pytest.mark.parity


@pytest.fixture
def pair(rng):
    truth = rng.random((40, 52, 3)) * 0.4
    return np.clip(truth + 0.05 * rng.standard_normal(truth.shape), 0, 1), truth


@pytest.mark.parametrize("value_range", [1.0, 2.0])
def test_uniform_windows(pair, value_range):
    metrics = pytest.importorskip("skimage.metrics")
    wanted = metrics.structural_similarity(*pair, data_range=value_range, channel_axis=2)
    assert ssim_uniform(*pair, value_range) == pytest.approx(wanted, abs=1e-9)


def test_windows_over_space_and_colour(pair):
    """MATLAB's default: 11 x 11 x 11 Gaussian weights, sigma 1.5, borders repeated."""
    axis = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window = axis[:, None, None] * axis[:, None] * axis
    window /= window.sum()

    def local(values):
        padded = np.pad(values, 5, mode="edge")
        views = np.lib.stride_tricks.sliding_window_view(padded, (11, 11, 11))
        return np.einsum("xyzabc,abc->xyz", views, window)

    a, b = pair[0][:16, :16], pair[1][:16, :16]
    ma, mb = local(a), local(b)
    va, vb, cov = local(a * a) - ma**2, local(b * b) - mb**2, local(a * b) - ma * mb
    wanted = ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))).mean()
    assert ssim_volume(a, b) == pytest.approx(wanted, abs=1e-9)


def test_depth_by_the_released_evaluation(rng):
    """Errors of an image in metres: the prediction is at least a millimetre, the truth is 1 mm to 10 m."""
    truth, found = rng.uniform(0, 11, (30, 40)), rng.uniform(0, 10, (30, 40))
    truth[:5], found[:3] = 0, 0
    valid = (truth > 1e-3) & (truth < 10)
    a, b = truth[valid], np.maximum(found[valid], 1e-3)
    scores = depth_scores(found, truth, valid)
    assert scores.rmse == pytest.approx(np.sqrt(((a - b) ** 2).mean()), abs=1e-9)
    assert scores.a_rel == pytest.approx((np.abs(a - b) / a).mean(), abs=1e-9)
    assert scores.delta1 == pytest.approx((np.maximum(a / b, b / a) < 1.25).mean(), abs=1e-9)
