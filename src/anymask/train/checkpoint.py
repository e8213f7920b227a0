"""The state of a run on disk: complete enough for an exact resume, and written atomically."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from anymask.errors import OutputError, WeightsError
from anymask.files import staged

STATE = "state.pt"


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values to `folder`, replacing the last state atomically.

    Raises `OutputError` if it cannot be written, for example on a full disk; the last state is then kept.
    """
    try:
        with staged(folder / STATE, force=True) as new, new.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    except (OutputError, OSError, RuntimeError) as error:
        raise OutputError(
            f"out must have room for the state of the run, got {folder} ({error}). "
            "Make room, then resume: the last state was kept."
        ) from error


def load_state(folder: Path) -> dict[str, Any] | None:
    """The last state of a run, or None where there is none; `WeightsError` if it cannot be read."""
    path = folder / STATE
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"{path} must be the state of a run, got a file that cannot be read ({error}). "
            "Remove it to restart from scratch."
        ) from error
    return state


def check_fit(state: dict[str, torch.Tensor], present: dict[str, torch.Tensor], folder: Path) -> None:
    """Raise `WeightsError` unless the tensors of a state have the names and shapes of the model's."""
    old = {name: tuple(value.shape) for name, value in state.items()}
    new = {name: tuple(value.shape) for name, value in present.items()}
    if old != new:
        differing = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        raise WeightsError(
            f"{folder / STATE} must fit the model, got another {differing[0]} ({len(differing)} differ). "
            "Resume with the configuration that the run was started with."
        )


class Average:
    """Exponential moving average of the weights, with a lower decay at first to leave the initial values."""

    def __init__(self, parameters: dict[str, torch.Tensor], decay: float) -> None:
        """Start from the current weights; `decay` in [0, 1)."""
        self.decay = decay
        self.values = {name: p.detach().clone() for name, p in parameters.items()}

    @torch.no_grad()
    def update(self, parameters: dict[str, torch.Tensor], step: int) -> None:
        """Move the average towards the current weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in self.values.items():
            value.lerp_(parameters[name].detach().to(value.dtype), 1 - decay)
