"""The options of `anymask licences`. Standard library only."""

from __future__ import annotations

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

    output: str | None
    as_json: bool
    force: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="SBOM.spdx.json",
        help="Also write a software bill of materials as SPDX 2.3 JSON.",
    )
    shared.declare_json(parser)
    shared.declare_force(parser)


COMMAND = Command(
    name="licences",
    usage="[-o SBOM.spdx.json] [--json] [--force]",
    summary="List the licences of the code, the packages, the weights, the photos and the data.",
    details="List what anymask consists of and uses, with the licence of each part as found and what it "
    "permits: the code, every installed package that a feature of anymask needs, the weights, the bundled "
    "photos, and the data sets that the included weights were trained on.\n\n"
    "  anymask licences\n"
    "  anymask licences -o anymask.spdx.json\n\n"
    "This is a summary, not legal advice; the texts of the licences decide.",
    declare=declare,
    options=Options,
)
