"""The options of `anymask segment`. Standard library only."""

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

    image: str
    point: Sequence[str]
    box: Sequence[str]
    mask: str | None
    text: Sequence[str]
    threshold: float | None
    all_candidates: bool
    zoom: bool | None
    bands: str | None
    stretch: str | None
    limits: str | None
    model: str
    device: str
    offline: bool
    output: str | None
    overlay: bool
    view: bool
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "image",
        metavar="IMAGE",
        help="A JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, DICOM, NIfTI or Zarr image; for one plane of a stack: "
        "cells.ome.tif[c=1,z=3].",
        hint="Run one image after the other.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="OUT.png: white inside, black outside; of several objects a label map with values 1, 2, ..., "
        "which looks black in a viewer. "
        "OUT.json: run lengths in SA-1B's format. Default: <name of IMAGE>-mask.png in the current folder, "
        "or no file of masks with --json.",
    )
    shared.declare_overlay(parser)
    shared.declare_open(parser, "Open the overlay in the system's viewer; implies --overlay.")
    shared.declare_json(parser)
    shared.declare_force(parser)
    parser.section("Prompts")
    _declare_prompts(parser)
    parser.section("Which masks")
    parser.add_argument(
        "--all",
        dest="all_candidates",
        action="store_true",
        help="Write all three candidates for each object, the best first, instead of the best alone: "
        "OUT-1.png, OUT-2.png and OUT-3.png, or all in one OUT.json.",
    )
    shared.declare_zoom(parser)
    parser.section("How the image is read")
    shared.declare_bands(parser)
    shared.declare_max_memory(parser)
    parser.section("Model")
    shared.declare_model(parser)


def _declare_prompts(parser: Parser) -> None:
    parser.add_argument(
        "--point",
        action="append",
        default=[],
        metavar="X,Y[,0|1]",
        help="A click on the object, in pixels from the top left corner; with ,0 a click on the background. "
        "Several clicks describe one object together.",
    )
    parser.add_argument(
        "--box",
        action="append",
        default=[],
        metavar="X0,Y0,X1,Y1",
        help="A box around the object. Several boxes are several objects.",
    )
    parser.add_argument(
        "--mask",
        metavar="FILE",
        help="A rough mask to start from: an image of the same size in which anything but black is inside.",
    )
    shared.declare_text(
        parser, 'Everything that English words name, such as "cup", instead of a click or a box.'
    )


COMMAND = Command(
    name="segment",
    usage="IMAGE (--point X,Y|--box X0,Y0,X1,Y1|--mask FILE|--text WORDS)... [OPTION]...",
    summary="Segment an object in an image by clicks, a box, a rough mask or words.",
    details="Segment an object in an image by clicks, a box or a rough mask, in any combination; or all "
    "objects that words name.\n\n"
    "  anymask segment photo.jpg --point 210,180\n"
    "  anymask segment photo.jpg --point 210,180 --point 420,40,0 -o cat.png --overlay\n"
    "  anymask segment photo.jpg --box 20,0,380,300 --box 400,10,500,90 -o two.json\n"
    "  anymask segment photo.jpg --text cup,spoon -o table.json\n\n"
    "Prints the score (the IoU that the model predicts; with --text the probability of the name), area and "
    "box of each mask, the files written and the time taken. Nothing is overwritten without --force. If "
    "--text finds nothing, it says so, writes no file and exits with 0.",
    declare=declare,
    options=Options,
)
