"""The options of `anymask data convert`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import any_of, share

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]

FORMATS = (
    "coco, cvat, cvatvideo, davis, dota, geojson, instances, labelme, labels, labelstudio, mask, masks, "
    "mots, npz, sa1b, svg, voc, yolo, youtubevos"
)


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    source: str
    output: str
    source_format: str | None
    target_format: str | None
    images: str | None
    ignore: int | None
    boxes: str
    suggestions: bool
    keep: Sequence[str] | None
    polygons: bool
    max_loss: float
    report: str | None
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "source",
        metavar="A",
        help="The file or folder to read; also a data set as for training, or a project.",
        hint="The output is named by -o.",
    )
    parser.add_argument("-o", "--output", required=True, metavar="B", help="The file or folder to write.")
    parser.add_argument(
        "--from",
        dest="source_format",
        metavar="FORMAT",
        help="The format of A: one of those below, datumaro, isat or via. Default: detected.",
    )
    parser.add_argument(
        "--to",
        dest="target_format",
        metavar="FORMAT",
        help=f"The format of B: {FORMATS}. Default: by its suffix, .json is coco.",
    )
    parser.add_argument(
        "--images", metavar="DIR", help="The folder of the images of A. Default: near A. YOLO needs them."
    )
    shared.declare_ignore(parser)
    parser.add_argument(
        "--boxes",
        choices=("leave-out", "as-masks"),
        default="leave-out",
        help="Annotations that are only a box (COCO, YOLO) are left out and reported, or become a mask of "
        "the whole box. Default: leave-out.",
    )
    parser.add_argument(
        "--suggestions",
        action="store_true",
        help="Of a project also the suggestions that nobody has accepted yet.",
    )
    parser.add_argument(
        "--keep",
        type=any_of,
        metavar="NAME,NAME,...",
        help="Keep only the masks of these names; the others are counted.",
    )
    parser.add_argument(
        "--polygons", action="store_true", help="Write polygons where the format can hold pixel masks too."
    )
    parser.add_argument(
        "--max-loss",
        type=share,
        default=0.0,
        metavar="LOSS",
        help="Drop corners of polygons as long as the IoU with the mask stays at 1 - LOSS or above. "
        "Default: 0, outlines are exact.",
    )
    parser.add_argument(
        "--report", metavar="FILE.json", help="Write the loss report, per mask, with its IoU."
    )
    shared.declare_json(parser)
    shared.declare_force(parser)
    shared.declare_max_memory(parser)


COMMAND = Command(
    name="data convert",
    usage="A -o B [--from FORMAT] [--to FORMAT] [OPTION]...",
    summary="Convert annotations between formats, and report what was lost.",
    details="Convert annotations from one format to another, record by record. What the new format cannot "
    "hold is reported: each mask's IoU with what is read back, holes and parts that became zero-width cuts, "
    "fields that it has no place for.\n\n"
    "  anymask data convert coco.json -o yolo/ --to yolo --images images/ --report lost.json\n"
    "  anymask data convert labelme/ -o all.json\n"
    "  anymask data convert project.xml -o outlines/ --to geojson --max-loss 0.01\n"
    "  anymask data convert dataset/ -o cats.json --keep cat\n"
    "  anymask data convert film-frames/ -o davis/ --to davis --suggestions\n\n"
    "A project is a folder that `anymask serve` has opened. Its tracks are objects of the formats of videos "
    "(davis, youtubevos, cvatvideo), which list every frame. "
    "Records that cannot be read or written are reported and left out; the exit code is then 2.",
    declare=declare,
    options=Options,
)
