"""Fingerprints of weights: embeddings and learned contexts are used only with the model that made them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from anymask.models.layers import states_of

__all__ = ["fingerprint_of"]

_known: WeakKeyDictionary[nn.Module, tuple[tuple[tuple[int, int], ...], str]] = WeakKeyDictionary()


def fingerprint_of(part: nn.Module, config: Any) -> str:
    """16 hexadecimal digits of the weights of a network and its configuration, a dataclass.

    Weights are rounded to bfloat16 first, so that the fingerprint is the same in every float type and on
    every device. Cached per state of the weights; changes through `Tensor.data` are not detected.
    """
    state = states_of(part)
    known = _known.get(part)
    if known is None or known[0] != state:
        known = _known[part] = (state, _digest(part, {**asdict(config), "drop_path": None}))
    return known[1]


def _digest(part: nn.Module, settings: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, tensor in sorted(part.state_dict(keep_vars=True).items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        rounded = tensor.detach().to("cpu", torch.bfloat16).contiguous()
        digest.update(rounded.view(torch.int16).numpy().tobytes())
    return digest.hexdigest()[:16]
