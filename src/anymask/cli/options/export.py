"""The options of `anymask export`. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymask.cli.options.values import words

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["DETAILS", "USAGE", "declare"]

USAGE = "MODEL -o DIR [OPTION]..."
DETAILS = (
    "Write a model as ONNX files, for onnxruntime in any language and for the browser, with model.json that "
    "says what is in them. Each precision is first asked for masks on real photos; where they are not the "
    "model's, it is refused: left out of the default list, an error in a list of yours.\n\n"
    "  anymask export compact -o compact-onnx\n"
    "  anymask export runs/mine -o mine-onnx --precision float16\n\n"
    "Prints size, time of an answer on this machine, and mask IoU of each precision. Needs an extra: pip "
    "install 'anymask[export]'."
)


def declare(parser: Parser) -> None:
    """Declare what to export and where to."""
    parser.add_argument(
        "model", metavar="MODEL", help="A name (see 'anymask models'), a weights file or a run directory."
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="A new folder for the files.")
    parser.add_argument(
        "--precision",
        type=words,
        metavar="LIST",
        help="Which files to write, with commas between. Default: all that draw the model's masks.",
    )
    parser.add_argument(
        "--photos",
        nargs="+",
        metavar="FILE",
        help="Pictures to check the files on. Default: the bundled photos.",
    )
    parser.add_argument(
        "--offline", action="store_true", help="Never download; the weights must be there already."
    )
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print JSON instead of text.")
    parser.add_argument("--force", action="store_true", help="Replace the folder if it holds such files.")
