"""The options of `anymask train`. Standard library only."""

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

    recipe: str | None
    listed: bool
    show: bool
    data: Sequence[str]
    settings: Sequence[str]
    bands: str | None
    stretch: str | None
    limits: str | None
    output: str | None
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "recipe",
        nargs="?",
        metavar="RECIPE",
        help="The name of a recipe, see --list.",
        hint="Data sets are named by --data.",
    )
    parser.add_argument("--list", dest="listed", action="store_true", help="List the recipes.")
    parser.add_argument(
        "--show", action="store_true", help="Print the settings of RECIPE instead of training."
    )
    parser.add_argument(
        "--data",
        action="extend",
        nargs="+",
        default=[],
        metavar="PATH[=WEIGHT]",
        help="Data sets: folders of shards or of images with masks, COCO files; NAME:PATH for a published "
        "data set in its own folders, such as ade20k:sets/ade. Images are drawn in proportion to WEIGHT, "
        "1 if left out.",
    )
    shared.declare_settings(parser, "Change settings of the recipe, for example loop.steps=500.")
    shared.declare_bands(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="RUN",
        help="The run directory. If it holds the same run, stopped, that is resumed; -o alone, without "
        "RECIPE and --data, does so too.",
    )
    shared.declare_force(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="train",
    usage="RECIPE --data PATH[=WEIGHT]... -o RUN [--set KEY=VALUE]... | -o RUN | --list",
    summary="Train or fine-tune a model.",
    details="Train or fine-tune a model by a recipe. The same command resumes a run that was stopped; with "
    "--force it restarts from scratch.\n\n"
    "  anymask train --list\n"
    "  anymask train finetune_decoder --data photos/ more-photos/=2 --set loop.steps=500 -o runs/mine\n\n"
    "Progress goes to stderr: the latest figures on a terminal, else one JSON object per line. "
    "'anymask segment --model RUN' uses the result.",
    declare=declare,
    options=Options,
)
