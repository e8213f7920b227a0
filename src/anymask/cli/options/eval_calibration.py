"""The options of `anymask eval calibration`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.eval_clicks import declare_prompting

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


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
    plot: str | None
    corrected_model: str | None
    seed: int
    output: str | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    declare_prompting(parser)
    parser.add_argument("--plot", metavar="OUT.png", help="Also plot real over predicted IoU.")
    parser.add_argument(
        "--corrected-model",
        metavar="OUT.safetensors",
        help="Also write the model with its predicted IoUs lowered by the mean error.",
    )
    shared.declare_report(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="eval calibration",
    usage="--data PATH... [--model MODEL] [OPTION]...",
    summary="Measure how well predicted IoUs agree with real ones.",
    details="Measure how well predicted IoUs agree with real ones: the real IoU of masks from clicks and "
    "boxes by bins of the predicted IoU, and the expected calibration error.\n\n"
    "  anymask eval calibration --data sets/coco sets/voc --split val --plot reliability.png",
    declare=declare,
    options=Options,
)
