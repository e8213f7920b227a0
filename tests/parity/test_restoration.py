"""Painter's figures of depth and restored images: the released scripts, scikit-image, the definitions."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from anymask.evaluate.restoration import ssim_uniform, ssim_volume
from anymask.evaluate.tables import painter
from anymask.images.colours import PIXEL_MEAN, PIXEL_STD
from anymask.inference.in_context.depth_encoding import depth_scores
from anymask.models.config import PAINTER_DEBUG

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


SIDE = PAINTER_DEBUG.size


def made(seed, size_hw):
    """What a model paints, (S, S, 3) in 0..1 and a little beyond, a truth (H, W, 3), and depths in mm."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (8, 8, 3))
    colours = np.repeat(np.repeat(coarse, 8, 0), 8, 1) + generator.integers(-20, 21, (SIDE, SIDE, 3))
    h, w = size_hw
    grid = np.ix_(np.arange(h) * 8 // h, np.arange(w) * 8 // w)
    truth = np.clip(coarse[grid] + generator.integers(-9, 10, (h, w, 3)), 0, 255).astype(np.uint8)
    depth = (coarse[grid][..., 0] * 44 + generator.integers(0, 900, (h, w))) * (
        generator.random((h, w)) < 0.9
    )
    return colours / 255, truth, depth.astype(np.uint16)


class Made:
    """Paints what was made, and keeps the query."""

    config = PAINTER_DEBUG

    def __init__(self, colours):
        out = (colours * 255 - np.array(PIXEL_MEAN)) / np.array(PIXEL_STD)
        self.out = np.ascontiguousarray(np.moveaxis(out, -1, 0), np.float32)

    def paint(self, examples, targets, query, *, instance):
        self.query = query
        return self.out


@pytest.mark.parametrize(
    ("measure", "seed", "size_hw", "figures"),
    [
        # Painter at cfec845: painter_inference_derain.py (PyTorch 2.13), evaluate_PSNR_SSIM.m in Octave 7.3
        (painter.measure_rain, 1, (60, 84), {"psnr": 25.791434523, "ssim": 0.830686488}),
        # painter_inference_sidd.py, psnr of Octave's image package 2.14 for doubles; 23.177036 for singles
        (painter.measure_noise, 2, (256, 256), {"psnr": 23.176773791}),
        # painter_inference_lol.py, scikit-image 0.26
        (
            painter.measure_light, 3, (60, 84),
            {"psnr": 21.208585745777, "ssim": 0.824656842557, "ssim_range_1": 0.765471974937},
        ),
    ],
)  # fmt: skip
def test_restoration_by_the_released_evaluation(measure, seed, size_hw, figures, tmp_path):
    colours, truth, _ = made(seed, size_hw)
    Image.fromarray(truth).save(tmp_path / "a.png")
    pair = painter.Pair(truth, truth, (tmp_path / "a.png", tmp_path / "a.png"))
    found = measure(Made(colours), pair)
    assert {name: found[name] for name in figures} == pytest.approx(figures, abs=1e-6)


def test_depth_by_the_released_scripts(tmp_path):
    """Painter at cfec845: painter_inference_depth.py (PyTorch 2.13), eval_with_pngs.py."""
    colours, truth, depth = made(0, (480, 640))
    Image.fromarray(truth).save(tmp_path / "a.png")
    Image.fromarray(depth).save(tmp_path / "d.png")
    pair = painter.Pair(tmp_path / "a.png", tmp_path / "d.png", (tmp_path / "a.png", tmp_path / "d.png"))
    figures = {"rmse": 2.2028961181640625, "a_rel": 0.6919251680374146, "delta1": 0.36874550580978394}
    assert painter.measure_depth(Made(colours), pair) == pytest.approx(figures, abs=1e-6)


def test_queries_of_denoising_are_resized_bilinearly(tmp_path, rng):
    noisy = rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)
    Image.fromarray(noisy).save(tmp_path / "a.png")
    model = Made(np.zeros((SIDE, SIDE, 3)))
    painter.measure_noise(model, painter.Pair(noisy, noisy, (tmp_path / "a.png", tmp_path / "a.png")))
    wanted = cv2.resize(noisy.astype(np.float32) / 255, (SIDE, SIDE))
    seen = np.moveaxis(model.query, 0, -1) * np.array(PIXEL_STD) + np.array(PIXEL_MEAN)
    assert seen / 255 == pytest.approx(wanted, abs=1e-6)
