from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask import AutoConfig, automatic, candidates, embed, explain, select
from anymask.errors import ImageError, InputError, WeightsError
from anymask.inference.promptable.predict import predict
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Prompt

H, W = 40, 60  # of the image in conftest.py
ALL = AutoConfig(points_per_side=4, min_iou=0.0, min_stability=0.0, nms=1.0)


def test_answers_are_those_of_predict(model, image):
    masks = automatic(model, image, ALL)
    clicks = [Prompt(points=point[None]) for point in masks.points]
    expected = predict(model, image, clicks)
    for i in range(len(masks)):
        same = [np.array_equal(masks.rles[i], expected.rles[3 * i + k]) for k in range(3)]
        assert any(same)
    assert len(masks) > 10
    assert (np.diff(masks.scores) <= 0).all()


def test_an_embedding_answers_as_its_image(model, image):
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


def test_crops_need_the_image(model, image):
    with pytest.raises(InputError, match=r"image must be an image if crop_layers is set"):
        automatic(model, replace(embed(model, image), image=None), AutoConfig(crop_layers=1))


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


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1), (3, 2)])
def test_any_size_has_an_answer(model, size):
    masks = automatic(model, np.zeros((*size, 3), np.uint8), ALL)
    assert masks.size == size
    assert (masks.areas > 0).all()


def test_an_empty_image_is_refused(model):
    with pytest.raises(ImageError, match="image must"):
        automatic(model, np.zeros((0, 5, 3), np.uint8))


def test_broken_kernels_are_named(image):
    broken = build(DEBUG).eval()
    for head in broken.mask_decoder.output_hypernetworks_mlps:
        head.layers[-1].bias.data[:] = torch.nan
    with pytest.raises(WeightsError, match=r"model must give finite scores, got NaN"):
        automatic(broken, image, AutoConfig(min_iou=0.0))


def test_another_models_embedding_is_refused(model, image):
    torch.manual_seed(1)
    with pytest.raises(InputError, match="image must be an Embedding made by this model"):
        automatic(model, embed(build(DEBUG).eval(), image))


@pytest.mark.parametrize("kind", ["box", "mask"])
def test_masks_outside_the_region_go(model, image, kind):
    roi = np.zeros((H, W), np.bool_)
    roi[10:30, 20:50] = True
    found = candidates(model, image, replace(ALL, roi=(20, 10, 50, 30) if kind == "box" else roi))
    shares = [mask[roi].sum() / max(mask.sum(), 1) for mask in found.masks.dense()]
    assert np.allclose(found.inside, shares)
    assert (found.inside[explain(found, ALL) == ""] >= 0.5).all()
    assert (explain(found, ALL) == "roi").any()


def test_memory_decides_the_batch_and_not_the_answer(model, image):
    sizes = []
    decode = model.decode_tokens

    def spy(*arguments):
        sizes.append(len(arguments[2]))
        return decode(*arguments)

    model.decode_tokens = spy
    try:
        few, many = (automatic(model, image, replace(ALL, max_memory=it)) for it in ("150100KB", "1GB"))
    finally:
        del model.decode_tokens
    assert max(sizes) == 16
    assert len(sizes) > 2
    assert len(few) == len(many)
    assert np.allclose(few.scores, many.scores, atol=1e-5)


def test_stability_is_that_of_full_size_masks(model, image):
    masks = automatic(model, image, ALL)
    for i in range(5):
        answer = predict(model, image, [Prompt(points=masks.points[i][None])], logits=True)
        full = embed(model, image).frame.logits_to_image(answer.logits)
        stability = (full > 1).sum((1, 2)) / np.maximum((full > -1).sum((1, 2)), 1)
        assert np.isclose(stability, masks.stability[i], atol=1e-6).any()


def test_crops_are_the_model_on_that_part(model, image):
    config = replace(ALL, points_per_side=2, crop_layers=1)
    found = candidates(model, image, config).masks
    x0, y0, x1, y1 = found.crops[-1].astype(int)
    part = candidates(model, image[y0:y1, x0:x1], replace(config, crop_layers=0)).masks
    own = found[(found.crops == found.crops[-1]).all(axis=1)]
    assert np.array_equal(own.dense()[:, y0:y1, x0:x1], part.dense())
    assert own.areas.tolist() == part.areas.tolist()
    assert np.allclose(own.points - [x0, y0], part.points)
