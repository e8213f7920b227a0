"""The options of `anymask eval proposals`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
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

    data: Sequence[str]
    split: str | None
    model: str
    device: str
    offline: bool
    points_per_side: int
    candidates: int
    max_images: int | None
    seed: int
    output: str | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_data_sets(parser)
    shared.declare_model(parser)
    shared.declare_points_per_side(parser, 64, "64")
    shared.declare_candidates(parser, 1000, "Proposals for each image. Default: 1000.")
    shared.declare_max_images(parser, "the first ones")
    shared.declare_report(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="eval proposals",
    usage="--data PATH... [--model MODEL] [OPTION]...",
    summary="Measure ranked automatic masks by average recall.",
    details="Measure automatic masks as object proposals: average recall of annotated masks over IoU 0.5 to "
    "0.95, by number of proposals, by size and, where the file says so, by how rare a category is. COCO and "
    "LVIS come as JSON files.\n\n"
    "  anymask eval proposals --data sets/coco --split val -o report.json\n"
    "  anymask eval proposals --data lvis_v1_val.json --model sam_vit_h",
    declare=declare,
    options=Options,
)
