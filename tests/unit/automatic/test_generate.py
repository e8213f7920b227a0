from __future__ import annotations

import numpy as np
import pytest
import torch

from anymask import AutoConfig, automatic, candidates, embed, select
from anymask.errors import InputError, WeightsError
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.predict import predict
from anymask.types import Prompt

H, W = 40, 60
ALL = AutoConfig(points_per_side=4, min_iou=0.0, min_stability=0.0, nms=1.0)


@pytest.fixture(scope="module")
def model():
    """A debug model whose scores are above 0."""
    torch.manual_seed(0)
    model = build(DEBUG).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 2.0
    return model


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)


def test_answers_are_those_of_predict(model, image):
    masks = automatic(model, image, ALL)
    clicks = [Prompt(points=point[None]) for point in masks.points]
    expected = predict(model, image, clicks)
    for i in range(len(masks)):
        same = [np.array_equal(masks.rles[i], expected.rles[3 * i + k]) for k in range(3)]
        assert any(same)
    assert len(masks) > 10
    assert (np.diff(masks.scores) <= 0).all()


def test_an_embedding_answers_as_its_picture(model, image):
    ours = automatic(model, embed(model, image), ALL)
    assert len(ours) == len(automatic(model, image, ALL))


def test_no_batch_is_dropped(model, image):
    done = []
    found = candidates(
        model,
        image,
        AutoConfig(points_per_side=5, min_iou=0.0, min_stability=0.0),
        progress=lambda *counts: done.append(counts),
    )
    assert done[-1] == (25, 25)
    assert found.asked == 75
    assert len(np.unique(found.masks.points, axis=0)) == 25


def test_crops_look_closer(model, image):
    masks = candidates(
        model, image, AutoConfig(points_per_side=2, crop_layers=1, min_iou=0.0, min_stability=0.0)
    ).masks
    assert len(np.unique(masks.crops, axis=0)) == 5
    assert masks.size == (H, W)


def test_nothing_found_is_an_empty_masks(model, image):
    masks = automatic(model, image, AutoConfig(points_per_side=2, min_stability=1.0, min_iou=1.0))
    assert len(masks) == 0
    assert masks.points.shape == (0, 2)


def test_crops_need_the_picture(model, image):
    with pytest.raises(InputError, match=r"image must be a picture where crop_layers are asked for"):
        automatic(model, embed(model, image), AutoConfig(crop_layers=1))


def test_broken_weights_are_named(image):
    broken = build(DEBUG).eval()
    broken.mask_decoder.iou_prediction_head.layers[-1].bias.data[:] = torch.nan
    with pytest.raises(WeightsError, match=r"model must give finite scores, got NaN"):
        automatic(broken, image)


def test_a_threshold_below_the_floor_is_refused(model, image):
    found = candidates(model, image, AutoConfig(points_per_side=2, min_iou=0.5))
    with pytest.raises(
        InputError, match=r"min_iou must be at least the floor of the candidates, 0.5, got 0.2"
    ):
        select(found, AutoConfig(min_iou=0.2))
