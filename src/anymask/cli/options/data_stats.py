"""The options of `anymask data stats`. Standard library only."""

from __future__ import annotations

from anymask.cli.options.command import Command
from anymask.cli.options.data_check import Options, declare

__all__ = ["COMMAND", "Options"]

COMMAND = Command(
    name="data stats",
    usage="PATH... [--split NAME] [--ignore NUMBER] [--json]",
    summary="Count images, masks, sizes, kinds and categories.",
    details="Count images and masks of data sets, their sizes, kinds and categories. A mask is tiny, small, "
    "medium or large by the square root of its share of the image: up to 0.06, 0.15, 0.35, or more.\n\n"
    "  anymask data stats sets/coco --split train",
    declare=declare,
    options=Options,
)
