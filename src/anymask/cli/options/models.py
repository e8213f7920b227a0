"""The options of `anymask models`. Standard library only."""

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
    name="models",
    usage="[--json]",
    summary="List the models that are known by name.",
    details="List the models that are known by name, their size and licence, and which are on this machine."
    "\n\n  anymask models",
    declare=shared.declare_json,
    options=Options,
)
