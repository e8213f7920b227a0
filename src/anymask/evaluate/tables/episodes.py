"""The few-shot episodes of HSNet, VAT and those who compare with them: COCO-20i, PASCAL-5i, FSS-1000.

Their lists of images come with the code (`data/splits`) and are read from the data; the draws repeat theirs,
with the same random numbers.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.evaluate.tables.named_file import named_file

__all__ = [
    "Episode",
    "coco_episodes",
    "fss_episodes",
    "pascal_episodes",
    "read_coco_list",
    "read_lines",
    "read_pascal_list",
]

EPISODES = 1000
"""Episodes of a fold."""
FOLDS = 4


@dataclass(frozen=True)
class Episode:
    """A query and its examples, by the names in the lists."""

    fold: int
    category: int
    """The class, from 0."""
    query: str
    examples: tuple[str, ...]


class _Draws:
    """Their random numbers: NumPy's old generator, started at 0 for every fold."""

    def __init__(self) -> None:
        self._state = np.random.RandomState(0)

    def one_of(self, names: Sequence[Any]) -> Any:
        """As `np.random.choice(names, 1, replace=False)[0]`."""
        return names[
            int(self._state.permutation(len(names))[0])
        ]  # what choice does, at less than half its time

    def examples(self, names: Sequence[str], query: str, shots: int) -> tuple[str, ...]:
        """Other names than the query; one may be drawn twice, as theirs."""
        drawn: list[str] = []
        while len(drawn) < shots:
            name = self.one_of(names)
            if name != query:
                drawn.append(name)
        return tuple(drawn)


def coco_episodes(
    lists: Mapping[int, Sequence[str]], fold: int, shots: int, count: int = EPISODES
) -> list[Episode]:
    """Episodes of a fold of COCO-20i: classes fold, fold + 4, .., each with its list of images."""
    draws, out = _Draws(), []
    categories = [fold + FOLDS * step for step in range(80 // FOLDS)]
    for category in categories:
        _check(lists.get(category, ()), f"class {category} of COCO-20i fold {fold}")
    for _ in range(count):
        category = draws.one_of(categories)
        query = draws.one_of(lists[category])
        out.append(Episode(fold, category, query, draws.examples(lists[category], query, shots)))
    return out


def pascal_episodes(
    pairs: Sequence[tuple[str, int]], fold: int, shots: int, count: int = EPISODES
) -> list[Episode]:
    """Episodes of a fold of PASCAL-5i: its pairs of image and class in turn, some of them several times."""
    draws, of_class = _Draws(), dict[int, list[str]]()
    for name, category in pairs:
        of_class.setdefault(category, []).append(name)
    for category, names in of_class.items():
        _check(names, f"class {category} of PASCAL-5i fold {fold}")
    out = []
    for index in range(count):
        query, category = pairs[index % len(pairs)]
        out.append(Episode(fold, category, query, draws.examples(of_class[category], query, shots)))
    return out


def fss_episodes(categories: Sequence[str], shots: int) -> list[Episode]:
    """Episodes of FSS-1000: each image 1.jpg to 10.jpg of each class is a query, in the order of names."""
    draws, out = _Draws(), []
    numbers = [str(number) for number in range(1, 11)]
    for category, name in enumerate(sorted(categories)):
        for query in sorted(numbers, key=lambda number: f"{number}.jpg"):
            examples = draws.examples(numbers, query, shots)
            out.append(Episode(0, category, f"{name}/{query}", tuple(f"{name}/{one}" for one in examples)))
    return out


def _check(names: Sequence[str], what: str) -> None:
    if len(set(names)) < 2:
        raise FormatError(
            f"{what} must have two images or more, got {len(set(names))}. Use the original lists."
        )


class _Plain(pickle.Unpickler):
    """Reads dictionaries, lists, text and numbers, and nothing that would run code."""

    def find_class(self, module: str, name: str) -> Any:
        raise FormatError(f"list must hold names only, got {module}.{name}. Use the original lists.")


def read_coco_list(path: Path) -> dict[int, list[str]]:
    """Names by class, from `fold<f>.pkl`. Raises FormatError for anything else, without running it."""
    with named_file(path):
        try:
            found = _Plain(io.BytesIO(path.read_bytes())).load()
            return {int(category): [str(name) for name in names] for category, names in found.items()}
        except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, TypeError, IndexError) as error:
            raise FormatError(
                f"path must hold names by class, got {path} ({error}). Use the original lists."
            ) from None


def read_pascal_list(path: Path) -> list[tuple[str, int]]:
    """Pairs of image and class from 0, from `fold<f>.txt` with lines `name__CC`, CC from 1."""
    pairs: list[tuple[str, int]] = []
    for number, line in enumerate(read_lines(path), 1):
        name, mark, category = line.partition("__")
        if not mark or not category.isdecimal():
            raise FormatError(
                f"line {number} of {path} must be name__CC, got {line!r:.60}. Use the original lists."
            )
        pairs.append((name, int(category) - 1))
    return pairs


def read_lines(path: Path) -> list[str]:
    """The lines of a list. Raises FormatError for one without any."""
    with named_file(path):
        lines = path.read_text("utf-8").splitlines()
    if not any(map(str.strip, lines)):
        raise FormatError(f"{path} must hold names, got none. Use the original lists.")
    return lines
