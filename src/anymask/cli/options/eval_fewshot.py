"""The options of `anymask eval fewshot`. Standard library only."""

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

    data: Sequence[str]
    split: str | None
    model: str
    device: str
    offline: bool
    shots: Sequence[int]
    ensemble: Literal["feature", "spatial"]
    max_queries: int
    seed: int
    output: str | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    shared.declare_data_sets(parser)
    shared.declare_model(parser, "context", "SegGPT")
    parser.add_argument(
        "--shots",
        type=whole(1),
        nargs="+",
        default=[1, 4, 8],
        metavar="N",
        help="Numbers of examples per query. Default: 1 4 8.",
    )
    parser.add_argument(
        "--max-queries",
        type=whole(1),
        default=8,
        metavar="N",
        help="Use at most N queries for each class of a data set, drawn at random. Default: 8.",
    )
    shared.declare_ensemble(parser)
    shared.declare_report(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="eval fewshot",
    usage="--data PATH... [--model MODEL] [OPTION]...",
    summary="Measure an in-context model on classes that examples show.",
    details="Measure an in-context model: each class of a data set is shown by one, four and eight images "
    "and searched in others. Mean IoU over classes, with 95 % intervals, compared with two baselines without "
    "a model: the example's mask copied, and nearest colours.\n\n"
    "  anymask eval fewshot --data sets/fruits sets/tools --split val -o report.json",
    declare=declare,
    options=Options,
)
