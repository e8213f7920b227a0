"""The options of `anymask version`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options.command import Command

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """There are none."""


def declare(parser: Parser) -> None:
    """Declare nothing."""


COMMAND = Command(
    name="version",
    usage="",
    summary="Print the version.",
    details="Print the version.\n\n  anymask version",
    declare=declare,
    options=Options,
)
