"""A contact sheet: one image with the first images of a data set and their masks."""

from __future__ import annotations

import os
from itertools import islice, tee
from pathlib import Path

from anymask.data import open_dataset, readable
from anymask.files import write_atomic
from anymask.images.overlay import contact_sheet
from anymask.images.write import encode_jpeg
from anymask.inference.mask_generation.hierarchy import doubtful

__all__ = ["MOST", "write_sheet"]

MOST = 24
"""Largest number of images on a sheet."""


def write_sheet(folder: str | os.PathLike[str], most: int = MOST) -> Path:
    """Render the first `most` images of a data set with their masks to `<folder>/sheet/sheet.jpg`.

    Returns the path. The sheet has a folder of its own so that it is not taken for an image of the data set.
    One image at a time is in memory. Doubtful pieces of wholes are not drawn, see
    `hierarchy.doubtful`. Raises FormatError if the folder holds no data set, and OutputError.
    """
    dataset = open_dataset(Path(folder))
    images, masks, names, doubts = tee(islice(readable(dataset), most), 4)
    sheet = contact_sheet(
        (record.read() for record in images),
        ((mask.dense()[0] for mask in record.masks) for record in masks),
        min(4, max(1, len(dataset))),
        names=(record.id for record in names),
        hidden=(doubtful(record.masks) for record in doubts),
    )
    target = Path(folder, "sheet", "sheet.jpg")
    target.parent.mkdir(exist_ok=True)
    return write_atomic(target, encode_jpeg(sheet), force=True)
