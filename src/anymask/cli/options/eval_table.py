"""The options of `anymask eval table`. Standard library only."""

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

    name: str | None
    data: str
    model: str | None
    runs: list[str]
    device: str
    offline: bool
    limit: int | None
    needs: bool
    self_test: bool
    seed: int
    output: str | None
    as_json: bool
    force: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="The table. Without it all tables are listed."
    )
    parser.add_argument(
        "--data",
        default=".",
        metavar="ROOT",
        help="The folder with the data sets, each as its archives are unpacked. Default: this folder.",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="A name (see 'anymask models'), a weights file or a run directory. Default: compact, or context "
        "for tables of models that work by examples.",
    )
    parser.add_argument(
        "--runs",
        nargs="+",
        default=[],
        metavar="LABEL=MODEL",
        help="For tables that compare models (sam-stages, sam-volume, sam-encoders): for each a label, such "
        "as the share of the data, and a name, file or run directory.",
    )
    shared.declare_device(parser)
    shared.declare_offline(parser)
    parser.add_argument(
        "--limit",
        type=whole(1),
        metavar="N",
        help="A quick look: at most N items of each data set, drawn at random. Default: all.",
    )
    parser.add_argument(
        "--needs",
        action="store_true",
        help="List the data sets of the table, or of all: what each needs below ROOT, where it comes from, "
        "its size and licence, and whether it is there.",
    )
    parser.add_argument(
        "--self-test",
        action="store_true",
        help="Check the table without data: a stub model on a tiny copy of its data sets must reach known "
        "figures.",
    )
    shared.declare_report(parser)


COMMAND = Command(
    name="eval table",
    usage="[NAME] [--data ROOT] [--model MODEL] [OPTION]...",
    summary="Measure a model as a published table does.",
    details="Measure a model as a table or figure of the papers does, with the published rows beside it. "
    "Data sets that are not there are named with where they come from, and the rest of the table is still "
    "made. With -o a page with figures is written beside the JSON, and an interrupted run resumes. Without a "
    "name, lists the tables and how many of their data sets are there.\n\n"
    "  anymask eval table sam-points --data /data --model sam_vit_b -o points.json\n"
    "  anymask eval table sam-volume --data /data --runs 0.1=runs/tenth 1=runs/whole -o volume.json\n"
    "  anymask eval table --data /data\n"
    "  anymask eval table sam-points --data /data --needs",
    declare=declare,
    options=Options,
)
