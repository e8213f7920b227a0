"""The options of `anymask backup`. Standard library only."""

from __future__ import annotations

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

    folder: str
    output: str
    database: str | None
    force: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("folder", metavar="FOLDER", help="The project: its folder of images.")
    parser.add_argument("-o", dest="output", required=True, metavar="FILE", help="The zip file to write.")
    parser.add_argument(
        "--database", metavar="URL", help="The project's database, where it is not the file in FOLDER."
    )
    shared.declare_force(parser)


COMMAND = Command(
    name="backup",
    usage="FOLDER -o FILE [--database URL] [--force]",
    summary="Write a project of the app to one file.",
    details="Write masks with every revision, labels, users, comments and uploaded images of a project to a "
    "zip file, as they are at one moment; the server may run. Images that lie in FOLDER are not in it.\n\n"
    "  anymask backup photos/ -o photos-backup.zip",
    declare=declare,
    options=Options,
)
