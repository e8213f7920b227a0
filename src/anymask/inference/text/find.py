"""Phrases to masks: every instance of what a phrase names.

Masks of a few points and of detected objects are proposals; the text model says how likely each is what a
phrase names, against all names that it knows and against none of them. Of masks that share most of their
pixels the likelier one is kept, whichever phrase it was found by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError, PromptError
from anymask.geometry import rle
from anymask.images.read import ImageSource, read_image
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.promptable.predict import embed
from anymask.inference.text.names import probabilities
from anymask.inference.text.regions import REGIONS, find_regions
from anymask.models.protocol import Promptable
from anymask.models.text.namer import Namer, open_namer
from anymask.types import Embedding, Masks, Prompt

__all__ = ["MOST_PHRASES", "FindConfig", "Finds", "choose", "find", "search"]

Floats = NDArray[np.float32]

MOST_PHRASES = 200
"""Maximum number of phrases for one image."""


@dataclass(frozen=True)
class FindConfig:
    """Settings of `find`. Raises InputError for invalid values."""

    threshold: float = 0.28
    """Least probability that a mask is what a phrase names."""
    near_best: float = 0.75
    """Least probability as a share of that of the phrase's likeliest mask in the image: beside a thing that
    fills the image, pieces of its background look like it a little."""
    overlap: float = 0.5
    """Of two masks that share more than this of the smaller one, the less likely is removed."""
    regions: AutoConfig = REGIONS
    """How masks are proposed, see `find_regions`."""

    def __post_init__(self) -> None:
        """Check the values."""
        for name in ("threshold", "near_best", "overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be from 0 to 1, got {getattr(self, name)}. Try 0.5.")


@dataclass(frozen=True)
class Finds:
    """What phrases name in an image, the likeliest first."""

    masks: Masks
    """Scores are predicted IoUs; `prompt` and `labels` the index of the phrase."""
    probability: Floats
    """(N,) that each mask is what its phrase names."""
    best: Floats
    """(K,) the highest probability of each phrase for any proposal, also below the threshold; 0 if none."""


def find(
    model: Promptable,
    image: ImageSource | Embedding,
    phrases: Sequence[str | Prompt],
    config: FindConfig | None = None,
    namer: Namer | None = None,
) -> Masks:
    """The masks of everything that the phrases name, the likeliest first.

    `scores` are the probabilities that a mask is what its phrase names, `prompt` and `labels` the index of
    the phrase. There may be none. A phrase is English, of words that the text model knows, such as "a red
    cup"; colours and other properties hardly count (docs/text.md).

    model: a promptable model, which proposes masks.
    image: what `read_image` accepts, or an Embedding of the model with its pixels.
    phrases: one or more, as texts or as prompts with nothing but a text.
    config: thresholds.
    namer: the text model; None for the one in the package.

    Raises the errors of `search`, which also gives the predicted IoUs of the masks.
    """
    found = search(model, image, phrases, config, namer)
    return found.masks.with_scores(found.probability)


def search(
    model: Promptable,
    image: ImageSource | Embedding,
    phrases: Sequence[str | Prompt],
    config: FindConfig | None = None,
    namer: Namer | None = None,
) -> Finds:
    """As `find`, with the predicted IoUs of the masks and the best probability of each phrase.

    The parameters are those of `find`. Raises PromptError for a phrase that cannot be used, ImageError,
    InputError for an Embedding without its pixels, WeightsError if the text model cannot be read.
    """
    config, namer = config or FindConfig(), namer or open_namer()
    texts = [_text(phrase) for phrase in phrases]
    if not 0 < len(texts) <= MOST_PHRASES:
        raise PromptError(f"phrases must be 1 to {MOST_PHRASES}, got {len(texts)}. Give at least one noun.")
    namer.phrases(texts)  # phrases are checked before the image is encoded
    pixels = _pixels(image)
    seen = image if isinstance(image, Embedding) else embed(model, pixels)
    found = find_regions(model, seen, config.regions)
    likely_NK = probabilities(namer, pixels, found, texts)
    return choose(found, likely_NK, config)


def _text(phrase: str | Prompt) -> str:
    if isinstance(phrase, str):
        return phrase
    if phrase.text is None or len(phrase.points) or phrase.box is not None or phrase.mask is not None:
        raise PromptError(
            "phrases must be texts or prompts with nothing but a text, got another prompt. "
            "Write Prompt.named('cup')."
        )
    return phrase.text


def _pixels(image: ImageSource | Embedding) -> NDArray[np.uint8]:
    if not isinstance(image, Embedding):
        return read_image(image)
    if image.image is None:
        raise InputError(
            "image must be an image, or an Embedding with its pixels, got one that was read from a file. "
            "Give the image."
        )
    return image.image


def choose(found: Masks, likely_NK: Floats, config: FindConfig) -> Finds:
    """The proposals above the threshold, each with its likeliest phrase; one of those that are one thing.

    found: proposals, with scores.
    likely_NK: how likely each is what each phrase names.
    config: thresholds.
    """
    best_K = likely_NK.max(axis=0, initial=0)
    if not len(found):
        return Finds(Masks(found.size, (), labels=[], prompt=[]), np.zeros(0, np.float32), best_K)
    phrase_N = likely_NK.argmax(axis=1)
    likely_N = likely_NK[np.arange(len(found)), phrase_N]
    order = np.argsort(-likely_N * np.sqrt(found.scores), kind="stable")
    least_K = np.maximum(config.threshold, config.near_best * best_K)
    order = order[likely_N[order] >= least_K[phrase_N[order]]]
    shared = rle.intersection(found.rles, found.rles, found.size)
    smaller = np.minimum(found.areas[:, None], found.areas)
    kept: list[int] = []
    for row in order.tolist():
        if all(shared[row, other] <= config.overlap * smaller[row, other] for other in kept):
            kept.append(row)
    phrase = phrase_N[kept]
    masks = Masks(
        found.size, [found.rles[row] for row in kept], found.scores[kept], labels=phrase, prompt=phrase
    )
    return Finds(masks, likely_N[kept], best_K)
