"""Random weights and features whose masks are regions and not noise, for benchmarks without downloads."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from anymask.models import Sam

GAIN = 20.0
"""Factor for a random decoder's logits: real logits exceed the stability offset of 1."""


def smoothed(model: Sam) -> Sam:
    """Change the model: all pixels of one feature cell get the same, larger logits. Returns the model."""
    with torch.no_grad():
        for head in model.mask_decoder.output_hypernetworks_mlps:
            head.layers[-1].weight.mul_(GAIN)
        for weight in model.mask_decoder.output_upscaling.parameters():
            if weight.ndim == 4:
                weight.copy_(weight.mean((2, 3), keepdim=True).expand_as(weight))
    return model


def smooth_features() -> Tensor:
    """Features (1, 256, 64, 64) that change little between neighbouring cells."""
    return F.interpolate(torch.randn(1, 256, 8, 8), (64, 64), mode="bicubic")
