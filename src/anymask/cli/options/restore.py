"""The options of `anymask restore`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options.command import Command

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options", "declare"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    file: str
    folder: str
    database: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("file", metavar="FILE", help="What 'anymask backup' wrote.")
    parser.add_argument("folder", metavar="FOLDER", help="The folder of the images; no project yet.")
    parser.add_argument("--database", metavar="URL", help="An empty database, instead of a file in FOLDER.")


COMMAND = Command(
    name="restore",
    usage="FILE FOLDER [--database URL]",
    summary="Make a project of the app from a backup.",
    details="Make a project in FOLDER from a file of 'anymask backup', of this version or an older one. Put "
    "the images of the folder back first: they find their masks by name. With --database the project moves "
    "from SQLite to PostgreSQL.\n\n"
    "  anymask restore photos-backup.zip photos/\n"
    "  anymask restore photos-backup.zip photos/ --database postgresql://me@host/photos",
    declare=declare,
    options=Options,
)
