"""A table: data sets where they lie on disk, how each is measured, and the published rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Figures", "Items", "Published", "Row", "SelfTest", "Table", "TableSet", "Weights", "means"]

Row: TypeAlias = Mapping[str, Any]
"""What is measured on an item, for JSON: numbers, and lists of numbers."""
Weights: TypeAlias = NDArray[np.float64]
"""(I,): how often each item counts: ones, or a bootstrap sample."""
Figures: TypeAlias = Callable[[Weights], Mapping[str, float]]
"""The figures of weighted items; NaN for an undefined one."""


@dataclass(frozen=True)
class Items:
    """The images, videos or episodes of a data set, read one by one."""

    ids: Sequence[str]
    read: Callable[[int], Any]
    """The item at an index. Raises InputError that names the file, and MissingExtraError."""
    notes: Sequence[str] = ()
    """What is left out of the data set, with file and id."""


@dataclass(frozen=True)
class TableSet:
    """A data set of a table."""

    name: str
    home: str
    """Where it comes from."""
    size: str
    """Of the download."""
    licence: str
    folders: tuple[str, ...]
    """Where it may lie below the root of all data, as it is unpacked; the first that fits is used."""
    needs: tuple[str, ...]
    """Files or folders (globs) that must exist there."""
    open: Callable[[Path], Items]
    measure: Callable[[Any, Any], Row]
    """Measure a model on an item."""
    figures: Callable[[Sequence[Row]], Figures]
    """The figures of rows."""
    answer: Callable[[Any, Any], Mapping[str, bytes]] | None = None
    """Where only a server has the truth: the files of an item that the server takes, by name. Items are then
    not measured."""
    most_masks: int | None = None
    """Items are drawn at random until they have this many masks (the lists of a row); None: all items."""
    note: str = ""
    """How the figures differ from published ones."""
    resamples: int = 1000
    """Bootstrap samples for the intervals."""

    def find(self, root: Path) -> Path | None:
        """The folder of the data set below `root`, None if it is not there."""
        places = [root / folder for folder in self.folders]
        return next((place for place in places if all(_exists(place, need) for need in self.needs)), None)

    def missing(self) -> str:
        """A sentence for a data set that is not there."""
        places = " or ".join("ROOT itself" if folder == "." else folder for folder in self.folders)
        return (
            f"{self.name} is not there: it needs {', '.join(self.needs)} in {places}. "
            f"From {self.home}; {self.size}; licence: {self.licence}."
        )


def _exists(place: Path, pattern: str) -> bool:
    return next(iter(place.glob(pattern)), None) is not None if place.is_dir() else False


@dataclass(frozen=True)
class Published:
    """A row of a paper: the figures of a method, of one data set or of the mean of all."""

    method: str
    numbers: Mapping[str, float]
    set: str = ""
    """A data set of the table; empty: the mean."""


@dataclass(frozen=True)
class SelfTest:
    """A stub model on a tiny copy of the data sets, and the figures that it must reach."""

    copy: Callable[[Path], None]
    """Write the data sets below a folder."""
    model: Callable[[], Any]
    expected: Mapping[str, Mapping[str, float]]
    """Figures by data set."""
    limit: int | None = None
    """Maximum number of items of each data set."""


@dataclass(frozen=True)
class Table:
    """A published table or figure."""

    name: str
    source: str
    """Where it is published."""
    summary: str
    protocol: str
    """How it is measured, for the report."""
    model: Literal["prompts", "examples", "files", "runs"]
    """What is measured: a promptable model, an in-context model, files alone, or several promptable models by
    name, each a column."""
    columns: tuple[str, ...]
    sets: tuple[TableSet, ...]
    published: tuple[Published, ...]
    self_test: Callable[[], SelfTest]
    mean: str = ""
    """The name of the row with the unweighted means over data sets; empty: none."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Settings, for the report."""


def means(rows: Sequence[Row]) -> Figures:
    """Means over all masks of all items: each value of a row is a number or a list of numbers."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    values = {name: [np.ravel(row.get(name, [])) for row in rows] for name in names}
    sums = {name: np.array([one.sum() for one in some]) for name, some in values.items()}
    counts = {name: np.array([one.size for one in some], np.float64) for name, some in values.items()}

    def figures(weights: Weights) -> Mapping[str, float]:
        return {name: ratio(float(weights @ sums[name]), float(weights @ counts[name])) for name in names}

    return figures


def ratio(part: float, whole: float) -> float:
    """A quotient, NaN without a denominator."""
    return part / whole if whole else float("nan")
