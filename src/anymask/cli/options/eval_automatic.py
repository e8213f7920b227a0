"""The options of `anymask eval automatic`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import integer

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options; None stands for a default that the library chooses."""

    data: Sequence[str]
    split: str | None
    model: str
    device: str
    offline: bool
    points_per_side: int | None
    crops: int | None
    one_pass: bool
    detector: str | None
    max_images: int | None
    seed: int
    output: str | None
    as_json: bool
    force: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_data_sets(parser)
    shared.declare_model(parser)
    shared.declare_points_per_side(parser, None, "32; for compact 14, and 2 in each crop")
    parser.add_argument(
        "--crops",
        type=integer,
        metavar="N",
        help="Add N layers of crops: 2 x 2, then 4 x 4. Default: 0; for compact 1.",
    )
    parser.add_argument(
        "--one-pass",
        action="store_true",
        help="Predict each mask once, from the whole image, without close-up crops.",
    )
    shared.declare_detector(parser)
    shared.declare_max_images(parser, "the first ones")
    shared.declare_report(parser)


COMMAND = Command(
    name="eval automatic",
    usage="--data PATH... [--model MODEL] [OPTION]...",
    summary="Measure automatic masks by recall, precision and boundaries.",
    details="Measure automatic masks as `anymask auto` generates them: average recall (AR), recall, "
    "precision and f1 at IoU 0.5 and 0.75, boundary F, islands per mask, coverage and time. Since not every "
    "object is annotated, precision and f1 serve to compare settings and models on the same images.\n\n"
    "  anymask eval automatic --data sets/coco --split val --max-images 10",
    declare=declare,
    options=Options,
)
