"""What tables measure: a promptable model as a few functions, which a stub can replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.clicks import model_sessions
from anymask.evaluate.records import Image
from anymask.evaluate.simulated_clicks import OpenSession
from anymask.inference.mask_generation.edges import EdgeConfig, edges
from anymask.inference.mask_generation.proposals import proposals
from anymask.models.sam import Sam
from anymask.types import Masks

__all__ = ["PromptModel", "prompt_model"]


@dataclass(frozen=True)
class PromptModel:
    """A promptable model."""

    open: OpenSession
    """Open an image for prompts."""
    proposals: Callable[[Image, int], Masks]
    """This many ranked masks of an image, best first."""
    edges: Callable[[Image], NDArray[np.float32]]
    """Edge strength (H, W) in [0, 1]."""


def prompt_model(model: Sam) -> PromptModel:
    """The functions of a model, with the settings of the papers."""
    return PromptModel(
        open=model_sessions(model),
        proposals=lambda image, count: proposals(model, image, count),
        edges=lambda image: edges(model, image, EdgeConfig()),
    )
