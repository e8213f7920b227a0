"""The options of `anymask auto`. Standard library only."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["DETAILS", "USAGE", "declare"]

USAGE = "IMAGE|FOLDER|LIST.txt [-o OUT] [OPTION]..."
DETAILS = (
    "Find the masks of everything in a picture, or in all pictures of a folder or a list.\n\n"
    "  anymask auto photo.jpg --overlay\n"
    "  anymask auto photo.jpg -o parts.json --granularity 1 --labelmap --cover\n"
    "  anymask auto field.tif -o field.gpkg --bands 4,3,2 --tile 1024\n"
    "  anymask auto photos/ -o dataset --min-area 100\n"
    "  anymask auto photos/ -o dataset --shards 1000\n\n"
    "One picture gives one file, and others named after it: OUT-overlay.jpg, OUT-edges.png, OUT-labels.png. "
    "A folder or a list (a file name a line) gives a data set, the folder OUT: <id>.jpg with <id>.json in "
    "SA-1B's form (with --shards in OUT/masks-000000.tar, ..., as WebDataset reads them), and the folders "
    "overlays, edges and labels; pictures that cannot be read are left out, listed in damaged.jsonl and make "
    "the exit code 3. The same command goes on where a stopped one was, to the same end. Progress goes to "
    "stderr: a bar on a terminal, else a line every ten seconds."
)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got '{text}'") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got '{text}'") from None


def declare(parser: Parser) -> None:
    """Declare what is particular to the command."""
    parser.add_argument("source", metavar="IMAGE", help="A picture, a folder of pictures, or a LIST.txt.")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="For a picture OUT.json (SA-1B's form; default: <name of IMAGE>-masks.json), OUT.png (a label "
        "map), for a GeoTIFF also OUT.geojson or OUT.gpkg. For several the folder of the data set.",
    )
    _declare_asking(parser)
    _declare_filters(parser)
    _declare_large(parser)
    _declare_outputs(parser)


def _declare_asking(parser: Parser) -> None:
    for name, read, metavar, text in (
        ("--points-per-side", _whole, "N", "A grid of N x N points to ask at. Default: 32."),
        ("--pixels-per-point", _number, "K", "A point for each K x K pixels instead."),
        ("--points-file", str, "FILE", "Points of your own instead: x,y in pixels, one a line."),
        (
            "--roi",
            str,
            "X0,Y0,X1,Y1|FILE",
            "Look at this part only: a box, or a picture of the image's size that is not black there.",
        ),
        ("--crops", _whole, "N", "Look at N layers of crops as well, 2 x 2, then 4 x 4. Default: 0."),
        (
            "--candidates",
            _whole,
            "N",
            "Give the N best proposals by the mean of score and stability, from a grid of 64 x 64 points "
            "without thresholds.",
        ),
    ):
        parser.add_argument(name, type=read, metavar=metavar, help=text)


def _declare_filters(parser: Parser) -> None:
    for name, read, metavar, text in (
        ("--min-iou", _number, "X", "Least predicted IoU, 0 to 1. Default: the model's own."),
        ("--min-stability", _number, "X", "Least stability, 0 to 1. Default: the model's own."),
        ("--nms", _number, "X", "Of two masks whose boxes overlap more, one goes. Default: 0.7."),
        ("--min-area", _whole, "PX", "Drop masks with fewer pixels."),
        ("--min-component", _whole, "PX", "Remove smaller islands of a mask."),
        ("--min-hole", _whole, "PX", "Fill smaller holes of a mask."),
        ("--max-cover", _number, "X", "Drop masks over this share of the picture, 0 to 1."),
    ):
        parser.add_argument(name, type=read, metavar=metavar, help=text)


def _declare_large(parser: Parser) -> None:
    for name, read, metavar, text in (
        (
            "--tile",
            _whole,
            "PX",
            "Look at tiles of PX x PX pixels and join what they cut: for large pictures.",
        ),
        ("--tile-overlap", _whole, "PX", "Pixels that tiles share. Default: a quarter of the tile."),
        (
            "--bands",
            str,
            "R,G,B",
            "Bands of a picture of many, or a single one, from 1; stretched to 8 bits.",
        ),
        ("--stretch", str, "LOW,HIGH", "Percentiles that become black and white. Default: 2,98."),
        ("--limits", str, "LOW,HIGH", "Sample values that become black and white, instead of --stretch."),
        ("--max-memory", str, "SIZE", "Memory to take beside the model: 2GB, 512MiB. Default: about 1 GB."),
    ):
        parser.add_argument(name, type=read, metavar=metavar, help=text)
    parser.add_argument(
        "--compile",
        action="store_true",
        help="For many pictures on an accelerator: compile the encoder, a minute once for less time each.",
    )


def _declare_outputs(parser: Parser) -> None:
    parser.add_argument(
        "--granularity",
        type=_number,
        metavar="G",
        help="Keep one level of wholes and parts: 0 the wholes, 1 the finest parts. Default: all masks.",
    )
    parser.add_argument(
        "--shards",
        type=_number,
        metavar="MB",
        help="Of a folder or a list: write tar shards, each closed once it holds MB megabytes.",
    )
    for name, text in (
        ("--tree", "Note in the JSON which mask each is a part of: its parent's id, or null."),
        ("--overlay", "Also draw the masks on the picture."),
        ("--edges", "Also write edges, as a grey picture of 16 bits."),
        ("--labelmap", "Also write a map in which each pixel has the number of the smallest mask there."),
        ("--cover", "The same with no pixel left without a number: masks grow to the edges of the picture."),
    ):
        parser.add_argument(name, action="store_true", help=text)
    parser.add_argument(
        "--open",
        dest="show",
        action="store_true",
        help="Open the overlay in the viewer; of a folder OUT/sheet/sheet.jpg, its first 24 pictures.",
    )
