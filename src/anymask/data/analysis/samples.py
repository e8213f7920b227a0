"""Sample images of a data set with their masks, on one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from anymask.data.dataset import Dataset
from anymask.errors import AnymaskError
from anymask.images.overlay import Cell, draw_sheet
from anymask.images.read import Pixels
from anymask.images.write import encode_jpeg
from anymask.types import Record
from anymask.types.pieces import doubtful

__all__ = ["SAMPLES", "sample_sheet", "sheet_of"]

SAMPLES, COLUMNS, WIDTH, QUALITY = 12, 6, 1160, 80
"""The largest number of images on a sheet, how many lie side by side, its width, the JPEG's quality."""


def sheet_of(records: Iterable[Record], columns: int, width: int) -> Pixels:
    """Images, masks and ids in a grid, `width` pixels wide: (H, width, 3). One is held at a time.

    Doubtful pieces of wholes are not drawn, see `types.pieces`.
    """
    cells = (
        Cell(one.read(), (mask.dense()[0] for mask in one.masks), one.id, doubtful(one.masks))
        for one in records
    )
    return draw_sheet(cells, columns, width)


def sample_sheet(dataset: Dataset) -> bytes | None:
    """A JPEG file of up to `SAMPLES` images, evenly from the whole data set; None if none can be read.

    Those that cannot be read are left out.
    """
    shown: list[str] = []
    columns = min(COLUMNS, max(1, len(dataset)))
    sheet = sheet_of(_samples(dataset, shown), columns, WIDTH * columns // COLUMNS)
    return encode_jpeg(sheet, QUALITY) if shown else None


def _samples(dataset: Dataset, shown: list[str]) -> Iterator[Record]:
    """Records evenly from a data set, their ids added to `shown`."""
    places = np.linspace(0, len(dataset) - 1, min(SAMPLES, len(dataset)))
    for index in places.round().astype(int).tolist():
        try:
            record = dataset[index]
        except AnymaskError:
            continue
        shown.append(record.id)
        yield record
