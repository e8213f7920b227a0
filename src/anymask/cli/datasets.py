"""What the commands `anymask data check` and `stats` share: going through data sets, and long lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from anymask import data
from anymask.cli.console import Advance, progress
from anymask.data import Dataset, Faults
from anymask.types import Record

__all__ = ["first", "inspect_all"]

Result = TypeVar("Result")
SHOWN = 20
"""Problems, and categories, that the text form lists at most."""


def inspect_all(
    paths: Sequence[str], split: str | None, ignore: int | None, inspect: Callable[[Dataset], Result]
) -> list[Result]:
    """What `inspect` returns for each data set, with progress."""
    collections = [data.open_dataset(path, split=split, ignore=ignore) for path in paths]
    with progress("images") as advance:
        return [inspect(_Watched(collection, advance)) for collection in collections]


class _Watched:
    """A data set that reports which item is read."""

    def __init__(self, dataset: Dataset, advance: Advance) -> None:
        self.name = dataset.name
        self.faults: Faults = dataset.faults
        self._dataset, self._advance = dataset, advance

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Record:
        self._advance(index, len(self), self.name)
        return self._dataset[index]


def first(items: Sequence[str], rest: str) -> list[str]:
    """The first items, and a line made of `rest` and the number of the others."""
    return [*items[:SHOWN], *([rest.format(len(items) - SHOWN)] if len(items) > SHOWN else [])]
