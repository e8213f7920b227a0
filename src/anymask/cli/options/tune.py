"""The options of `anymask tune`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    data: str | None
    category: str | None
    split: str | None
    max_images: int
    example: Sequence[str]
    kind: Literal["instance", "semantic"]
    steps: int
    many: bool
    bands: str | None
    stretch: str | None
    limits: str | None
    model: str
    device: str
    offline: bool
    output: str
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("--data", metavar="PATH", help="A data set whose masks have categories.")
    parser.add_argument("--category", metavar="NAME", help="What to find: a category of the data set.")
    shared.declare_split(parser)
    shared.declare_max_images(parser, "the first ones that show the category", default=64, least=2)
    parser.add_argument(
        "--example",
        action="append",
        default=[],
        metavar="PHOTO=TARGET",
        help="Instead of --data: a photo and what to find in it, as for 'anymask like'. Repeat it.",
    )
    shared.declare_kind(parser)
    parser.add_argument(
        "--steps", type=whole(1), default=60, metavar="N", help="Steps of optimisation. Default: 60."
    )
    shared.declare_many(parser)
    shared.declare_bands(parser)
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE.safetensors", help="The file of the tuned context."
    )
    shared.declare_model(parser, "context", "SegGPT")
    shared.declare_force(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="tune",
    usage="(--data PATH --category NAME | --example PHOTO=TARGET...) -o FILE [OPTION]...",
    summary="Learn one example from many, for 'anymask like'.",
    details="Learn one example from many images, for 'anymask like'. The model itself stays as it is, "
    "and only this model can use the result. Takes minutes on a CPU.\n\n"
    "  anymask tune --data sets/tools --category hammer -o hammer.safetensors\n\n"
    "The result goes to 'anymask like --example hammer.safetensors'.",
    declare=declare,
    options=Options,
)
