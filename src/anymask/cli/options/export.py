"""The options of `anymask export`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import any_of

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    model: str
    output: str
    precision: Sequence[str] | None
    photos: Sequence[str] | None
    offline: bool
    as_json: bool
    force: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="A name (see 'anymask models'), a weights file or a run directory.",
        hint="Export one model after the other.",
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="A new folder for the files.")
    parser.add_argument(
        "--precision",
        type=any_of,
        metavar="LIST",
        help="Which files to write, separated by commas. Default: all that give the model's masks.",
    )
    parser.add_argument(
        "--photos",
        nargs="+",
        metavar="FILE",
        help="Images to check the files on. Default: the bundled photos.",
    )
    shared.declare_offline(parser)
    shared.declare_json(parser)
    shared.declare_force(parser)


COMMAND = Command(
    name="export",
    usage="MODEL -o DIR [OPTION]...",
    summary="Write a model as ONNX files for onnxruntime and the browser.",
    details="Write a model as ONNX files, for onnxruntime in any language and for the browser, with a "
    "model.json that describes them. Each precision is first checked on real photos; if its masks are not "
    "the model's, it is left out, or an error where --precision names it.\n\n"
    "  anymask export compact -o compact-onnx\n"
    "  anymask export runs/mine -o mine-onnx --precision float16\n\n"
    "Prints the size, the time per prediction on this machine and the mask IoU of each precision. Needs "
    "the extra `export`, see anymask doctor.",
    declare=declare,
    options=Options,
)
