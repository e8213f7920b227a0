"""The options of `anymask like`. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymask.cli.options.values import one_of, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["declare_like"]


def declare_like(parser: Parser) -> None:
    """Declare what to read, how to answer and where to write."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="Pictures, folders of pictures, videos (.mp4, .mov, .mkv, ...).",
    )
    parser.add_argument(
        "--example",
        action="append",
        required=True,
        metavar="PHOTO=TARGET",
        help="A photo and what to find in it: a picture of its size, black where nothing is; white for one "
        "kind of thing, numbers or flat colours for several. Or a context's .safetensors file, see 'anymask "
        "tune'. Several examples: repeat it.",
    )
    parser.add_argument(
        "--ensemble",
        type=one_of("feature", "spatial"),
        default="feature",
        metavar="NAME",
        help="How several examples are joined: feature (the default), or spatial, quicker: all in one grid.",
    )
    parser.add_argument(
        "--tile",
        type=whole(16),
        metavar="PIXELS",
        help="Cut large pictures into overlapping squares of so many pixels. Default: the whole at once.",
    )
    parser.add_argument(
        "--sharpen",
        nargs="?",
        const="compact",
        metavar="MODEL",
        help="Let a promptable model redraw each mask, from the mask and its box: compact if no MODEL is "
        "named. In videos before the frame is remembered.",
    )
    parser.add_argument(
        "--rank-examples",
        action="store_true",
        help="Instead of segmenting, leave out each example in turn and tell which help and which hurt.",
    )
    parser.add_argument(
        "--memory",
        type=whole(0),
        default=8,
        metavar="N",
        help="In videos so many of the last frames are examples too. Default: 8.",
    )
    parser.add_argument(
        "--correct",
        action="append",
        default=[],
        metavar="FRAME=TARGET",
        help="What is right in a frame of the video, counted from 0: adds, corrects or takes away things "
        "from there on; with --resume only the frames from there on are done again.",
    )
    parser.add_argument(
        "--codec",
        type=one_of("auto", "vp9", "mpeg4", "h264"),
        default="auto",
        metavar="NAME",
        help="How overlays of videos are written: auto (VP9, the default), vp9, mpeg4 or h264.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="A folder, made if it is missing. For a picture NAME.png, the map of what was found, and "
        "NAME-overlay.jpg; for a video the folder NAME-masks with a map for each frame and frames.jsonl, and "
        "NAME-overlay.mp4.",
    )
    parser.add_argument(
        "--resume", action="store_true", help="Go on where a run with the same output was stopped."
    )
