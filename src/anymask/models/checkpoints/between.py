"""Weights on the way from those before a fine-tuning to those after it.

Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022): a point between the ends is often
better than both. Where a fine-tuning on few images went too far, this is also the way back.
"""

from __future__ import annotations

from pathlib import Path

import torch

from anymask.errors import InputError
from anymask.models.checkpoints.load import MODEL_FILE, Stored, save

__all__ = ["save_between"]


def save_between(before: Stored, after: Stored, share: float, place: Path) -> None:
    """Write a model whose weights are `share` of the way from those of one model to those of another.

    before, after: two models of the same shape, such as one and its fine-tuned copy; `after` is changed.
    share: from 0, the weights of `before`, to 1, those of `after`.
    place: the folder, made where it is missing; `anymask.load` opens it.

    Raises InputError for models of different shapes, and OutputError like `save`.
    """
    old, new = before.state_dict(), after.state_dict()
    if {name: one.shape for name, one in old.items()} != {name: one.shape for name, one in new.items()}:
        raise InputError("after must have the shape of before, got another. Give a fine-tuned copy of it.")
    with torch.no_grad():
        after.load_state_dict({name: torch.lerp(old[name], new[name], share) for name in old})
    place.mkdir(exist_ok=True)
    save(after, place / MODEL_FILE)
