"""Colours to tell masks apart."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["palette"]

_CHOSEN = 128  # colours picked to be far apart; those after them are only different
_SPREAD = 0x9E3779  # odd, so that its multiples run through all 2**24 colours


def palette(n: int) -> NDArray[np.uint8]:
    """`n` different colours (n, 3) uint8 RGB, none black; a longer palette begins with the shorter ones.

    Each of the first 128 is the one farthest in OKLab from all before it, among colours that show on a photo.
    """
    assert 0 <= n < 1 << 23, "colours run out"
    first = _far_apart()
    if n <= len(first):
        return first[:n].copy()
    numbers = (np.arange(1, n + 1, dtype=np.int64) * _SPREAD) & 0xFFFFFF
    used = (first.astype(np.int64) * (1 << 16, 1 << 8, 1)).sum(axis=1)
    more = numbers[~np.isin(numbers, used)][: n - len(first)]
    rest = np.stack([more >> 16, more >> 8 & 255, more & 255], axis=1).astype(np.uint8)
    return np.concatenate([first, rest])


@lru_cache(maxsize=1)
def _far_apart() -> NDArray[np.uint8]:
    """The first colours: greedy farthest points over a grid of vivid colours."""
    levels = np.arange(0, 256, 17)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    lab = _oklab(grid)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    shows = (lab[:, 0] > 0.45) & (lab[:, 0] < 0.92) & (chroma > 0.09)
    grid, lab, chroma = grid[shows], lab[shows], chroma[shows]
    chosen = [int(chroma.argmax())]
    distance = np.full(len(lab), np.inf)
    while len(chosen) < _CHOSEN:
        distance = np.minimum(distance, ((lab - lab[chosen[-1]]) ** 2).sum(axis=1).round(9))
        chosen.append(int(distance.argmax()))
    return grid[chosen].astype(np.uint8)


def _oklab(rgb: NDArray[np.int64]) -> NDArray[np.float64]:
    """Colours (N, 3) 0..255 sRGB in OKLab (Björn Ottosson, 2020)."""
    s = rgb / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    to_lms = np.array([
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ])  # fmt: skip
    to_lab = np.array([
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ])  # fmt: skip
    return np.asarray(np.cbrt(linear @ to_lms.T) @ to_lab.T)
