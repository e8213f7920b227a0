"""Edges from masks: where they lie, how wide, and what the memory holds."""

from __future__ import annotations

from importlib import import_module

import cv2
import numpy as np
import pytest
import torch

from anymask import embed, models
from anymask.errors import InputError
from anymask.inference.mask_generation.edges import EdgeConfig, edges, thin
from anymask.models.config import DEBUG
from anymask.types import Masks

module = import_module("anymask.inference.mask_generation.edges")


@pytest.fixture(scope="module")
def model() -> models.Sam:
    torch.manual_seed(3)
    return models.build(DEBUG).eval()


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)


class Discs:
    """In place of `predict`: every click gets a disc, and the same in two worse versions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[int, bool]] = []
        monkeypatch.setattr(module, "predict", self)

    def __call__(self, model, embedding, prompts, *, logits, zoom):
        self.calls.append((len(prompts), logits))
        frame = embedding.frame
        y, x = np.indices(frame.grid_hw)
        near = (6 - np.hypot(x - 8, y - 6)).astype(np.float32)
        stack = np.stack([near, near + 0.01, near - 0.01] * len(prompts)) * 4
        scores = np.tile([0.9, 0.8, 0.7], len(prompts))
        return Masks(frame.size_hw, frame.masks_rle(stack), scores, logits=stack if logits else None)


def test_edges_lie_on_the_border_of_the_masks(model, image, monkeypatch: pytest.MonkeyPatch) -> None:
    discs = Discs(monkeypatch)
    found = edges(model, image, EdgeConfig(points_per_side=6))
    assert found.shape == (48, 64)
    assert found.dtype == np.float32
    assert (found.min(), found.max()) == (0, 1)
    y, x = np.nonzero(found)
    radius = np.hypot((x + 0.5) / 4 - 8.5, (y + 0.5) / 4 - 6.5)
    assert np.abs(radius - 6).max() < 0.6, "within two pixels"
    around = np.unique(np.degrees(np.arctan2(y - 26, x - 34)) // 20)
    assert len(around) >= 16, "all around, but for what lies outside"
    assert discs.calls == [(16, False), (16, False), (4, False), (1, True)], "one mask stays, asked again"


def test_the_image_s_own_frame_is_no_edge(model, image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        module,
        "predict",
        lambda model, embedding, prompts, logits, zoom: Masks(
            (48, 64), embedding.frame.masks_rle(np.full((3, 16, 16), 5.0)), logits=np.full((3, 16, 16), 5.0)
        ),
    )
    assert edges(model, image, EdgeConfig(points_per_side=1)).max() == 0


def test_a_real_model_gives_a_map_in_the_unit_interval(model, image) -> None:
    found = edges(model, embed(model, image), EdgeConfig(points_per_side=3))
    assert found.shape == (48, 64)
    assert 0 <= found.min() <= found.max() == 1
    seen: list[tuple[int, int]] = []
    again = edges(model, image, EdgeConfig(points_per_side=5), lambda *counts: seen.append(counts))
    assert again.shape == (48, 64)
    assert seen == [(16, 25), (25, 25)]


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_tiny_and_long_images(model, size) -> None:
    found = edges(model, np.zeros((*size, 3), np.uint8), EdgeConfig(points_per_side=2))
    assert found.shape == size
    assert np.isfinite(found).all()


@pytest.mark.parametrize("angle", [0, 20, 45, 90, 130])
def test_thin_leaves_a_line_on_the_ridge(angle: int) -> None:
    y, x = np.indices((61, 61)) - 30
    a = np.radians(angle)
    across = x * np.sin(a) - y * np.cos(a)
    found = thin(np.exp(-(across**2) / 18).astype(np.float32))
    inner = np.hypot(x, y) < 25
    assert np.abs(across[inner & (found > 0)]).max() < 1.5
    assert 33 <= (inner & (found > 0)).sum() <= 110, "50 long, at most two wide"


def test_thin_keeps_values_and_not_more() -> None:
    ridge = cv2.GaussianBlur(np.eye(40, dtype=np.float32), (0, 0), 2)
    found = thin(ridge)
    assert np.array_equal(found[found > 0], ridge[found > 0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"points_per_side": 0}, "points_per_side must be 1 to 1024, got 0"),
        ({"nms": 1.5}, "nms must be 0 to 1, got 1.5"),
    ],
)
def test_bad_settings(settings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        EdgeConfig(**settings)
