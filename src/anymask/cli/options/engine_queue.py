"""The options of `anymask engine queue`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options; None stands for a default of the library."""

    project: str
    database: str | None
    first: int
    model: str | None
    device: str
    offline: bool
    as_json: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_project(parser)
    parser.add_argument(
        "--first", type=whole(1), default=20, metavar="N", help="Print the first N images. Default: 20."
    )
    parser.add_argument("--model", metavar="MODEL", help="Default: the project's version in use.")
    shared.declare_device(parser)
    shared.declare_offline(parser)
    shared.declare_json(parser)


COMMAND = Command(
    name="engine queue",
    usage="PROJECT [--first N] [OPTION]...",
    summary="Order the images of a project by what annotating them would teach the model.",
    details="Order the images that have no masks yet: first those that are typical of images unlike the ones "
    "that have masks or come before them. Images of which the model is unsure (low predicted IoU of clicks "
    "on a grid, three hypotheses that disagree) count up to twice. The places are stored: the app lists "
    "images by them (By the queue), and so does the HTTP API (sort=queue).\n\n"
    "  anymask engine queue photos/\n"
    "  anymask engine queue photos/ --first 100 --json",
    declare=declare,
    options=Options,
)
