"""A tiny model whose masks pass, and few points where edges are asked for."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from anymask import models
from anymask.data_engine import image_masks as plan
from anymask.inference.mask_generation.edges import EdgeConfig, edges
from anymask.models.config import DEBUG


@pytest.fixture(scope="module")
def model() -> models.Sam:
    torch.manual_seed(3)
    model = models.build(DEBUG).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 2.0
    return model


@pytest.fixture(autouse=True)
def few_points_at_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "edges", partial(edges, config=EdgeConfig(points_per_side=3)))
