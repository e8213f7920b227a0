"""The options of `anymask doctor`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from anymask.cli.options import shared
from anymask.cli.options.command import Command

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    as_json: bool


COMMAND = Command(
    name="doctor",
    usage="[--json]",
    summary="Check the installation and the machine.",
    details="Print what is installed, which CPU features are used, what is missing and the command that adds "
    "it, and try the model on a bundled photo. The exit code is 1 if that fails.\n\n"
    "  anymask doctor",
    declare=shared.declare_json,
    options=Options,
)
