"""Sheets of sample images: evenly from a data set, one image in memory at a time."""

from __future__ import annotations

import gc
import io
import weakref

import numpy as np
from PIL import Image

from anymask.data.analysis.samples import SAMPLES, sample_sheet
from anymask.data.dataset import Faults
from anymask.errors import FormatError
from anymask.types import Masks, Record

SIZE = (40, 60)


class Images:
    """A data set that counts how many of its images are in memory; those with `bad` numbers are damaged."""

    name = "images"

    def __init__(self, count: int, bad: tuple[int, ...] = ()) -> None:
        self.count, self.bad = count, bad
        self.faults = Faults()
        self.asked: list[int] = []
        self.alive: weakref.WeakSet[Record] = weakref.WeakSet()
        self.most = 0

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Record:
        self.asked.append(index)
        if index in self.bad:
            raise FormatError("damaged")
        mask = np.zeros(SIZE, bool)
        mask[5:20, 5:30] = True
        record = Record(f"{index}", np.full((*SIZE, 3), index, np.uint8), Masks.from_dense(mask[None]))
        self.alive.add(record)
        gc.collect()
        self.most = max(self.most, len(self.alive))
        return record


def test_a_sheet_shows_twelve_images_from_the_whole_data_set() -> None:
    images = Images(100, bad=(9, 99))
    sheet = sample_sheet(images)
    assert sheet is not None
    assert images.asked == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]
    assert len(images.asked) == SAMPLES
    assert images.most <= 2, "the one that is drawn, and the one that is read"
    assert Image.open(io.BytesIO(sheet)).size[0] == 1160


def test_small_and_damaged_data_sets() -> None:
    sheet = sample_sheet(Images(2))
    assert sheet is not None
    assert Image.open(io.BytesIO(sheet)).size[0] == 386
    assert sample_sheet(Images(2, bad=(0, 1))) is None
    assert sample_sheet(Images(0)) is None
