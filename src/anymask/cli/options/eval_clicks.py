"""The options of `anymask eval clicks`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import one_of

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options", "declare_prompting"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    data: Sequence[str]
    split: str | None
    model: str
    device: str
    offline: bool
    max_images: int | None
    max_masks: int
    zoom: bool | None
    baseline: Literal["grabcut", "none"]
    against: str | None
    seed: int
    output: str | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    declare_prompting(parser)
    parser.add_argument(
        "--baseline",
        type=one_of("grabcut", "none"),
        default="none",
        metavar="NAME",
        help="grabcut: OpenCV's GrabCut from the same boxes, in the same run (slow). Default: none.",
    )
    parser.add_argument(
        "--against",
        metavar="MODEL",
        help="Another model, prompted for the same masks: the differences from it are shown too, with paired "
        "intervals. Does fine-tuning help? --model runs/mine --against compact.",
    )
    shared.declare_report(parser)
    shared.declare_max_memory(parser)


def declare_prompting(parser: Parser) -> None:
    """What the protocols share that prompt a model for the masks of data sets."""
    shared.declare_data_sets(parser)
    shared.declare_model(parser)
    shared.declare_max_images(parser, "drawn at random")
    shared.declare_max_masks(parser)
    shared.declare_zoom(parser)


COMMAND = Command(
    name="eval clicks",
    usage="--data PATH... [--model MODEL] [OPTION]...",
    summary="Measure a model by simulated clicks and boxes.",
    details="Measure a model by simulated clicks and boxes: mean IoU after 1, 2, 3, 5 and 9 clicks, from a "
    "box, of the best of three masks, and the clicks needed for 85 and 90 % IoU, with 95 % intervals.\n\n"
    "  anymask eval clicks --data sets/coco sets/voc --split val --baseline grabcut -o report.json\n"
    "  anymask eval clicks --data held-back/ --model runs/mine --against compact",
    declare=declare,
    options=Options,
)
