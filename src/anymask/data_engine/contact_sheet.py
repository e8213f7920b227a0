"""A contact sheet: one image with the first images of a data set and their masks."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from anymask.data import open_dataset, readable
from anymask.data.analysis.samples import sheet_of
from anymask.files import write_atomic
from anymask.images.write import encode_jpeg

__all__ = ["MOST", "write_sheet"]

MOST = 24
"""Largest number of images on a sheet."""
WIDTH = 1600
"""Of a sheet, in pixels."""


def write_sheet(folder: str | os.PathLike[str], most: int = MOST) -> Path:
    """Render the first `most` images of a data set with their masks to `<folder>/sheet/sheet.jpg`.

    Returns the path. The sheet has a folder of its own so that it is not taken for an image of the data set.
    One image at a time is in memory. Raises FormatError if the folder holds no data set, and OutputError.
    """
    dataset = open_dataset(Path(folder))
    sheet = sheet_of(islice(readable(dataset), most), min(4, max(1, len(dataset))), WIDTH)
    target = Path(folder, "sheet", "sheet.jpg")
    target.parent.mkdir(exist_ok=True)
    return write_atomic(target, encode_jpeg(sheet), force=True)
