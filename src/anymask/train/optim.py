"""Which parameter learns how fast, and when."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Optim:
    """AdamW settings. `drops` are the shares of all steps at which "steps" divides the rate by ten."""

    lr: float = 8e-4
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    layer_decay: float = 0.8
    warmup: int = 250
    schedule: str = "steps"
    drops: tuple[float, ...] = (60_000 / 90_000, 86_666 / 90_000)
    clip: float = 1.0

    def rate(self, step: int, steps: int) -> float:
        """Factor on the learning rate at `step` of `steps`, in [0, 1]."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        if self.schedule == "cosine":
            done = max(0, step - self.warmup) / max(1, steps - self.warmup)
            return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return warm * 0.1 ** sum(step >= share * steps for share in self.drops)


_LAYER = re.compile(r"image_encoder\.(?:blocks|stages)\.(\d+)\.")
_FIRST = ("image_encoder.patch_embed", "image_encoder.pos_embed", "image_encoder.stem")


def parameter_groups(model: nn.Module, optim: Optim) -> list[dict[str, Any]]:
    """Groups for AdamW with layer-wise decay: the encoder's first layers learn slowest, all else at full rate.

    Vectors (norms, biases, tokens) have no weight decay.
    """
    names = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    depth = 1 + max((int(m[1]) + 1 for name, _ in names if (m := _LAYER.match(name))), default=0)
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in names:
        scale = optim.layer_decay ** (depth - _layer(name, depth))
        decay = optim.weight_decay if parameter.dim() > 1 and "embed" not in name and "token" not in name.split(".")[-2] else 0.0
        group = groups.setdefault((scale, decay), {"params": [], "scale": scale, "weight_decay": decay})
        group["params"].append(parameter)
    return list(groups.values())


def _layer(name: str, depth: int) -> int:
    if name.startswith(_FIRST):
        return 0
    match = _LAYER.match(name)
    return int(match[1]) + 1 if match else depth
