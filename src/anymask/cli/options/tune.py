"""The options of `anymask tune`. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["declare_source"]


def declare_source(parser: Parser) -> None:
    """Declare what to learn from and where to write."""
    parser.add_argument("--data", metavar="PATH", help="A data set whose masks have categories.")
    parser.add_argument("--category", metavar="NAME", help="What to find: a category of the data set.")
    parser.add_argument(
        "--example",
        action="append",
        default=[],
        metavar="PHOTO=TARGET",
        help="Instead of --data: a photo and what to find in it, as of 'anymask like'. Repeat it.",
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE.safetensors", help="The file of the learned example."
    )
