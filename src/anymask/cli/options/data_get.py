"""The options of `anymask data get`. Standard library only."""

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

    name: str
    links: str | None
    only: str | None
    output: str | None
    as_json: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("name", metavar="NAME", help="The data set: sa1b.")
    parser.add_argument(
        "--links", metavar="FILE", help="Its list of links: file name and address on each line. Needed."
    )
    parser.add_argument(
        "--only", metavar="FIRST-LAST", help="Only the shards of these numbers, 0-9 for example."
    )
    parser.add_argument("-o", "--output", metavar="FOLDER", help="Where to keep the shards. Needed.")
    shared.declare_json(parser)


COMMAND = Command(
    name="data get",
    usage="sa1b --links FILE -o FOLDER [--only FIRST-LAST] [--json]",
    summary="Download a data set, resume, and check it.",
    details="Download SA-1B by the list of links that its page gives after you accept its licence, or a part "
    "of it. A stopped download is resumed by the same command; each shard is checked and indexed, so that "
    "images are read at random without unpacking.\n\n"
    "  anymask data get sa1b --links sa1b.txt --only 0-9 -o sa1b\n\n"
    "Every command takes sa1b:FOLDER as a data set, and sa1b:FOLDER?QUERY for a part of it, such as "
    "'sa1b:sa1b?images=1000&min_score=0.9' (see docs/training.md).",
    declare=declare,
    options=Options,
)
