from __future__ import annotations

import numpy as np
import pytest
import torch

from anymask.geometry import rle
from anymask.inference.mask_generation.candidates import Candidates
from anymask.models import build
from anymask.models.config import DEBUG
from anymask.types import Masks

SIZE = (60, 80)


@pytest.fixture(scope="session")
def model():
    """A debug model whose scores are above 0."""
    torch.manual_seed(0)
    model = build(DEBUG).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 2.0
    return model


@pytest.fixture(scope="session")
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.fixture
def pool():
    """Candidates from boxes (N, 4), as full rectangles unless masks are given."""

    def make(boxes, scores=None, stability=None, crops=None, size=SIZE, inside=None, masks=None):
        n = len(boxes)
        dense = np.zeros((n, *size), np.bool_)
        for mask, (x0, y0, x1, y1) in zip(dense, boxes, strict=True):
            mask[y0:y1, x0:x1] = True
        found = Masks(
            size,
            [rle.encode(mask) for mask in (dense if masks is None else masks)],
            np.full(n, 0.9) if scores is None else scores,
            stability=np.full(n, 0.9) if stability is None else stability,
            points=np.zeros((n, 2)),
            crops=np.tile([0, 0, size[1], size[0]], (n, 1)) if crops is None else crops,
        )
        return Candidates(
            found,
            boxes=found.boxes,
            areas=found.areas,
            inside=np.ones(n, np.float32) if inside is None else np.array(inside, np.float32),
            thresholds=(0.5, 0.5),
            floors=(0.0, 0.0),
            resize="once",
            refine=False,
            asked=3 * n,
            model="0" * 16,
        )

    return make
