"""Opening a model for a command, with the progress of its download."""

from __future__ import annotations

from anymask.cli.console import progress
from anymask.models import Sam, load

__all__ = ["load_model"]


def load_model(name_or_path: str, *, device: str = "auto", offline: bool = False) -> Sam:
    """As `anymask.load`, and a download shows how far it is."""
    with progress("bytes") as advance:
        return load(
            name_or_path,
            device=device,
            offline=offline,
            progress=lambda done, total: advance(done, total, f"downloading {name_or_path}"),
        )
