"""The options of `anymask train`. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["declare_train"]


def declare_train(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="A named run, see --list.")
    parser.add_argument("--list", dest="listed", action="store_true", help="List the recipes.")
    parser.add_argument("--show", action="store_true", help="Print the settings of RECIPE and do nothing.")
    parser.add_argument(
        "--data",
        action="extend",
        nargs="+",
        default=[],
        metavar="PATH[=WEIGHT]",
        help="Data sets: folders of shards, of pictures with masks, COCO files; NAME:PATH for a published "
        "set in the folders it comes in, as ade20k:sets/ade. WEIGHT is the share in which pictures are "
        "drawn, 1 if left out.",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="Change a setting of the recipe, for example loop.steps=500.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="RUN",
        help="The run directory. If it holds the same run, stopped, that is continued; -o alone, without "
        "RECIPE and --data, does so too.",
    )
    parser.add_argument("--force", action="store_true", help="Start over in a directory that holds a run.")
