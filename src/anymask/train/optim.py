"""Settings of AdamW, the learning rate schedule and layer-wise decay."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from torch import nn

from anymask.errors import InputError, unknown_name

SCHEDULES = ("steps", "cosine", "constant")


@dataclass(frozen=True)
class Optim:
    """AdamW settings; the defaults are those of the SAM paper, appendix A.

    lr: learning rate after the warm-up.
    weight_decay: for matrices; other parameters have none, see `parameter_groups`.
    betas: of Adam.
    layer_decay: factor on the learning rate for each layer of the encoder, from the last to the first.
    warmup: number of steps in which the rate rises linearly.
    schedule: after the warm-up "steps" divides the rate by ten at each of `drops`, "cosine" decays it to 0,
        "constant" keeps it.
    drops: when "steps" drops the rate, as shares of all steps.
    clip: largest norm of the gradient; 0 turns clipping off.
    """

    lr: float = 8e-4
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)
    layer_decay: float = 0.8
    warmup: int = 250
    schedule: str = "steps"
    drops: tuple[float, ...] = (60_000 / 90_000, 86_666 / 90_000)
    clip: float = 1.0

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        if self.schedule not in SCHEDULES:
            raise unknown_name("schedule", self.schedule, SCHEDULES)
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"betas must be from 0 to under 1, got {self.betas}. Try [0.9, 0.999].")
        if self.lr <= 0 or not 0 < self.layer_decay <= 1:
            raise InputError(
                "lr must be positive and layer_decay over 0 and at most 1, "
                f"got {self.lr} and {self.layer_decay}. Layer decay 1 treats all layers alike."
            )

    def rate(self, step: int, steps: int) -> float:
        """Factor on the learning rate at `step` of `steps`, in [0, 1]."""
        warm = min(1.0, (step + 1) / max(1, self.warmup))
        if self.schedule == "cosine":
            done = max(0, step - self.warmup) / max(1, steps - self.warmup)
            return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        drops = self.drops if self.schedule == "steps" else ()
        return warm * 0.1 ** sum(step >= share * steps for share in drops)


_LAYER = re.compile(r"(?:image_encoder\.)?(?:blocks|stages)\.(\d+)\.")
_UNDECAYED = re.compile(
    r"pos_embed|_embed\.weight$|point_embeddings\.|_tokens?\.weight$|(?:mask|segment|type)_token|^segment$"
)
_FIRST = re.compile(r"(?:image_encoder\.)?(?:patch_embed|pos_embed|stem)")


def parameter_groups(model: nn.Module, optim: Optim) -> list[dict[str, Any]]:
    """Parameter groups for AdamW with layer-wise decay of the learning rate.

    The first layers of the encoder have the lowest rate, everything after the encoder the full rate. Norms,
    biases, position embeddings and learned tokens have no weight decay.
    """
    names = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    depth = 1 + max((int(m[1]) + 1 for name, _ in names if (m := _LAYER.match(name))), default=0)
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in names:
        scale = optim.layer_decay ** (depth - _layer(name, depth))
        decay = optim.weight_decay if parameter.dim() > 1 and not _UNDECAYED.search(name) else 0.0
        group = groups.setdefault((scale, decay), {"params": [], "scale": scale, "weight_decay": decay})
        group["params"].append(parameter)
    return list(groups.values())


def _layer(name: str, depth: int) -> int:
    if _FIRST.match(name):
        return 0
    match = _LAYER.match(name)
    return int(match[1]) + 1 if match else depth
