"""The options of `anymask engine suggest`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import number

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options; None stands for a default of the library."""

    project: str
    database: str | None
    min_iou: float | None
    max_images: int | None
    points_per_side: int | None
    model: str | None
    detector: str | None
    device: str
    offline: bool
    as_json: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_project(parser)
    parser.add_argument(
        "--min-iou",
        type=number,
        metavar="X",
        help="Least predicted IoU of a suggestion. Default: 0.6 at first; "
        "then as low as people accept a quarter of the suggestions right above it.",
    )
    shared.declare_max_images(parser, "the first ones that are not done")
    shared.declare_points_per_side(parser, None, "as for `anymask auto`")
    parser.add_argument("--model", metavar="MODEL", help="Default: the project's version in use.")
    parser.add_argument(
        "--detector", metavar="RUN", help="As for `anymask auto`. Default: that of the version in use."
    )
    shared.declare_device(parser)
    shared.declare_offline(parser)
    shared.declare_json(parser)


COMMAND = Command(
    name="engine suggest",
    usage="PROJECT [--min-iou X] [OPTION]...",
    summary="Suggest confident automatic masks in the images of a project.",
    details="Make the automatic masks of all images that are not marked as done, and store the confident "
    "ones as suggestions: in the app they are dashed, and people accept or reject each by one key. What a "
    "mask of a person covers is left out, and so is what was rejected. Suggestions of an earlier version of "
    "the model that are still open are replaced. The same command resumes a run that was stopped.\n\n"
    "  anymask engine suggest photos/\n"
    "  anymask engine suggest photos/ --min-iou 0.8",
    declare=declare,
    options=Options,
)
