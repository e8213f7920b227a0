"""COCO's compressed strings of run lengths: signed differences, five bits a character.

Source: the format of the COCO API (`maskApi`, functions rleToString and rleFrString).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError

__all__ = ["Runs", "as_runs", "from_string", "from_strings", "to_string"]

Runs: TypeAlias = NDArray[np.uint32]

_BITS = 5  # payload bits of one character
_MOST_CHARACTERS = 8  # per number; 7 suffice for the difference of two uint32


def to_string(runs: Runs) -> str:
    """Write COCO's compressed string: signed differences to the run before last, 5 bits per character."""
    numbers = runs.astype(np.int64)
    numbers[3:] -= runs[1:-2].astype(np.int64)
    shifts = _BITS * np.arange(_MOST_CHARACTERS)
    rest = numbers[:, None] >> shifts
    # a number ends at the first character after which only copies of its sign bit (16) remain
    done = (rest >> (_BITS - 1) == 0) | (rest >> (_BITS - 1) == -1)
    length = done.argmax(axis=1)
    place = np.arange(_MOST_CHARACTERS)
    characters = (rest & 31) + 32 * (place < length[:, None]) + 48
    return str(characters[place <= length[:, None]].astype(np.uint8).tobytes(), "ascii")


def from_string(text: str | bytes) -> Runs:
    """Read COCO's compressed string. Raises FormatError if it is corrupt."""
    return from_strings([text])[0]


def from_strings(texts: Sequence[str | bytes]) -> list[Runs]:
    """Read many of COCO's compressed strings at once. Raises FormatError if one is corrupt."""
    raw = [text.encode("ascii", "replace") if isinstance(text, str) else text for text in texts]
    codes = np.frombuffer(b"".join(raw), np.uint8).astype(np.int8) - 48
    sizes = np.fromiter(map(len, raw), np.int64, len(raw))
    if codes.size == 0:
        return [np.zeros(0, np.uint32) for _ in raw]
    if codes.min() < 0 or codes.max() > 63:
        raise FormatError(
            "counts must hold characters from '0' to 'o' only, got others. Write the file again."
        )
    ends = np.cumsum(sizes)
    if (codes[ends[sizes > 0] - 1] >= 32).any():
        raise FormatError("counts must end with a whole number, got a cut-off string. Write the file again.")
    last = np.flatnonzero(codes < 32)
    lengths = np.diff(last, prepend=-1)
    if lengths.max() > _MOST_CHARACTERS:
        raise FormatError("counts must hold numbers below 2**32, got a larger one. Write the file again.")
    numbers = _numbers(codes, last, lengths)
    counts = np.diff(np.searchsorted(last, np.concatenate([[0], ends])))
    _add_chains(numbers, counts)
    return _split(numbers, counts)


def _numbers(
    codes: NDArray[np.int8], last: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Numbers of groups of five bits, the lowest first. last: the last code of each; lengths: how many."""
    found = (codes[last] & 31).astype(np.int64)
    negative = (codes[last] & 16) > 0
    for back in range(1, int(lengths.max())):
        longer = np.flatnonzero(lengths > back)
        found[longer] = (found[longer] << _BITS) | (codes[last[longer] - back] & 31)
    found[negative] -= 1 << (_BITS * lengths[negative])
    return found


def _add_chains(numbers: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Within each string, from the fourth number on, add to each number the one two before it."""
    at = np.arange(numbers.size) - np.repeat(np.cumsum(counts) - counts, counts)
    for chain in (at % 2 == 1, (at % 2 == 0) & (at > 0)):
        places = np.flatnonzero(chain)
        if places.size:
            sums = np.cumsum(numbers[places])
            starts = np.flatnonzero(at[places] <= 2)
            before = sums[starts] - numbers[places[starts]]
            numbers[places] = sums - np.repeat(before, np.diff(np.append(starts, places.size)))


def _split(numbers: NDArray[np.int64], counts: NDArray[np.int64]) -> list[Runs]:
    """The runs of each string, see `as_runs`; all are checked together."""
    ends = np.cumsum(counts)
    starts = ends - counts
    if numbers.min() < 0 or numbers.max() >= 1 << 32:
        return [as_runs(numbers[a:b]) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    zeros = np.setdiff1d(np.flatnonzero(numbers == 0), starts)  # the first run may be empty
    odd = set(np.searchsorted(ends, zeros, side="right").tolist())
    runs = numbers.astype(np.uint32)
    return [
        as_runs(numbers[a:b]) if at in odd else runs[a:b]
        for at, (a, b) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True))
    ]


def as_runs(numbers: NDArray[np.int64]) -> Runs:
    """Check run lengths and merge the runs around empty ones, so that equal masks have equal runs."""
    if numbers.size and (numbers.min() < 0 or numbers.max() >= 1 << 32):
        raise FormatError("counts must be run lengths from 0 to 2**32 - 1, got others. Write the file again.")
    if numbers.size > 1 and not numbers[1:].all():
        ends = np.cumsum(numbers)
        ends, total = ends[:-1], int(ends[-1])
        unique, times = np.unique(ends, return_counts=True)
        numbers = np.diff(unique[(times % 2 == 1) & (unique < total)], prepend=0, append=total)
    return numbers.astype(np.uint32)
