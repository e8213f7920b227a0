"""The options of `anymask eval edges`. Standard library only."""

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
    """The parsed options."""

    data: str
    split: str
    model: str
    device: str
    offline: bool
    points_per_side: int
    thresholds: int
    max_images: int | None
    seed: int
    output: str | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--data",
        required=True,
        metavar="PATH",
        help="A folder in the layout of BSDS500: images/<split>/*.jpg and groundTruth/<split>/*.mat.",
    )
    parser.add_argument("--split", default="test", metavar="NAME", help="Use only this split. Default: test.")
    shared.declare_model(parser)
    shared.declare_points_per_side(parser, 16, "16")
    shared.declare_max_images(parser, "the first ones")
    parser.add_argument(
        "--thresholds",
        type=whole(1),
        default=99,
        metavar="N",
        help="Number of thresholds, evenly spaced between 0 and 1. Default: 99.",
    )
    shared.declare_report(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="eval edges",
    usage="--data PATH [--split NAME] [--model MODEL] [OPTION]...",
    summary="Measure a model's edges against those that people drew.",
    details="Measure the edges that automatic masks give, on a folder in the layout of BSDS500: ODS, OIS, AP "
    "and the recall at half precision, with 95 % intervals, compared with Sobel's gradient. Needs the extra "
    "`eval`, see anymask doctor.\n\n"
    "  anymask eval edges --data BSDS500 --split test -o report.json",
    declare=declare,
    options=Options,
)
