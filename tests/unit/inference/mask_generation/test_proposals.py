"""Ranked proposals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask import automatic, models
from anymask.errors import InputError
from anymask.inference.mask_generation.proposals import PROPOSALS, proposals
from anymask.models.config import DEBUG


@pytest.fixture(scope="module")
def model() -> models.Sam:
    torch.manual_seed(3)
    model = models.build(DEBUG).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 2.0  # scores above 0
    return model


FEW = replace(PROPOSALS, points_per_side=4, nms=1.0)


def test_the_best_by_the_mean_of_score_and_stability(model, rng: np.random.Generator) -> None:
    image = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
    found, all_of_them = proposals(model, image, 5, FEW), automatic(model, image, FEW)
    assert len(all_of_them) > 5
    assert all_of_them.stability is not None
    assert found.stability is not None
    expected = np.sort(all_of_them.scores + all_of_them.stability)[::-1][:5]
    np.testing.assert_allclose(found.scores + found.stability, expected, rtol=1e-6)
    assert len(proposals(model, image, config=FEW)) == len(all_of_them)


def test_the_settings_are_the_paper_s() -> None:
    assert (PROPOSALS.points_per_side, PROPOSALS.nms, PROPOSALS.refine) == (64, 0.9, False)
    assert (PROPOSALS.min_iou, PROPOSALS.min_stability) == (0, 0)


def test_n_must_be_positive(model) -> None:
    with pytest.raises(InputError, match="n must be 1 or more, got 0"):
        proposals(model, np.zeros((8, 8, 3), np.uint8), 0, FEW)
