"""Low-rank updates of a frozen encoder (Hu et al., "LoRA", 2021), as a parametrisation of its weights.

The network needs no changes: wherever it reads `layer.weight` it gets W + up @ down. Saving merges the
updates, so the result is an ordinary model.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from anymask.errors import InputError
from anymask.models.sam import Sam
from anymask.models.vit import Vit


class LowRank(nn.Module):
    """Adds up @ down, initially zero, to a weight of shape (out, in) or (out, in, 1, 1)."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        """`weight`: the weight to update; the rank is limited to its smaller side."""
        super().__init__()
        out, into = weight.shape[:2]
        rank = min(rank, out, into)
        self.down = nn.Parameter(torch.randn(rank, into) / math.sqrt(into))
        self.up = nn.Parameter(torch.zeros(out, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The updated weight."""
        return weight + (self.up @ self.down).view_as(weight)


def add_lora(model: Sam, rank: int) -> None:
    """Freeze the encoder and add low-rank updates: to qkv and proj of a ViT, else to 1x1 convolutions.

    Raises `InputError` for a rank under 1.
    """
    if rank < 1:
        raise InputError(f"lora_rank must be at least 1, got {rank}. Usual is 4.")
    for layer in _adapted(model.image_encoder.requires_grad_(False)):
        weight = layer.weight
        assert isinstance(weight, Tensor)
        parametrize.register_parametrization(layer, "weight", LowRank(weight, rank))


def _adapted(encoder: nn.Module) -> list[nn.Module]:
    if isinstance(encoder, Vit):
        return [getattr(block.attn, name) for block in encoder.blocks for name in ("qkv", "proj")]
    return [it for it in encoder.modules() if isinstance(it, nn.Conv2d) and it.kernel_size == (1, 1)]


def merged(model: Sam) -> Sam:
    """A model with all updates merged into ordinary weights; the same model if it has none."""
    if not any(parametrize.is_parametrized(layer) for layer in model.modules()):
        return model
    with torch.device("meta"):
        plain = Sam(model.config)
    weights = {name: _value(model, name) for name in plain.state_dict()}
    plain.load_state_dict(weights, assign=True)
    return plain.train(model.training)


@torch.no_grad()
def _value(model: nn.Module, name: str) -> Tensor:
    path, _, attribute = name.rpartition(".")
    value = getattr(model.get_submodule(path), attribute)
    assert isinstance(value, Tensor)
    return value.detach()
