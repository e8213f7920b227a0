"""What all tests share: quick property tests, a seeded generator, the bundled photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

settings.register_profile(
    "anymask",
    deadline=None,
    max_examples=50,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("anymask")


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that starts the same in every test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def photos() -> Path:
    """The folder of bundled photos."""
    return ROOT / "src" / "anymask" / "assets" / "photos"


@pytest.fixture
def toy_painter():
    """A model that segments in context without weights: a pixel gets the target of the most similar colour.

    It counts the examples of each answer in `asked`.
    """
    import torch

    from anymask.models import Painter
    from anymask.models.config import PAINTER_DEBUG

    class Toy(Painter):
        def __init__(self) -> None:
            super().__init__(PAINTER_DEBUG)
            self.asked: list[int] = []

        def inpaint(self, examples, targets, query, *, instance):
            self.asked.append(len(examples))
            seen = examples.permute(0, 2, 3, 1).reshape(-1, 3)
            painted = targets.permute(0, 2, 3, 1).reshape(-1, 3)
            kinds, which = torch.unique(painted, dim=0, return_inverse=True)
            means = torch.stack([seen[which == i].mean(0) for i in range(len(kinds))])
            nearest = torch.cdist(query.permute(1, 2, 0).reshape(-1, 3), means).argmin(1)
            return kinds[nearest].view(*query.shape[1:], 3).permute(2, 0, 1)

    return Toy().eval()
