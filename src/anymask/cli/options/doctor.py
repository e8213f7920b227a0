"""The options of `anymask doctor`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    as_json: bool
    tune: bool


def declare(parser: Parser) -> None:
    """What is done besides, and in which form the result is printed."""
    parser.add_argument(
        "--tune",
        action="store_true",
        help="Measure how many threads are fastest here, and use so many from now on.",
    )
    shared.declare_json(parser)


COMMAND = Command(
    name="doctor",
    usage="[--tune] [--json]",
    summary="Check the installation and the machine.",
    details="Print what is installed, which CPU features are used, what is missing and the command that adds "
    "it, and try the model on a bundled photo. The exit code is 1 if that fails.\n\n"
    "  anymask doctor\n"
    "  anymask doctor --tune\n\n"
    "Measuring takes a few seconds; do it while the machine does nothing else.",
    declare=declare,
    options=Options,
)
