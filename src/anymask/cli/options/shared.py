"""Options that several commands have, each declared once so that it means the same everywhere.

Standard library only.
"""

from __future__ import annotations

from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING

from anymask.cli.options.values import number, one_of, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = [
    "declare_bands",
    "declare_candidates",
    "declare_data_sets",
    "declare_device",
    "declare_ensemble",
    "declare_force",
    "declare_ignore",
    "declare_json",
    "declare_kind",
    "declare_many",
    "declare_max_images",
    "declare_max_masks",
    "declare_max_memory",
    "declare_model",
    "declare_offline",
    "declare_open",
    "declare_overlay",
    "declare_points_per_side",
    "declare_project",
    "declare_report",
    "declare_split",
    "declare_text",
    "declare_tile",
    "declare_zoom",
]


def declare_model(parser: Parser, default: str = "compact", layout: str = "SamModel") -> None:
    """Which model, where it runs, and whether it may be downloaded."""
    parser.add_argument(
        "--model",
        default=default,
        metavar="MODEL",
        help=f"A name (see 'anymask models'), a weights file, a run directory or a folder in the layout of "
        f"Hugging Face's {layout}. "
        f"Default: {default}.",
    )
    declare_device(parser)
    declare_offline(parser)


def declare_device(parser: Parser) -> None:
    """Where models run."""
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="auto (the default), cpu, cuda, cuda:1, mps."
    )


def declare_offline(parser: Parser) -> None:
    """Whether weights may be downloaded."""
    parser.add_argument(
        "--offline", action="store_true", help="Never download; the weights must be on this machine already."
    )


def declare_json(parser: Parser) -> None:
    """In which form the result is printed."""
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print JSON instead of text.")


def declare_force(parser: Parser) -> None:
    """Whether existing output is replaced."""
    parser.add_argument("--force", action="store_true", help="Replace output that exists.")


def declare_settings(parser: Parser, help: str) -> None:
    """Settings of a training that differ from its recipe."""
    parser.add_argument(
        "--set",
        dest="settings",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help=help,
    )


def declare_ignore(parser: Parser) -> None:
    """Which number in label maps marks unlabelled pixels."""
    parser.add_argument(
        "--ignore",
        type=whole(1),
        metavar="NUMBER",
        help="The number in PNG maps (images/ with masks/) that marks unlabelled pixels, 255 in Pascal VOC "
        "for example. Default: 255 in palette maps beside small numbers.",
    )


def declare_overlay(parser: Parser) -> None:
    """Whether the masks are drawn on the image."""
    parser.add_argument(
        "--overlay",
        action="store_true",
        help="Also draw the masks on the image, in a file named after the output: OUT-overlay.jpg.",
        hint="The overlay is written beside -o, as OUT-overlay.jpg.",
    )


def declare_open(parser: Parser, text: str) -> None:
    """Whether the result is shown when it is there; `text` says what that is."""
    parser.add_argument("--open", dest="view", action="store_true", help=text)


def declare_split(parser: Parser) -> None:
    """Which part of data sets is read."""
    parser.add_argument("--split", metavar="NAME", help="Use only this split, train or val for example.")


def declare_data_sets(parser: Parser) -> None:
    """The data sets that a model is measured on."""
    parser.add_argument(
        "--data", action="extend", nargs="+", default=[], metavar="PATH", help="Data sets, as for training."
    )
    declare_split(parser)


def declare_max_memory(parser: Parser) -> None:
    """How much memory reading and processing an input may take."""
    parser.add_argument(
        "--max-memory",
        metavar="SIZE",
        help="Memory that one input may take besides the model: 4GB, 512MiB. What needs more is refused, "
        "before it is read. Default: 1GiB, enough for 268 megapixels.",
    )


def declare_report(parser: Parser) -> None:
    """How a measurement is repeated and reported."""
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="Seed of all random choices. Default: 0."
    )
    parser.add_argument("-o", "--output", metavar="REPORT.json", help="Also write the report as JSON.")
    declare_json(parser)
    declare_force(parser)


def declare_max_images(parser: Parser, which: str, default: int | None = None, least: int = 1) -> None:
    """How many images of each data set are used; `which` says how they are chosen."""
    parser.add_argument(
        "--max-images",
        type=whole(least),
        default=default,
        metavar="N",
        help=f"Use at most N images of each data set, {which}. Default: {default or 'all'}.",
    )


def declare_max_masks(parser: Parser) -> None:
    """How many masks of each image are used."""
    parser.add_argument(
        "--max-masks",
        type=whole(1),
        default=32,
        metavar="N",
        help="Use at most N masks of each image. Default: 32.",
    )


def declare_points_per_side(parser: Parser, default: int | None, told: str) -> None:
    """How dense the grid of prompts is; `told` says the default in words."""
    parser.add_argument(
        "--points-per-side",
        type=whole(1),
        default=default,
        metavar="N",
        help=f"Prompt the model at a grid of N x N points. Default: {told}.",
    )


def declare_detector(parser: Parser) -> None:
    """Whose boxes are prompts of automatic masks, besides points."""
    parser.add_argument(
        "--detector",
        metavar="RUN",
        help="Prompt the model by the boxes of this object detector too, a run of 'anymask train detector', "
        "or by none. Default: for compact the detector in the package.",
    )


def declare_candidates(parser: Parser, default: int | None, text: str) -> None:
    """How many ranked proposals are given for each image."""
    parser.add_argument("--candidates", type=whole(1), default=default, metavar="N", help=text)


def declare_tile(parser: Parser, text: str) -> None:
    """In which tiles large images are split; `text` says what becomes of masks that tile edges cut."""
    parser.add_argument(
        "--tile",
        type=whole(16),
        metavar="PX",
        help=f"Split large images into overlapping tiles of PX x PX pixels{text}. "
        "Default: the whole image in one pass.",
    )


def declare_bands(parser: Parser) -> None:
    """How images other than 8-bit RGB are shown."""
    for name, metavar, text in (
        (
            "--bands",
            "R,G,B",
            "Bands of a multi-band image to show as red, green and blue, counted from 1, or a single band. "
            "Default: the first three, or the first.",
        ),
        (
            "--stretch",
            "LOW,HIGH",
            "Percentiles that become black and white. Default: the range that the file declares; 2,98 if it "
            "declares none or the image would be black.",
        ),
        ("--limits", "LOW,HIGH", "Sample values that become black and white, instead of --stretch."),
    ):
        parser.add_argument(name, metavar=metavar, help=text)


def declare_project(parser: Parser) -> None:
    """The project that a command works on."""
    parser.add_argument("project", metavar="PROJECT", help="The folder of a project of `anymask serve`.")
    parser.add_argument(
        "--database",
        metavar="URL",
        help="The project's database, as for `anymask serve`.",
    )


def declare_many(parser: Parser) -> None:
    """Whether targets with very many objects are accepted."""
    parser.add_argument(
        "--many",
        action="store_true",
        help="Accept more than 100 objects in a target of less than a megapixel; without it they are taken "
        "for a mistake.",
    )


def declare_zoom(parser: Parser) -> None:
    """Whether masks are refined in crops."""
    parser.add_argument(
        "--zoom",
        action=BooleanOptionalAction,
        help="Refine small objects in a close-up crop, and try a single click in a wider crop around it too: "
        "better masks for about 20 ms per crop. Default: the model's own setting; on for compact.",
    )


def declare_kind(parser: Parser) -> None:
    """What the numbers and colours of example masks stand for."""
    parser.add_argument(
        "--kind",
        type=one_of("instance", "semantic"),
        default="instance",
        metavar="NAME",
        help="What numbers and colours stand for: instance (single objects, the default) or semantic "
        "(classes).",
    )


def declare_ensemble(parser: Parser) -> None:
    """How several examples are combined."""
    parser.add_argument(
        "--ensemble",
        type=one_of("feature", "spatial"),
        default="feature",
        metavar="NAME",
        help="How several examples are combined: feature (the default), or spatial, faster: all in one grid.",
    )


def declare_text(parser: Parser, text: str) -> None:
    """Words that name objects, and how likely a mask must be what they name."""
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="WORDS",
        help=f"{text} For several kinds of objects separate the words by commas, or repeat the option.",
    )
    parser.add_argument(
        "--threshold",
        type=number,
        metavar="P",
        help="Least probability that a mask is what --text names, 0 to 1. Default: 0.28.",
    )
