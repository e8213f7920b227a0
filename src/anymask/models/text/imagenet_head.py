"""ImageNet's head of EfficientNet-Lite0: its last convolution and its classifier of 1,000 classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from anymask.models.checkpoints.imagenet import EPS, imagenet_state

__all__ = ["ImageNetHead"]

ROWS = 4096
"""Rows that are classified at once."""


@dataclass(frozen=True)
class ImageNetHead:
    """Weights (1280, 320) and bias of the convolution, norm folded in; (1000, 1280) of the classifier."""

    weight: Tensor
    bias: Tensor
    classes: Tensor
    classes_bias: Tensor

    @staticmethod
    def load() -> ImageNetHead:
        """From the package of the extra `train`. Raises MissingExtraError without it.

        The convolution is rounded to half precision, as the trained model stores it.
        """
        state = imagenet_state()
        gain = state["_bn1.weight"] / (state["_bn1.running_var"] + EPS).sqrt()
        weight = state["_conv_head.weight"][:, :, 0, 0] * gain[:, None]
        bias = state["_bn1.bias"] - state["_bn1.running_mean"] * gain
        return ImageNetHead(
            weight.half().float(), bias.half().float(), state["_fc.weight"], state["_fc.bias"]
        )

    @torch.no_grad()
    def probabilities(self, features_N: Tensor) -> Tensor:
        """(N, 1000) of pooled features (N, 1280)."""
        parts = [
            torch.softmax(some.float() @ self.classes.T + self.classes_bias, 1)
            for some in torch.split(features_N, ROWS)
        ]
        return torch.cat(parts) if parts else torch.zeros(0, len(self.classes))
