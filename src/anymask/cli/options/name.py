"""The options of `anymask name`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import number

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    image: str
    masks: str
    names: str
    threshold: float
    bands: str | None
    stretch: str | None
    limits: str | None
    output: str | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("image", metavar="IMAGE", help="The image.")
    parser.add_argument(
        "masks",
        metavar="MASKS",
        help="Masks of it: annotations of any format that 'data convert' reads, or an image of the same size "
        "in which each number or flat colour is a mask.",
    )
    parser.add_argument(
        "--names",
        required=True,
        metavar="NAME,NAME,...",
        help='The names to choose from, English, such as "cat,dog,wine glass".',
    )
    parser.add_argument(
        "--threshold",
        type=number,
        default=0.5,
        metavar="P",
        help="A mask whose likeliest name has a lower probability gets none. Default: 0.5.",
    )
    shared.declare_bands(parser)
    parser.add_argument(
        "-o", "--output", metavar="OUT.json", help="Also write the masks with their names, in SA-1B's format."
    )
    shared.declare_json(parser)
    shared.declare_force(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="name",
    usage="IMAGE MASKS --names NAME,NAME,... [OPTION]...",
    summary="Name masks, or say that no name fits.",
    details="Name the masks of an image, each by the likeliest of some names, or by none.\n\n"
    '  anymask name photo.jpg masks.json --names "cat,dog,sofa"\n\n'
    "Prints a name and its probability for each mask.",
    declare=declare,
    options=Options,
)
