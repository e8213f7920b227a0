from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask import AutoConfig
from anymask.errors import ImageError, InputError
from anymask.evaluate.thresholds import candidate_ious, figures, sweep
from anymask.geometry import rle
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Masks, Record

SIZE = (40, 60)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = build(DEBUG).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 0.5
    return model


def record(name="a", ignore=None, masks=None):
    dense = np.zeros((2, *SIZE), np.bool_)
    dense[0, 5:25, 5:25] = dense[1, 20:38, 30:58] = True
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    return Record(name, image, Masks.from_dense(dense) if masks is None else masks, ignore=ignore)


class Broken(list):
    def __getitem__(self, index):
        raise ImageError("broken")


@pytest.fixture(scope="module")
def images(model):
    return candidate_ious(
        model, {"one": [record(), record("b")], "two": [record("c")]}, AutoConfig(points_per_side=4)
    )


def test_every_mask_meets_every_truth(images):
    assert [it.data for it in images] == ["one", "one", "two"]
    for it in images:
        assert it.ious.shape == (len(it.candidates), 2)
        expected = rle.iou(it.candidates.masks.rles, record().masks.rles, SIZE)
        assert np.allclose(it.ious, expected)


def test_figures_are_right_for_known_overlaps(images):
    one = images[0]
    ious = np.zeros_like(one.ious)
    kept = AutoConfig(min_iou=0.0, min_stability=0.0, nms=1.0)
    ious[0] = (0.72, 0.1)
    got = figures([replace(one, ious=ious)], kept)
    assert got.best_iou == pytest.approx(0.41)
    assert got.recall_50 == 0.5
    assert got.ar == pytest.approx(0.25)  # 5 of 10 for one of two
    assert got.precision_50 == pytest.approx(1 / got.masks)
    assert got.f1 == pytest.approx(2 * 0.5 / got.masks / (0.5 + 1 / got.masks))


def test_nothing_chosen_scores_nothing(images):
    got = figures(images, AutoConfig(min_iou=1.0, min_stability=1.0))
    assert (got.best_iou, got.recall_50, got.precision_50, got.masks, got.f1) == (0, 0, 0, 0, 0)


def test_the_sweep_puts_the_best_first(images):
    trials = sweep(images, [0.0, 0.5], [0.0, 0.5])
    assert len(trials) == 4
    assert sorted((t.mean.f1 for t in trials), reverse=True) == [t.mean.f1 for t in trials]
    assert set(trials[0].sets) == {"one", "two"}
    assert trials[0].mean.masks == pytest.approx(np.mean([it.masks for it in trials[0].sets.values()]))


def test_pixels_that_nobody_labelled_count_for_no_side(model):
    everything = Masks.from_dense(np.ones((1, *SIZE)))
    left = np.zeros(SIZE, np.bool_)
    left[:, :30] = True
    [one] = candidate_ious(
        model, {"one": [record(ignore=rle.encode(left), masks=everything)]}, AutoConfig(points_per_side=2)
    )
    dense = one.candidates.masks.dense()[:, :, 30:]
    assert np.allclose(one.ious[:, 0], dense.mean(axis=(1, 2)))


def test_corrupt_images_are_left_out_and_none_is_an_error(model):
    with pytest.raises(InputError, match=r"datasets must hold a mask that counts, got none in one"):
        candidate_ious(model, {"one": Broken([1, 2])})
