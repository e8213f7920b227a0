"""The options of `anymask eval edges`, `fewshot` and `proposals`. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymask.cli.options.values import one_of, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["EDGES", "PROPOSALS", "declare_edges", "declare_fewshot", "declare_proposals"]

EDGES = (
    "Measure the edges that masks of everything give, on a folder as BSDS500 comes: ODS, OIS, AP and the "
    "recall at half precision, with 95 % intervals, beside Sobel's gradient. Needs the extra 'eval'.\n\n"
    "  anymask eval edges --data BSDS500 --split test -o report.json"
)
"""What `anymask eval edges` does."""
PROPOSALS = (
    "Measure the masks of everything as object proposals: average recall of annotated masks over IoU 0.5 "
    "to 0.95, by number of proposals, by size and, where the file tells, by how rare a category is. "
    "COCO and LVIS come as JSON files.\n\n"
    "  anymask eval proposals --data sets/coco --split val -o report.json\n"
    "  anymask eval proposals --data lvis_v1_val.json --model sam_vit_h"
)
"""What `anymask eval proposals` does."""


def declare_edges(parser: Parser) -> None:
    """Which folder, and how finely it is measured."""
    parser.add_argument(
        "--data",
        required=True,
        metavar="PATH",
        help="A folder as BSDS500 comes: images/<split>/*.jpg and groundTruth/<split>/*.mat.",
    )
    parser.add_argument("--split", default="test", metavar="NAME", help="Default: test.")
    _declare_grid(parser, 16)
    parser.add_argument(
        "--thresholds",
        type=whole(1),
        default=99,
        metavar="N",
        help="How many, evenly between 0 and 1. Default: 99.",
    )


def declare_proposals(parser: Parser) -> None:
    """How many masks, of how many points."""
    _declare_grid(parser, 64)
    parser.add_argument(
        "--count", type=whole(1), default=1000, metavar="N", help="Proposals for each picture. Default: 1000."
    )


def _declare_grid(parser: Parser, default: int) -> None:
    parser.add_argument(
        "--points-per-side",
        type=whole(1),
        default=default,
        metavar="N",
        help=f"Of the grid that the model is asked at. Default: {default}.",
    )
    parser.add_argument(
        "--max-images",
        type=whole(1),
        metavar="N",
        help="At most so many pictures of a set, the first. Default: all.",
    )


def declare_fewshot(parser: Parser) -> None:
    """Declare how classes are shown and how often they are asked."""
    parser.add_argument(
        "--shots",
        type=whole(1),
        nargs="+",
        default=[1, 4, 8],
        metavar="N",
        help="Numbers of examples that a question comes with. Default: 1 4 8.",
    )
    parser.add_argument(
        "--max-queries",
        type=whole(1),
        default=8,
        metavar="N",
        help="At most so many questions for each class of a set, drawn at random. Default: 8.",
    )
    parser.add_argument(
        "--ensemble",
        type=one_of("feature", "spatial"),
        default="feature",
        metavar="NAME",
        help="How several examples are joined: feature (the default), or spatial: all in one grid.",
    )
