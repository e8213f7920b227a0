"""Checking the name of a model before it is loaded."""

from __future__ import annotations

from pathlib import Path

__all__ = ["check_model"]


def check_model(name: str) -> None:
    """Raise WeightsError for a weights file that does not exist, without loading or downloading anything.

    Commands call it before they look at their output: a missing input is reported before an existing output.
    """
    path = Path(name).expanduser()
    if path.exists() or (path.name == name and not path.suffix):
        return
    from anymask.models.checkpoints import hub

    if name not in hub.CARDS:
        hub.find(name, offline=True)
