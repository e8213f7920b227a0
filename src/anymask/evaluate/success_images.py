"""The pictures of a data set that an evaluation looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.types import Record

Image = NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
"""Called with the set's name, the pictures done and the pictures in all."""


class Records(Protocol):
    """What an evaluation needs of a data set."""

    def __len__(self) -> int:
        """Number of pictures."""

    def __getitem__(self, index: int, /) -> Record:
        """Read a picture with its masks; `InputError` when it is damaged."""


def opened(records: Records, index: int) -> tuple[Record, Image] | None:
    """A record with its pixels, None for a damaged one."""
    try:
        record = records[index]
        return record, record.read()
    except InputError:
        return None


def pictures(
    name: str, records: Records, most: int | None, seed: int, progress: Progress | None
) -> Iterator[tuple[Record, Image] | None]:
    """The drawn records of a set with their pixels, None for a damaged one; tells `progress` on the way."""
    order = drawn(len(records), most, np.random.default_rng(seed))
    for done, index in enumerate(order):
        if progress is not None:
            progress(name, done, len(order))
        yield opened(records, int(index))
    if progress is not None:
        progress(name, len(order), len(order))


def drawn(count: int, most: int | None, generator: np.random.Generator) -> NDArray[np.int64]:
    """`most` of `count` numbers, drawn at random, in rising order."""
    if most is None or count <= most:
        return np.arange(count)
    return np.sort(generator.permutation(count)[:most])
