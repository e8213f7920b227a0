"""Images that show nearly the same, by difference hashes: brighter or darker, smaller, recompressed copies.

The hash of an image has a bit for each of 16 x 16 places of a small grey copy: whether it is brighter than
its right neighbour. It takes 32 bytes an image. Hashes that differ in few bits agree in at least one of their
16 words; so they are sorted by each word in turn, and only close neighbours in that order are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ImageHashes", "difference_hash"]

SIDE = 16
WORDS = SIDE * SIDE // 16
NEAR = 15
"""Bits in which the hashes of near-duplicates differ at most; with fewer than WORDS, one word is the same."""
NEIGHBOURS = 32
"""Images compared with each in each order."""
LISTED = 100
"""Groups whose images are named."""
_BITS = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)


def difference_hash(image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """(WORDS,) the hash of an image (H, W, 3)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    bits = small[:, :-1] > small[:, 1:]
    return np.packbits(bits).view(np.uint16)


@dataclass
class ImageHashes:
    """The hashes of images, by their names."""

    names: list[str] = field(default_factory=list)
    hashes: bytearray = field(default_factory=bytearray)

    def add(self, name: str, image: NDArray[np.uint8]) -> None:
        """Take the hash of an image (H, W, 3)."""
        self.names.append(name)
        self.hashes += difference_hash(image).tobytes()

    def to_dict(self) -> dict[str, Any]:
        """As JSON: images that have a near-duplicate before them, and groups of images, the largest first."""
        groups = [[self.names[row] for row in rows] for rows in self.groups()]
        groups.sort(key=lambda names: (-len(names), names[0]))
        return {"images": sum(len(names) - 1 for names in groups), "groups": groups[:LISTED]}

    def groups(self) -> list[list[int]]:
        """Rows of images that are near-duplicates, or joined by others that are: two or more each."""
        hashes_NW = np.frombuffer(bytes(self.hashes), np.uint16).reshape(-1, WORDS)
        first = list(range(len(hashes_NW)))

        def root(row: int) -> int:
            while first[row] != row:
                first[row] = first[first[row]]
                row = first[row]
            return row

        for one, other in _near_pairs(hashes_NW):
            low, high = sorted((root(one), root(other)))
            first[high] = low
        found: dict[int, list[int]] = {}
        for row in range(len(first)):
            found.setdefault(root(row), []).append(row)
        return [rows for rows in found.values() if len(rows) > 1]


def _near_pairs(hashes_NW: NDArray[np.uint16]) -> Iterator[tuple[int, int]]:
    """Pairs of rows whose hashes differ in at most NEAR bits; the same pair may come several times."""
    for word in range(WORDS):
        order = np.lexsort(np.roll(hashes_NW, -word, axis=1).T[::-1])
        ordered = hashes_NW[order]
        for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
            apart = _BITS[ordered[step:] ^ ordered[:-step]].sum(axis=1, dtype=np.int64)
            rows = np.flatnonzero(apart <= NEAR)
            yield from zip(order[rows].tolist(), order[rows + step].tolist(), strict=True)
