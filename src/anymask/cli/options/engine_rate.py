"""The options of `anymask engine rate`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import one_of, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    path: str
    output: str | None
    model: Sequence[str]
    prompt: str
    max_images: int
    max_masks: int
    seed: int
    split: str | None
    device: str
    offline: bool
    as_json: bool
    force: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "path", metavar="DATASET|RATING", help="A data set with true masks, or the folder of a rating."
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="For a data set: the folder to make. For a rating: a CSV file for "
        "`anymask eval table sam-rating`.",
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="A model whose masks are rated; repeat it for several. Default: compact.",
    )
    parser.add_argument(
        "--prompt",
        type=one_of("click", "box"),
        default="click",
        metavar="KIND",
        help="What every model gets: click, in the middle of the object, or box. Default: click.",
    )
    shared.declare_max_images(parser, "drawn at random", 50)
    parser.add_argument(
        "--max-masks", type=whole(1), default=1, metavar="N", help="Masks of each image. Default: 1."
    )
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="Seed of the draws. Default: 0."
    )
    shared.declare_split(parser)
    shared.declare_device(parser)
    shared.declare_offline(parser)
    shared.declare_json(parser)
    shared.declare_force(parser)


COMMAND = Command(
    name="engine rate",
    usage="DATASET -o RATING [--model MODEL]... [OPTION]... | RATING [-o FILE.csv]",
    summary="Have people rate masks of several models and the truth without knowing which is which.",
    details="Draw masks of a data set, predict them by several models from the same prompts, and write a "
    "page on which people rate them from 1 to 10, shuffled, the truth among them. The page, "
    "RATING/rate.html, needs no server: send it to the raters, and put the CSV files that they save into "
    "RATING/ratings. RATING/key.json says what each job is; keep it from them. The same command on RATING "
    "prints the mean ratings with 95 % intervals, the differences of all pairs with 99 % intervals and "
    "paired t-tests, and how far the raters agree.\n\n"
    "  anymask engine rate dataset -o rating --model compact --model sam_vit_b\n"
    "  anymask engine rate rating -o ratings.csv",
    declare=declare,
    options=Options,
)
