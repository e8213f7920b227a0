"""The options of `anymask data convert`. Standard library only."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["declare_convert"]


def declare_convert(parser: Parser) -> None:
    """Declare the options."""
    formats = (
        "coco, cvat, geojson, instances, labelme, labels, labelstudio, mask, masks, npz, sa1b, svg, yolo"
    )
    parser.add_argument(
        "source", metavar="A", help="The file or folder to read; also a data set as for training."
    )
    parser.add_argument("target", metavar="B", help="The file or folder to write.")
    parser.add_argument(
        "--from", dest="source_format", metavar="FORMAT", help="The format of A. Default: found by looking."
    )
    parser.add_argument(
        "--to",
        dest="target_format",
        metavar="FORMAT",
        help=f"The format of B: {formats}. Default: by its ending, .json is coco.",
    )
    parser.add_argument(
        "--pictures", metavar="DIR", help="Where the pictures of A are. Default: near A. YOLO needs them."
    )
    parser.add_argument(
        "--polygons", action="store_true", help="Write polygons where the format holds masks as pixels too."
    )
    parser.add_argument(
        "--max-loss",
        type=_share,
        default=0.0,
        metavar="LOSS",
        help="Drop corners of polygons as long as the IoU with the mask stays at 1 - LOSS or above. "
        "Default: 0, outlines are exact.",
    )
    parser.add_argument(
        "--report", metavar="FILE.json", help="Write what was lost, mask by mask, with its IoU."
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print JSON instead of text.")
    parser.add_argument("--force", action="store_true", help="Replace files that exist.")


def _share(text: str) -> float:
    """A reader of numbers from 0 to below 1."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to below 1, got '{text}'")
    return number
