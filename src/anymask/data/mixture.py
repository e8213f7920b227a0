"""A weighted, endless, resumable stream of records from several data sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from anymask.data.dataset import Dataset
from anymask.errors import FormatError, InputError
from anymask.types import Record

BLOCK = 4096
"""Length of a block, in draws: within each block every data set has exactly its share."""
_RETRIES = 50


@dataclass(frozen=True)
class Draw:
    """One item of the stream: its position, the data set's name, its index there, and the record."""

    position: int
    dataset: str
    index: int
    record: Record


@dataclass(frozen=True)
class MixtureState:
    """What a stream needs to resume: its seed and the position of the next item."""

    seed: int
    position: int


class Mixture:
    """An endless stream of Draws in which item i depends only on the seed and on i.

    So ranks and workers split a stream by taking every n-th position (`stream`), and a resumed run gets the
    same items as an uninterrupted one. In every BLOCK draws each data set has exactly its share (at least one
    draw). The items of a data set come in shuffled passes, each of which holds every item once. A damaged
    item is replaced by another of the same data set, also determined by the seed and i.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        weights: Mapping[str, float] | Sequence[float] | None = None,
        *,
        seed: int,
        position: int = 0,
    ) -> None:
        """weights: share of each data set, by name or in their order; None: in proportion to their lengths.

        Raises InputError for empty data sets, duplicate names, and weights that are missing or not positive.
        """
        self.datasets = _not_empty(datasets)
        self.seed, self.position = seed, position
        self.weights = _shares(self.datasets, weights)
        self._counts = _block_counts(self.weights)
        self._lengths = [len(dataset) for dataset in self.datasets]
        self._block = lru_cache(maxsize=4)(self._shuffled_block)
        self._pass = lru_cache(maxsize=2 * len(self.datasets))(self._shuffled_pass)

    @property
    def state(self) -> MixtureState:
        """Seed and position; `Mixture(..., seed=state.seed, position=state.position)` resumes from here."""
        return MixtureState(self.seed, self.position)

    def __iter__(self) -> Iterator[Draw]:
        """The stream itself, from its position on."""
        return self

    def __next__(self) -> Draw:
        """The item at `position`, which is then increased by one."""
        draw = self[self.position]
        self.position += 1
        return draw

    def __getitem__(self, position: int) -> Draw:
        """The item at a position (0, 1, ...). Raises FormatError if too many items cannot be read."""
        number, index = self.locate(position)
        dataset = self.datasets[number]
        rng = np.random.default_rng((self.seed, position, 2))
        for _ in range(_RETRIES):
            try:
                return Draw(position, dataset.name, index, dataset[index])
            except FormatError:
                index = int(rng.integers(self._lengths[number]))
        raise FormatError(
            f"dataset {dataset.name} must hold readable items, got {_RETRIES} damaged ones in a row. "
            "Run: anymask data check"
        )

    def stream(self, start: int = 0, step: int = 1) -> Iterator[Draw]:
        """The endless stream of items start, start + step, ...: rank r of n takes stream(position + r, n)."""
        position = start
        while True:
            yield self[position]
            position += step

    def rng(self, position: int) -> np.random.Generator:
        """The random generator for augmenting the item at a position, the same in every run and worker."""
        return np.random.default_rng((self.seed, position, 1))

    def locate(self, position: int) -> tuple[int, int]:
        """Index of the data set, and of the item in it, at a position; the item may be damaged."""
        if position < 0:
            raise IndexError(f"position must be at least 0, got {position}.")
        block, place = divmod(position, BLOCK)
        order, nth = self._block(block)
        number = int(order[place])
        turn = block * int(self._counts[number]) + int(nth[place])
        pass_number, rest = divmod(turn, self._lengths[number])
        return number, int(self._pass(number, pass_number)[rest])

    def _shuffled_block(self, block: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For every draw of a block: its data set, and how many earlier draws of the block are from it."""
        order = np.repeat(np.arange(len(self.datasets)), self._counts)
        order = np.random.default_rng((self.seed, block, 3)).permutation(order)
        nth = np.empty(BLOCK, dtype=np.int64)
        for number, count in enumerate(self._counts):
            nth[order == number] = np.arange(count)
        return order, nth

    def _shuffled_pass(self, number: int, pass_number: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng((self.seed, number, pass_number, 4)).permutation(self._lengths[number])

    def __getstate__(self) -> dict[str, object]:
        """The state without the caches, so that a stream can be sent to a worker."""
        return {key: value for key, value in vars(self).items() if key not in ("_block", "_pass")}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Restore the state with new caches."""
        vars(self).update(state)
        self._block = lru_cache(maxsize=4)(self._shuffled_block)
        self._pass = lru_cache(maxsize=2 * len(self.datasets))(self._shuffled_pass)


def _not_empty(datasets: Sequence[Dataset]) -> tuple[Dataset, ...]:
    if not datasets:
        raise InputError("datasets must hold at least one data set, got none. Give one.")
    names = [dataset.name for dataset in datasets]
    if len(set(names)) < len(names):
        raise InputError(f"datasets must have different names, got {', '.join(names)}. Set name= on opening.")
    empty = [dataset.name for dataset in datasets if len(dataset) == 0]
    if empty:
        raise InputError(f"datasets must hold items, got none in {', '.join(empty)}. Leave it out.")
    return tuple(datasets)


def _shares(
    datasets: Sequence[Dataset], weights: Mapping[str, float] | Sequence[float] | None
) -> npt.NDArray[np.float64]:
    names = [dataset.name for dataset in datasets]
    if weights is None:
        values = [float(len(dataset)) for dataset in datasets]
    elif isinstance(weights, Mapping):
        if set(weights) != set(names):
            raise InputError(
                f"weights must name {', '.join(names)}, got {', '.join(weights)}. Give one for each."
            )
        values = [float(weights[name]) for name in names]
    else:
        values = [float(weight) for weight in weights]
    shares = np.array(values, dtype=np.float64)
    if len(shares) != len(names) or not np.isfinite(shares).all() or (shares <= 0).any():
        raise InputError(
            f"weights must be {len(names)} positive numbers, got {values}. Leave out unused data sets."
        )
    result: npt.NDArray[np.float64] = shares / shares.sum()
    return result


def _block_counts(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Draws per block: at least one each, the rest by largest remainder."""
    exact = shares * (BLOCK - len(shares))
    counts = np.floor(exact).astype(np.int64)
    missing = BLOCK - len(shares) - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    result: npt.NDArray[np.int64] = counts + 1
    return result
