"""The options of `anymask like`. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import one_of, share, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options."""

    paths: Sequence[str]
    example: Sequence[str]
    kind: Literal["instance", "semantic"]
    ensemble: Literal["feature", "spatial"]
    tile: int | None
    min_score: float
    many: bool
    bands: str | None
    stretch: str | None
    limits: str | None
    sharpen: str | None
    rank_examples: bool
    memory: int
    correct: Sequence[str]
    codec: Literal["auto", "vp9", "mpeg4", "h264"]
    output: str | None
    resume: bool
    model: str
    device: str
    offline: bool
    as_json: bool
    force: bool
    max_memory: str | None


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="Images, videos (.mp4, .mov, .mkv, ...) and folders; of a folder all images and videos, those "
        "of its subfolders too, without hidden ones.",
    )
    parser.add_argument(
        "--example",
        action="append",
        required=True,
        metavar="PHOTO=TARGET",
        help="A photo and what to find in it: an image of the same size that is black outside, and inside "
        "white for one kind of object, or in numbers or flat colours for several; or PHOTO=text:WORDS, such "
        "as a.jpg=text:cup, to find it in the photo first. Or the .safetensors file "
        "of a context, see 'anymask tune'. Repeat it for several examples.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="A folder, created if it is missing. For an image OUT/NAME.png, the map of what was found, and "
        "OUT/NAME-overlay.jpg; for a video the folder OUT/NAME-masks with a map per frame and frames.jsonl, "
        "and OUT/NAME-overlay.mp4. The NAME of sub/c.jpg in a folder is sub_c.",
    )
    parser.add_argument(
        "--resume", action="store_true", help="Resume a run with the same output that was stopped."
    )
    shared.declare_json(parser)
    shared.declare_force(parser)
    parser.section("Examples")
    shared.declare_kind(parser)
    shared.declare_ensemble(parser)
    shared.declare_many(parser)
    parser.section("What is found")
    parser.add_argument(
        "--min-score",
        type=share,
        default=0.0,
        metavar="X",
        help="Leave out objects with a lower score in images, where nothing like the examples may be. "
        "Default: 0. Even a wrong find may score 0.8: choose by the scores of a first run.",
    )
    shared.declare_tile(parser, "")
    _declare_refinement(parser)
    parser.section("Videos")
    _declare_video(parser)
    parser.section("How images are read")
    shared.declare_bands(parser)
    shared.declare_max_memory(parser)
    parser.section("Model")
    shared.declare_model(parser, "context", "SegGPT")


def _declare_refinement(parser: Parser) -> None:
    parser.add_argument(
        "--sharpen",
        nargs="?",
        const="compact",
        metavar="MODEL",
        help="Refine each mask with a promptable model, from the mask and its box: compact if no MODEL is "
        "named. In videos this is done before the frame is remembered.",
    )
    parser.add_argument(
        "--rank-examples",
        action="store_true",
        help="Instead of segmenting, leave out each example in turn and print which help and which hurt.",
    )


def _declare_video(parser: Parser) -> None:
    parser.add_argument(
        "--memory",
        type=whole(0),
        default=8,
        metavar="N",
        help="In videos the last N frames serve as examples too. Default: 8.",
    )
    parser.add_argument(
        "--correct",
        action="append",
        default=[],
        metavar="FRAME=TARGET",
        help="The right masks of a frame of the video, counted from 0: adds, corrects or removes objects "
        "from there on; with --resume only the frames from there on are done again.",
    )
    parser.add_argument(
        "--codec",
        type=one_of("auto", "vp9", "mpeg4", "h264"),
        default="auto",
        metavar="NAME",
        help="How overlays of videos are encoded: auto (the default), vp9, mpeg4 or h264.",
    )


COMMAND = Command(
    name="like",
    usage="--example PHOTO=TARGET... (PATH... -o OUT | --rank-examples) [OPTION]...",
    summary="Segment images and videos by examples.",
    details="Segment images and videos by examples: objects of one kind, several classes, parts, or the same "
    "objects throughout a video.\n\n"
    "  anymask like --example cat.jpg=cat-mask.png photos/ -o out\n"
    "  anymask like --example first.jpg=first.png film.mp4 -o out\n"
    "  anymask like --example a.jpg=a.png --example b.jpg=b.png --rank-examples\n\n"
    "Nothing is overwritten without --force. Videos need the extra `video`, see anymask doctor.",
    declare=declare,
    options=Options,
)
