"""The options of `anymask data check`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options", "declare"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    paths: Sequence[str]
    split: str | None
    ignore: int | None
    as_json: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="Data sets, as for training.")
    shared.declare_split(parser)
    shared.declare_ignore(parser)
    shared.declare_json(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="data check",
    usage="PATH... [--split NAME] [--ignore NUMBER] [--json]",
    summary="Read every item of data sets and report what is wrong with them.",
    details="Read every item of data sets and report items that cannot be read, items with the same name, "
    "and masks that are empty or duplicated. The exit code is 2 if there are any.\n\n"
    "  anymask data check sets/coco",
    declare=declare,
    options=Options,
)
