from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask import AutoConfig, automatic, candidates, embed, select
from anymask.errors import InputError
from anymask.inference.mask_generation import close_ups, hypotheses
from anymask.inference.mask_generation.close_ups import AROUND, share_crops
from anymask.inference.promptable.crops import Crop
from anymask.models import build
from anymask.models.config import DEBUG

SIZE = (400, 600)


def crop(x, y, side):
    return Crop(SIZE, (x, y, x + side, y + side))


def box(x, y, side):
    return np.array([x, y, x + side, y + side], np.float32)


def test_a_crop_is_shared_by_masks_that_lie_in_it():
    crops = [crop(100, 100, 100), None, crop(110, 100, 80), crop(300, 100, 90)]
    boxes = [box(125, 125, 50), box(0, 0, 400), box(130, 120, 40), box(322, 122, 45)]
    assert share_crops(crops, boxes) == [crops[0], None, crops[0], crops[3]]


def test_a_crop_is_not_shared_where_a_mask_would_be_cut_or_small():
    large, near = crop(100, 100, 100), box(200 - 40, 120, 40)
    own = crop(140, 100, 80)
    assert share_crops([large, own], [box(125, 125, 50), near]) == [large, own]
    tiny = crop(130, 130, 50)
    assert share_crops([large, tiny], [box(125, 125, 50), box(142, 142, 25)]) == [large, tiny]


def test_the_image_border_needs_no_margin():
    large, own = crop(0, 0, 100), crop(0, 0, 80)
    assert share_crops([large, own], [box(0, 0, 50), box(0, 0, 40)]) == [large, large]
    assert AROUND > 0


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = build(replace(DEBUG, zoom=64)).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 0.5
    return model


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)


@pytest.fixture(autouse=True)
def keep_all(monkeypatch):
    """Masks of random weights have a low stability and hardly agree."""
    monkeypatch.setattr(hypotheses, "LEAST_STABILITY", 0.0)
    monkeypatch.setattr(close_ups, "LEAST", 0.0)


LOOSE = AutoConfig(points_per_side=4, min_iou=0.0, min_stability=0.0)


def test_masks_are_refined_by_default_for_models_trained_for_crops(model, photo):
    found = candidates(model, photo, LOOSE)
    assert found.refine
    assert found.asked == 3 * (16 + 4 * 4)  # 4 x 4 points, and 2 x 2 in each of four crops
    masks = select(found, LOOSE)
    assert len(masks)
    assert (np.diff(masks.scores) <= 0).all()
    assert ((masks.scores > 0) & (masks.scores < 1)).all()
    assert (masks.crops == [0, 0, 120, 90]).all()
    once = candidates(model, photo, replace(LOOSE, refine=False))
    assert not once.refine
    assert once.asked == 3 * 16


def test_an_embedding_gives_the_same_masks_and_needs_no_pixels(model, photo):
    embedding = embed(model, photo)
    expected = automatic(model, photo, LOOSE)
    got = automatic(model, embedding, LOOSE)
    assert [runs.tolist() for runs in got.rles] == [runs.tolist() for runs in expected.rles]
    without = replace(embedding, image=None)
    assert candidates(model, without, LOOSE).asked == 3 * 16
    with pytest.raises(InputError, match="image must be an image if crop_layers is set, got an Embedding"):
        candidates(model, without, replace(LOOSE, crop_layers=1))


def test_progress_counts_all_points(model, photo):
    seen = []
    automatic(model, photo, LOOSE, lambda *it: seen.append(it))
    assert seen[-1] == (32, 32)


def test_a_region_inside_crops_only(model, photo):
    masks = automatic(model, photo, replace(LOOSE, points=[(30, 20)], crop_layers=1))
    assert masks.size == (90, 120)


def test_models_without_crops_are_not_refined(photo):
    plain = build(DEBUG).eval()
    assert not AutoConfig().for_model(plain).refine
    with pytest.raises(InputError, match="refine must be None or False for this model, got True"):
        automatic(plain, photo, AutoConfig(refine=True))
