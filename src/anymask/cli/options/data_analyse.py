"""The options of `anymask data analyse`. Standard library only."""

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

    path: str
    compare: Sequence[str]
    output: str | None
    places: str | None
    positions: bool
    duplicates: bool
    groups: str | None
    model: str
    device: str
    offline: bool
    split: str | None
    ignore: int | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("path", metavar="DATASET", help="A data set, as for training.")
    parser.add_argument(
        "--compare", nargs="+", default=[], metavar="DATASET", help="Data sets to show in the same figures."
    )
    parser.add_argument(
        "-o", "--output", metavar="REPORT", help="The folder of the report. Needed without --json."
    )
    parser.add_argument(
        "--places",
        metavar="TABLE.csv",
        help="Count the images by country: a table with the column image (an id or file name), and country "
        "(a name or ISO code), latitude and longitude, or caption.",
    )
    parser.add_argument(
        "--positions",
        action="store_true",
        help="Count the images by the country of the position in their EXIF; reads every image file.",
    )
    parser.add_argument(
        "--duplicates",
        action="store_true",
        help="Find images that show nearly the same, such as smaller copies; decodes every image.",
    )
    parser.add_argument(
        "--groups",
        metavar="TABLE.csv",
        help="Measure a model by clicks for each group of a table: the columns image (an id or file name), "
        "group, and mask (an id, or the number from 1) where it has one.",
    )
    shared.declare_model(parser)
    shared.declare_split(parser)
    shared.declare_ignore(parser)
    shared.declare_json(parser)
    shared.declare_force(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="data analyse",
    usage="DATASET [--compare DATASET...] -o REPORT [OPTION]...",
    summary="Show what the masks of data sets are like, where images come from, and whom a model serves.",
    details="Show what the masks of data sets are like: masks per image, relative size, concavity, where "
    "their centres lie, scores, masks at the edge, near-duplicates; where the images come from; and how well "
    "a model serves groups of people. The measures are those of the paper on Segment Anything, section 5.\n\n"
    "  anymask data analyse sets/coco -o report\n"
    "  anymask data analyse sa1b/ --compare sets/coco -o report --places countries.csv\n"
    "  anymask data analyse sets/people -o report --groups groups.csv\n\n"
    "REPORT/index.html is one page with everything; beside it lie report.json, the figures as SVG and PNG, "
    "and sample images with their masks as JPEG. Other images are decoded only where an option needs it, and "
    "memory does not grow with the data set (see docs/analysis.md).",
    declare=declare,
    options=Options,
)
