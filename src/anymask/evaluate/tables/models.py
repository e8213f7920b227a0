"""What tables measure: a promptable model as a few functions, which a stub can replace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.clicks import model_sessions
from anymask.evaluate.records import Image
from anymask.evaluate.simulated_clicks import OpenSession
from anymask.inference.mask_generation.edges import EdgeConfig, edges
from anymask.inference.mask_generation.proposals import proposals
from anymask.inference.promptable.predict import embed
from anymask.inference.text.find import FindConfig, choose
from anymask.inference.text.names import probabilities
from anymask.inference.text.regions import find_regions
from anymask.models.sam import Sam
from anymask.models.text.namer import open_namer
from anymask.models.text.vocabulary import phrase_of
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
    texts: Callable[[Image, Sequence[str]], list[Masks | None]]
    """What each text by itself finds in an image; None for a text that the model cannot read."""


def prompt_model(model: Sam) -> PromptModel:
    """The functions of a model, with the settings of the papers.

    Texts are those of `anymask.find`: the model proposes masks, the text model in the package names them.
    """
    return PromptModel(
        open=model_sessions(model),
        proposals=lambda image, count: proposals(model, image, count),
        edges=lambda image: edges(model, image, EdgeConfig()),
        texts=lambda image, texts: _texts(model, image, texts),
    )


def _texts(model: Sam, image: Image, texts: Sequence[str]) -> list[Masks | None]:
    namer, config = open_namer(), FindConfig()
    phrases = [phrase_of(text, namer.words) for text in texts]
    known = [phrase for phrase in phrases if phrase is not None]
    found = find_regions(model, embed(model, image), config.regions)
    likely_NK = probabilities(namer, image, found, known)
    answers = iter(choose(found, likely_NK[:, [place]], config).masks for place in range(len(known)))
    return [None if phrase is None else next(answers) for phrase in phrases]
