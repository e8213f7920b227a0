"""The options of `anymask engine audit`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import number, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options; None stands for a default of the library."""

    path: str
    output: str | None
    max_images: int
    max_masks: int | None
    scratch: float | None
    seed: int | None
    split: str | None
    as_json: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "path", metavar="DATASET|AUDIT", help="A data set with automatic masks, or the folder of an audit."
    )
    parser.add_argument("-o", "--output", metavar="AUDIT", help="For a data set: the folder to make.")
    shared.declare_max_images(parser, "drawn at random", 500)
    parser.add_argument(
        "--max-masks",
        type=whole(1),
        metavar="N",
        help="Use at most N masks of each image, drawn at random. Default: all.",
    )
    parser.add_argument(
        "--scratch",
        type=number,
        metavar="SHARE",
        help="The share of images that people draw from scratch. Default: 0.2.",
    )
    parser.add_argument("--seed", type=whole(0), metavar="N", help="Seed of the draws. Default: 0.")
    shared.declare_split(parser)
    shared.declare_json(parser)


COMMAND = Command(
    name="engine audit",
    usage="DATASET|AUDIT [-o AUDIT] [OPTION]...",
    summary="Have people correct a sample of automatic masks, and report how many were good.",
    details="Draw a random sample of automatic masks for people to correct in the app, and report which "
    "share had over 90 % and over 75 % IoU with the corrected mask, with 95 % intervals.\n\n"
    "  anymask engine audit dataset -o audit --max-images 500\n"
    "  anymask engine audit audit\n\n"
    "In between, people open the audit with `anymask serve audit`, correct or remove each mask and mark the "
    "image as done. A part of the images has no masks: there they draw the objects from scratch, since a "
    "mask that one starts from is flattered. Needs the extra `app` (see docs/data-engine.md).",
    declare=declare,
    options=Options,
)
