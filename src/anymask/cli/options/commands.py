"""Every command with its options. Standard library only."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from anymask.cli.options import auto as auto_options
from anymask.cli.options import evaluate as measure_options
from anymask.cli.options import export as export_options
from anymask.cli.options.convert import declare_convert
from anymask.cli.options.like import declare_like
from anymask.cli.options.serve import SERVE, declare_serve
from anymask.cli.options.train import declare_train
from anymask.cli.options.tune import declare_source
from anymask.cli.options.values import one_of, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMANDS", "Command"]


@dataclass(frozen=True)
class Command:
    """A command: `target` is "module:function" in `anymask.cli.commands`, called with the options by name."""

    name: str
    usage: str
    summary: str
    details: str
    target: str
    declare: Callable[[Parser], None]

    @property
    def example(self) -> str:
        """The line of the details that shows a call."""
        return next(line.strip() for line in self.details.splitlines() if line.startswith("  anymask "))


def _declare_model(parser: Parser, default: str = "compact", folder: str = "SamModel") -> None:
    parser.add_argument(
        "--model",
        default=default,
        metavar="MODEL",
        help=f"A name (see 'anymask models'), a weights file, a run directory or the folder of a {folder}. "
        f"Default: {default}.",
    )
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="auto (the default), cpu, cuda, cuda:1, mps."
    )
    parser.add_argument(
        "--offline", action="store_true", help="Never download; the weights must be there already."
    )


def _declare_json(parser: Parser) -> None:
    parser.add_argument("--json", dest="as_json", action="store_true", help="Print JSON instead of text.")


def _declare_force(parser: Parser) -> None:
    parser.add_argument("--force", action="store_true", help="Replace files that exist.")


def _declare_open(parser: Parser) -> None:
    parser.add_argument(
        "--open",
        dest="show",
        action="store_true",
        help="Show the overlay in the system's viewer. Without --overlay it is <name of IMAGE>-overlay.png "
        "in the current folder.",
    )


def _declare_split(parser: Parser) -> None:
    parser.add_argument("--split", metavar="NAME", help="Take only this split, train or val for example.")


def _declare_segment(parser: Parser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="A JPEG, PNG, WebP, TIFF, BMP or GIF file.")
    parser.add_argument(
        "--point",
        action="append",
        default=[],
        metavar="X,Y[,0|1]",
        help="A click on the object, in pixels from the top left corner; with ,0 a click beside it. "
        "Several make one object together.",
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
        help="A rough mask to start from: a picture of the image's size, anything but black is inside.",
    )
    parser.add_argument(
        "--all",
        dest="candidates",
        action="store_true",
        help="Write all three candidates for each object, the best first, instead of the best alone: "
        "OUT-1.png, OUT-2.png and OUT-3.png, or all in one OUT.json.",
    )
    _declare_zoom(parser)
    _declare_model(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="OUT.png: white inside, black outside; with several boxes a label map with values 1, 2, ... "
        "OUT.json: run lengths in SA-1B's form. Default: <name of IMAGE>-mask.png in the current folder, "
        "or no file with --json.",
    )
    parser.add_argument(
        "--overlay", metavar="OUT", help="Also write the photo with the masks on it: .png, .jpg or .webp."
    )
    _declare_open(parser)
    _declare_json(parser)
    _declare_force(parser)


def _declare_zoom(parser: Parser) -> None:
    parser.add_argument(
        "--zoom",
        action=BooleanOptionalAction,
        help="Look closer at what is small in the model's view, and around a click alone: better, some 20 ms "
        "a look. Default: as the model is made for; compact does.",
    )


def _declare_kind(parser: Parser) -> None:
    parser.add_argument(
        "--kind",
        type=one_of("instance", "semantic"),
        default="instance",
        metavar="NAME",
        help="What numbers and colours are: instance (single things, the default) or semantic (classes).",
    )


def _declare_tune(parser: Parser) -> None:
    declare_source(parser)
    _declare_split(parser)
    parser.add_argument(
        "--max-images",
        type=whole(2),
        default=64,
        metavar="N",
        help="Learn from at most so many pictures of the data set, the first ones. Default: 64.",
    )
    parser.add_argument("--steps", type=whole(1), default=60, metavar="N", help="Default: 60.")
    _declare_kind(parser)
    _declare_model(parser, "context", "SegGPT")
    _declare_force(parser)


def _declare_like(parser: Parser) -> None:
    declare_like(parser)
    _declare_kind(parser)
    _declare_model(parser, "context", "SegGPT")
    _declare_json(parser)
    _declare_force(parser)


def _declare_models(parser: Parser) -> None:
    _declare_json(parser)


def _declare_clicks(parser: Parser) -> None:
    _declare_masks(parser)
    parser.add_argument(
        "--baseline",
        type=one_of("grabcut", "none"),
        default="none",
        metavar="NAME",
        help="grabcut: OpenCV's GrabCut from the same boxes, in the same run (slow). Default: none.",
    )


def _declare_calibration(parser: Parser) -> None:
    _declare_masks(parser)
    parser.add_argument("--plot", metavar="OUT", help="Also draw real over predicted IoU: OUT.png.")
    parser.add_argument(
        "--correct",
        dest="corrected",
        metavar="OUT",
        help="Also write the model with scores lower by what they are too high on the mean: OUT.safetensors.",
    )


def _declare_masks(parser: Parser) -> None:
    """What is shared by protocols that prompt a model for the masks of data sets."""
    _declare_measured(parser)
    _declare_model(parser)
    parser.add_argument(
        "--max-images",
        type=whole(1),
        metavar="N",
        help="At most so many pictures of each set, drawn at random. Default: all.",
    )
    parser.add_argument(
        "--max-masks",
        type=whole(1),
        default=32,
        metavar="N",
        help="At most so many masks of each picture. Default: 32.",
    )
    _declare_zoom(parser)


def _declare_fewshot(parser: Parser) -> None:
    _declare_measured(parser)
    _declare_model(parser, default="context")
    measure_options.declare_fewshot(parser)


def _declare_measured(parser: Parser) -> None:
    """On what a model is measured, and where the report goes."""
    parser.add_argument(
        "--data", action="extend", nargs="+", default=[], metavar="PATH", help="Data sets, as for training."
    )
    _declare_split(parser)
    _declare_report(parser)


def _declare_edges(parser: Parser) -> None:
    for declare in (measure_options.declare_edges, _declare_report, _declare_model):
        declare(parser)


def _declare_proposals(parser: Parser) -> None:
    for declare in (_declare_measured, _declare_model, measure_options.declare_proposals):
        declare(parser)


def _declare_report(parser: Parser) -> None:
    parser.add_argument("--seed", type=whole(0), default=0, metavar="N", help="Of the draws. Default: 0.")
    parser.add_argument("-o", "--output", metavar="REPORT.json", help="Also write the report as JSON.")
    _declare_json(parser)
    _declare_force(parser)


def _declare_data(parser: Parser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="Data sets, as for training.")
    _declare_split(parser)
    _declare_json(parser)


def _declare_nothing(parser: Parser) -> None:
    """No options."""


def _declare_auto(parser: Parser) -> None:
    auto_options.declare(parser)
    _declare_model(parser)
    _declare_json(parser)
    _declare_force(parser)


_ALL = (
    Command(
        "segment",
        "IMAGE (--point X,Y | --box X0,Y0,X1,Y1 | --mask FILE)... [OPTION]...",
        "Cut an object out of a photo by clicks, a box or a rough mask.",
        "Cut an object out of a photo by clicks, a box or a rough mask, in any mix.\n\n"
        "  anymask segment photo.jpg --point 210,180\n"
        "  anymask segment photo.jpg --point 210,180 --point 420,40,0 -o cat.png --overlay cat.jpg\n"
        "  anymask segment photo.jpg --box 20,0,380,300 --box 400,10,500,90 -o two.json\n\n"
        "Prints the score (the model's own guess of its IoU), area and box of each mask, where the files lie "
        "and what the time went into. Nothing is overwritten without --force.",
        "segment:run",
        _declare_segment,
    ),
    Command(
        "auto",
        auto_options.USAGE,
        "Find the masks of everything in a picture, or in many.",
        auto_options.DETAILS,
        "auto:run",
        _declare_auto,
    ),
    Command(
        "like",
        "--example PHOTO=TARGET... (PATH... -o OUT | --rank-examples) [OPTION]...",
        "Do to pictures and videos what examples show.",
        "Segment pictures and videos as examples show: things of one kind, several classes, parts, or the "
        "same things throughout a video.\n\n"
        "  anymask like --example cat.jpg=cat-mask.png photos/ -o out\n"
        "  anymask like --example first.jpg=first.png film.mp4 -o out\n"
        "  anymask like --example a.jpg=a.png --example b.jpg=b.png --rank-examples\n\n"
        "Nothing is overwritten without --force. Videos need an extra: pip install 'anymask[video]'.",
        "like:run",
        _declare_like,
    ),
    Command(
        "models",
        "[--json]",
        "List the models that are known by name.",
        "List the models that are known by name, their size and licence, and which are on this machine.\n\n"
        "  anymask models",
        "models:run",
        _declare_models,
    ),
    Command(
        "train",
        "RECIPE --data PATH[=WEIGHT]... -o RUN [--set KEY=VALUE]... | -o RUN | --list",
        "Train or fine-tune a model.",
        "Train or fine-tune a model by a recipe. The same command again goes on where a stopped run was.\n\n"
        "  anymask train --list\n"
        "  anymask train finetune_decoder --data photos/ more-photos/=2 --set loop.steps=500 -o runs/mine\n\n"
        "Shows its progress on stderr: the latest figures on a terminal, else one JSON object a line. "
        "'anymask segment --model RUN' uses the result.",
        "train:run",
        declare_train,
    ),
    Command(
        "tune",
        "(--data PATH --category NAME | --example PHOTO=TARGET...) -o FILE [OPTION]...",
        "Learn one example from many.",
        "Learn the example that says best what many pictures show. The model stays as it is and alone can "
        "use the result. Takes minutes on a processor.\n\n"
        "  anymask tune --data sets/tools --category hammer -o hammer.safetensors\n\n"
        "The result goes to 'anymask like --example hammer.safetensors'.",
        "tune:run",
        _declare_tune,
    ),
    Command(
        "eval clicks",
        "--data PATH... [--model MODEL] [OPTION]...",
        "Measure a model by simulated clicks and boxes.",
        "Measure a model by simulated clicks and boxes: mean IoU after 1, 2, 3, 5 and 9 clicks, from a box, "
        "of the best of three masks, and the clicks needed for 85 and 90 % IoU, with 95 % intervals.\n\n"
        "  anymask eval clicks --data sets/coco sets/voc --split val --baseline grabcut -o report.json",
        "evaluate:clicks",
        _declare_clicks,
    ),
    Command(
        "eval calibration",
        "--data PATH... [--model MODEL] [OPTION]...",
        "Measure whether predicted IoUs are what the IoUs are.",
        "Measure whether predicted IoUs are what the IoUs are: the real IoU of answers to clicks and boxes "
        "by bins of the predicted one, and the expected calibration error.\n\n"
        "  anymask eval calibration --data sets/coco sets/voc --split val --plot reliability.png",
        "evaluate:calibration",
        _declare_calibration,
    ),
    Command(
        "eval fewshot",
        "--data PATH... [--model MODEL] [OPTION]...",
        "Measure an in-context model by classes that examples show.",
        "Measure an in-context model: each class of a set is shown by one, four and eight pictures and "
        "looked for in others. Mean IoU over classes, with 95 % intervals, beside two baselines without a "
        "model: the example's mask copied, and nearest colours.\n\n"
        "  anymask eval fewshot --data sets/fruits sets/tools --split val -o report.json",
        "evaluate:fewshot",
        _declare_fewshot,
    ),
    Command(
        "eval edges",
        "--data PATH [--split NAME] [--model MODEL] [OPTION]...",
        "Measure a model's edges against those that people drew.",
        measure_options.EDGES,
        "evaluate_automatic:edges",
        _declare_edges,
    ),
    Command(
        "eval proposals",
        "--data PATH... [--model MODEL] [OPTION]...",
        "Measure ranked masks of everything by average recall.",
        measure_options.PROPOSALS,
        "evaluate_automatic:proposals",
        _declare_proposals,
    ),
    Command(
        "export",
        export_options.USAGE,
        "Write a model as ONNX files for onnxruntime and the browser.",
        export_options.DETAILS,
        "export:run",
        export_options.declare,
    ),
    Command(
        "data check",
        "PATH... [--split NAME] [--json]",
        "Read every item of data sets and report what is wrong with them.",
        "Read every item of data sets and report what cannot be read, items of one name, and masks that are "
        "empty or given twice. The exit code is 2 if there is any.\n\n"
        "  anymask data check sets/coco",
        "data:check",
        _declare_data,
    ),
    Command(
        "data stats",
        "PATH... [--split NAME] [--json]",
        "Count pictures, masks, sizes, kinds and categories.",
        "Count pictures and masks of data sets, their sizes, kinds and categories. A mask is tiny, small, "
        "medium or large by the root of its share of the picture: up to 0.06, 0.15, 0.35, or more.\n\n"
        "  anymask data stats sets/coco --split train",
        "data:stats",
        _declare_data,
    ),
    Command(
        "data convert",
        "A B [--from FORMAT] [--to FORMAT] [OPTION]...",
        "Convert annotations between formats, and say what was lost.",
        "Convert annotations from one format to another, record by record. What the new format cannot hold "
        "is told: each mask's IoU with what is read back, holes and parts that became cuts, facts without a "
        "place.\n\n"
        "  anymask data convert coco.json yolo/ --to yolo --pictures images/ --report lost.json\n"
        "  anymask data convert labelme/ all.json\n"
        "  anymask data convert project.xml outlines/ --to geojson --max-loss 0.01\n\n"
        "Records that cannot be read or written are told and left out; the exit code is then 2.",
        "convert:run",
        declare_convert,
    ),
    Command(*SERVE, declare_serve),
    Command(
        "doctor",
        "[--json]",
        "Say what is installed, what the machine can do, what is missing.",
        "Say what is installed, which features of the processor are used, what is missing and the command "
        "that adds it, and try the model on a bundled photo. The exit code is 1 if that fails.\n\n"
        "  anymask doctor",
        "doctor:run",
        _declare_models,
    ),
    Command(
        "version",
        "",
        "Print the version.",
        "Print the version.\n\n  anymask version",
        "version:run",
        _declare_nothing,
    ),
)
COMMANDS: Mapping[str, Command] = MappingProxyType({command.name: command for command in _ALL})
