"""Reading and sampling the records of a data set for an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.types import Record

Image = NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
"""Called with the name of the data set, the number of images done and the total."""


class Records(Protocol):
    """The interface of a data set to be evaluated on."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, index: int, /) -> Record:
        """Read an image with its masks; raises `InputError` if it is corrupt."""


def read_record(records: Records, index: int) -> tuple[Record, Image] | None:
    """A record with its pixels, None for a corrupt one."""
    try:
        record = records[index]
        return record, record.read()
    except InputError:
        return None


def read_records(
    name: str, records: Records, most: int | None, seed: int, progress: Progress | None
) -> Iterator[tuple[Record, Image] | None]:
    """At most `most` records, sampled by `seed`, with their pixels; None for a corrupt one."""
    order = sample(len(records), most, np.random.default_rng(seed))
    for done, index in enumerate(order):
        if progress is not None:
            progress(name, done, len(order))
        yield read_record(records, int(index))
    if progress is not None:
        progress(name, len(order), len(order))


def sample(count: int, most: int | None, generator: np.random.Generator) -> NDArray[np.int64]:
    """At most `most` of the indices below `count`, drawn at random, in ascending order."""
    if most is None or count <= most:
        return np.arange(count)
    return np.sort(generator.permutation(count)[:most])
