"""The options of `anymask eval text`. Standard library only."""

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
    weights: str | None
    new: str
    names_only: bool
    threshold: float | None
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
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="The text.safetensors of 'anymask train text_compact'. Default: the one in the package.",
    )
    parser.add_argument(
        "--new",
        default="",
        metavar="NAME,...",
        help="Names, and names of data sets, that the weights were not trained on, for figures of their own.",
    )
    parser.add_argument(
        "--names-only", action="store_true", help="Only name true masks; do not search images for names."
    )
    parser.add_argument(
        "--threshold", type=float, metavar="P", help="As of 'anymask segment --text'. Default: 0.28."
    )
    shared.declare_max_images(parser, "the first ones")
    shared.declare_report(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="eval text",
    usage="--data PATH... [OPTION]...",
    summary="Measure text prompts: names for masks, masks for names.",
    details="Measure the text model: how often the name of a true mask is first or among the first five of "
    "all names of its data set; how well what is found for a name covers the annotated masks; and how often "
    "something is found for a name that the image has not.\n\n"
    "  anymask eval text --data sets/voc sets/coco --split val -o report.json",
    declare=declare,
    options=Options,
)
