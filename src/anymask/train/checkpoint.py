"""The state of a run on disk: enough to go on exactly, written so that a kill never leaves half a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from anymask.errors import WeightsError

STATE = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values to `folder`, replacing the last state in one step."""
    temporary = folder / (STATE + ".tmp")
    torch.save(state, temporary)
    os.replace(temporary, folder / STATE)


def load_state(folder: Path) -> dict[str, Any] | None:
    """The last state of a run, or None where there is none; `WeightsError` if it cannot be read."""
    path = folder / STATE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(f"{path} must be the state of a run, got a file that cannot be read ({error}).") from error
    return state


class Average:
    """An exponential moving average of the weights; the decay rises with the step, so that it starts soon."""

    def __init__(self, parameters: dict[str, torch.Tensor], decay: float) -> None:
        self.decay = decay
        self.values = {name: p.detach().clone() for name, p in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: dict[str, torch.Tensor], step: int) -> None:
        """Move towards the present weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in self.values.items():
            value.lerp_(parameters[name].detach().to(value.dtype), 1 - decay)
