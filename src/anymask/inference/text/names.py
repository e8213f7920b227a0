"""Names for masks: which of some phrases, or none of them, each mask is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import PromptError
from anymask.geometry import rle
from anymask.images.read import ImageSource, read_image
from anymask.models.text.namer import Namer, open_namer
from anymask.types import Masks

__all__ = ["LEAST", "Named", "name_masks", "probabilities", "shares", "without_parts"]

Floats = NDArray[np.float32]

LEAST = 0.5
"""A mask whose likeliest name has a lower probability gets none."""
INSIDE = 0.8
"""Share of a mask within a larger one from which on it is a part of it."""


@dataclass(frozen=True)
class Named:
    """What masks are, in their order."""

    names: tuple[str | None, ...]
    """The likeliest name of each; None if none is likely enough."""
    probability: Floats
    """(N,) of the likeliest name, also where no name is given."""
    all: Floats
    """(N, K) of each phrase."""

    def meta(self) -> dict[str, list[Any]]:
        """Names and rounded probabilities as a record keeps them, None where there is no name."""
        scores = [
            None if name is None else round(score, 4)
            for name, score in zip(self.names, self.probability.tolist(), strict=True)
        ]
        return {"categories": list(self.names), "category_scores": scores}


def name_masks(
    image: ImageSource,
    masks: Masks,
    names: Sequence[str],
    *,
    least: float = LEAST,
    namer: Namer | None = None,
) -> Named:
    """Choose a name for each mask.

    image: what `read_image` accepts.
    masks: masks of it.
    names: the names to choose from, English.
    least: least probability of a name that is given.
    namer: the text model; None for the one in the package.

    Raises PromptError for a name that cannot be used or masks of another size, ImageError, WeightsError.
    """
    if not names:
        raise PromptError("names must hold at least one name, got none. Give nouns such as 'cup'.")
    namer, pixels = namer or open_namer(), read_image(image)
    found = shares(namer, pixels, masks, names)
    best = found.argmax(axis=1) if len(masks) else np.zeros(0, np.intp)
    likely = found[np.arange(len(masks)), best]
    chosen = tuple(
        names[place] if share >= least else None
        for place, share in zip(best.tolist(), likely.tolist(), strict=True)
    )
    return Named(chosen, likely, found)


def without_parts(names: Sequence[str | None], masks: Masks) -> tuple[str | None, ...]:
    """The names without those of parts: an eye of a cat looks like a cat, but is not one more.

    A mask that lies in a larger one of the same name gets no name.
    """
    shared_NN = rle.intersection(masks.rles, masks.rles, masks.size)
    areas_N = masks.areas
    inside_NN = (shared_NN > INSIDE * areas_N[:, None]) & (areas_N[:, None] < areas_N)
    kept = [
        not any(inside_NN[row, other] and names[other] == name for other in range(len(names)))
        for row, name in enumerate(names)
    ]
    return tuple(name if keep else None for name, keep in zip(names, kept, strict=True))


def probabilities(namer: Namer, pixels: NDArray[np.uint8], masks: Masks, phrases: Sequence[str]) -> Floats:
    """How likely each mask is what each phrase names, each phrase by itself: (N, K)."""
    own, rest = namer.logits(_features(namer, pixels, masks), phrases, apart=True)
    return np.asarray(1 / (1 + np.exp(np.clip(rest - own, -60, 60))), np.float32)


def shares(namer: Namer, pixels: NDArray[np.uint8], masks: Masks, phrases: Sequence[str]) -> Floats:
    """How likely each mask is what each phrase names, if it is at most one of them: (N, K)."""
    own, rest = namer.logits(_features(namer, pixels, masks), phrases, apart=False)
    every = np.concatenate([own, rest[:, :1]], axis=1)
    weights = np.exp(every - every.max(axis=1, keepdims=True))
    return np.asarray(weights[:, :-1] / weights.sum(axis=1, keepdims=True), np.float32)


def _features(namer: Namer, pixels: NDArray[np.uint8], masks: Masks) -> Floats:
    if masks.size != pixels.shape[:2]:
        raise PromptError(
            f"masks must have the image's size {pixels.shape[0]} x {pixels.shape[1]}, got {masks.size[0]} x "
            f"{masks.size[1]}. Give masks of this image."
        )
    return namer.features(pixels, masks.rles)
