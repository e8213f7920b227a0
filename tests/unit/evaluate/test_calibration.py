"""Predicted against real IoU: bins, their error, what is collected, the image."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anymask.errors import FormatError, InputError
from anymask.evaluate.calibration import KINDS, collect, correct, draw, reliability
from anymask.evaluate.clicks import ClicksConfig
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Masks, Record


def record():
    masks = np.zeros((2, 40, 60), bool)
    masks[0, 5:25, 5:25] = masks[1, 10:35, 30:55] = True
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    return Record("a", image, Masks.from_dense(masks))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build(DEBUG).eval()


def test_true_scores_have_no_error():
    scores = np.linspace(0, 1, 101)
    assert reliability(scores, scores).error == pytest.approx(0, abs=1e-12)


def test_the_error_is_the_mean_gap_over_answers():
    scores, ious = np.array([0.95, 0.91, 0.15, 1.3]), np.array([0.9, 0.9, 0.5, 0.9])
    found = reliability(scores, ious)
    assert found.counts.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 3]
    assert found.ious[[1, 9]].tolist() == pytest.approx([0.5, 0.9])
    assert found.scores[9] == pytest.approx((0.95 + 0.91 + 1.0) / 3)
    assert found.error == pytest.approx((0.35 + 3 * (2.86 / 3 - 0.9)) / 4)


@given(st.lists(st.tuples(st.floats(-2, 3), st.floats(0, 1)), min_size=1, max_size=50), st.integers(1, 20))
def test_the_error_is_a_share_and_every_answer_counts(pairs, bins):
    scores, ious = np.array(pairs).T
    found = reliability(scores, ious, bins)
    assert 0 <= found.error <= 1 + 1e-9
    assert found.counts.sum() == len(pairs)


def test_no_answer_has_no_error():
    assert np.isnan(reliability(np.zeros(0), np.zeros(0)).error)


def test_every_mask_is_asked_for_in_every_way(model):
    pairs = collect(model, {"set": [record(), record()]})
    assert tuple(pairs) == KINDS
    assert all(len(scores) == len(ious) == 4 for scores, ious in pairs.values())
    assert all(((ious >= 0) & (ious <= 1)).all() for _, ious in pairs.values())


def test_scores_that_were_corrected_are_right_on_the_mean(model):
    bold = copy.deepcopy(model)
    with torch.no_grad():
        bold.mask_decoder.iou_prediction_head.layers[-1].bias += torch.tensor([0.5, 0.7, 0.7, 0.7])
    config = ClicksConfig(zoom=False)
    pairs = collect(bold, {"set": [record()] * 2}, config)
    fair = collect(correct(bold, pairs), {"set": [record()] * 2}, config)
    gaps = {kind: float((scores - ious).mean()) for kind, (scores, ious) in fair.items()}
    assert gaps["box"] == pytest.approx(0, abs=1e-5)
    assert (gaps["click"] + gaps["random click"]) / 2 == pytest.approx(0, abs=1e-5)
    assert abs(float((pairs["box"][0] - pairs["box"][1]).mean())) > 0.1
    for before, after in zip(pairs["click"][1], fair["click"][1], strict=True):
        assert before == after  # the choice among three masks is the same


class Damaged(list):
    """Records of which the first cannot be opened and the second has an image that cannot be read."""

    def __getitem__(self, index):
        if index == 0:
            raise FormatError("damaged")
        return super().__getitem__(index)


def test_damaged_images_are_left_out(model):
    good = record()
    unreadable = Record("b", Path("no-such-image.jpg"), good.masks)
    pairs = collect(model, {"set": Damaged([good, unreadable, good])})
    assert all(len(scores) == 2 for scores, _ in pairs.values())


def test_no_mask_is_refused(model):
    empty = Record("a", np.zeros((40, 60, 3), np.uint8), Masks.from_dense(np.zeros((0, 40, 60), bool)))
    with pytest.raises(InputError, match="datasets must hold a mask that counts"):
        collect(model, {"set": [empty]})


def test_the_image_shows_a_panel_for_each_kind():
    image = draw(
        {"click": reliability(np.array([0.9]), np.array([0.5])), "box": reliability(*np.ones((2, 3)))}
    )
    height, width, _ = image.shape
    assert width == 2 * height
    assert (image[:, :height] != image[:, height:]).any()
