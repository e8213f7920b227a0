"""Loading a model for a command, with the progress of its download."""

from __future__ import annotations

from anymask.cli.console import progress
from anymask.models import InContext, Sam, load_painter, load_sam

__all__ = ["load_example_model", "load_model"]


def load_model(
    name_or_path: str, *, device: str = "auto", compile: bool = False, offline: bool = False
) -> Sam:
    """As `anymask.models.load_sam`, with the progress of a download."""
    with progress("bytes") as advance:
        return load_sam(
            name_or_path,
            device=device,
            compile=compile,
            offline=offline,
            progress=lambda done, total: advance(done, total, f"downloading {name_or_path}"),
        )


def load_example_model(name_or_path: str, *, device: str = "auto", offline: bool = False) -> InContext:
    """As `anymask.models.load_painter`, with the progress of a download."""
    with progress("bytes") as advance:
        return load_painter(
            name_or_path,
            device=device,
            offline=offline,
            progress=lambda done, total: advance(done, total, f"downloading {name_or_path}"),
        )
