"""Loading a model for a command, with the progress of its download."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymask.cli.console import progress
from anymask.models import InContext, Promptable, load_painter, load_sam

if TYPE_CHECKING:
    from anymask.models.checkpoints.load import InContextNetwork
    from anymask.models.sam import Sam

__all__ = ["load_example_model", "load_example_network", "load_model", "load_network"]


def load_model(
    name_or_path: str, *, device: str = "auto", compile: bool = False, offline: bool = False
) -> Promptable:
    """As `anymask.load_sam`, with the progress of a download."""
    with progress("bytes") as advance:
        return load_sam(
            name_or_path,
            device=device,
            compile=compile,
            offline=offline,
            progress=lambda done, total: advance(done, total, f"downloading {name_or_path}"),
        )


def load_network(name_or_path: str, *, device: str = "auto", offline: bool = False) -> Sam:
    """As `load_model`, always as a PyTorch module: for evaluation."""
    with progress("bytes") as advance:
        return load_sam(
            name_or_path,
            runtime="torch",
            device=device,
            offline=offline,
            progress=lambda done, total: advance(done, total, f"downloading {name_or_path}"),
        )


def load_example_model(name_or_path: str, *, device: str = "auto", offline: bool = False) -> InContext:
    """As `anymask.load_painter`, with the progress of a download."""
    with progress("bytes") as advance:
        return load_painter(
            name_or_path,
            device=device,
            offline=offline,
            progress=lambda done, total: advance(done, total, f"downloading {name_or_path}"),
        )


def load_example_network(
    name_or_path: str, *, device: str = "auto", offline: bool = False
) -> InContextNetwork:
    """As `load_example_model`, always as a PyTorch module: for evaluation and tuning."""
    with progress("bytes") as advance:
        return load_painter(
            name_or_path,
            runtime="torch",
            device=device,
            offline=offline,
            progress=lambda done, total: advance(done, total, f"downloading {name_or_path}"),
        )
