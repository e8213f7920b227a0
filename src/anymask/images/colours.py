"""Colour palettes: to distinguish masks, to encode masks as colours and to decode them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import InputError

__all__ = [
    "MOST_COLOURS",
    "PIXEL_MEAN",
    "PIXEL_STD",
    "check_palette",
    "confidence",
    "contrasting",
    "decode",
    "encode",
    "log_odds",
    "palette",
]

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
"""Of ImageNet's pixels, RGB: the scale in which all networks here get them."""
MOST_COLOURS = 255
"""A palette with more colours is refused: a painted colour could no longer be told from its neighbours."""
WHITE_FROM = 128
"""Without a palette a pixel is inside when the mean of its channels is above this (SegGPT, released code)."""

Floats = NDArray[np.float32]
_CHOSEN = 128  # colours picked to be far apart; those after them are only different
_SPARE = 8  # colours beyond one for each, to choose from
_SHOWS = 0.3  # distance in OKLab; black and white are 1 apart
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


def contrasting(grounds: ArrayLike) -> NDArray[np.uint8]:
    """A different colour of the palette for each of N grounds (N, 3) 0..255 RGB, that shows on it.

    Each takes the first colour left that is `_SHOWS` away from it in OKLab, or the farthest where none is.
    """
    seen = np.asarray(grounds, np.float64).reshape(-1, 3)
    colours = palette(len(seen) + _SPARE)
    lab, left = _oklab(colours.astype(np.float64)), np.ones(len(colours), np.bool_)
    chosen = np.zeros(len(seen), np.intp)
    for i, ground in enumerate(_oklab(seen)):
        distance = np.where(left, np.linalg.norm(lab - ground, axis=1), -1.0)
        shows = distance >= _SHOWS
        chosen[i] = shows.argmax() if shows.any() else distance.argmax()
        left[chosen[i]] = False
    return colours[chosen]


def check_palette(colours: ArrayLike) -> NDArray[np.uint8]:
    """Give a palette as (K, 3) uint8. Raises InputError but for 1 to 255 different colours, none black."""
    array = np.asarray(colours)
    if array.ndim != 2 or array.shape[1:] != (3,) or array.dtype.kind not in "iu":
        raise InputError(
            f"palette must be integers of shape (K, 3), got {array.dtype} of shape {array.shape}. "
            "Take anymask.palette(n)."
        )
    if not 1 <= len(array) <= MOST_COLOURS:
        raise InputError(
            f"palette must have 1 to {MOST_COLOURS} colours, got {len(array)}. Join classes, or ask in parts."
        )
    if array.min() < 0 or array.max() > 255:
        raise InputError(
            f"palette must hold numbers from 0 to 255, got {array.min()} to {array.max()}. Scale it."
        )
    if not array.any(axis=1).all() or len(np.unique(array, axis=0)) < len(array):
        raise InputError(
            "palette must hold different colours, none black, got one of them twice or black. Change it."
        )
    return array.astype(np.uint8)


def encode(labels: NDArray[np.int64], colours: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Paint a map of labels (H, W), 0 for black and k for the k-th colour: (H, W, 3). None is white alone."""
    table = np.full((1, 3), 255, np.uint8) if colours is None else colours
    every = np.concatenate([np.zeros((1, 3), np.uint8), table])
    return np.asarray(every[labels], np.uint8)


def decode(image: NDArray[np.generic], colours: NDArray[np.uint8] | None) -> NDArray[np.int64]:
    """Label the pixels of (H, W, 3) by the nearest colour: 0 for black, k for the k-th; of equals the first.

    Without a palette 1 where the mean of the channels is above 128, else 0.
    """
    pixels = np.asarray(image, np.float32)
    if colours is None:
        return np.asarray(pixels.mean(axis=2) > WHITE_FROM, np.int64)
    best = _distance(pixels, (0, 0, 0))
    labels = np.zeros(best.shape, np.int64)
    for number, colour in enumerate(colours, start=1):
        distance = _distance(pixels, colour)
        nearer = distance < best
        labels[nearer] = number
        np.copyto(best, distance, where=nearer)
    return labels


def log_odds(image: Floats, colours: NDArray[np.uint8] | None, wanted: Sequence[int]) -> Floats:
    """How much nearer the pixels of (H, W, 3) are to a colour than to any other: (len(wanted), H, W).

    `wanted` are labels as of `decode`; values are above 0 where the label is the nearest. The logarithm of
    the squared distance to the nearest other colour over that to its own; without a palette
    (mean - 128) / 32.
    """
    out = np.empty((len(wanted), *image.shape[:2]), np.float32)
    if colours is None:
        above = (image.mean(axis=2) - WHITE_FROM) / np.float32(32)
        out[:] = [above if label else -above for label in wanted]
        return out
    first, second, labels = _two_nearest(image, colours)
    every = np.concatenate([np.zeros((1, 3), np.uint8), colours])
    for plane, label in zip(out, wanted, strict=True):
        own = _distance(image, every[label])
        rest = np.where(labels == label, second, first)
        np.log((rest + 1) / (own + 1), out=plane)
    return out


def confidence(image: Floats, colours: NDArray[np.uint8] | None) -> Floats:
    """How sure the label of each pixel of (H, W, 3) is: (H, W) in 0..1.

    1 where the pixel has exactly a colour, 0 where it is as far from another one.
    """
    if colours is None:
        above = image.mean(axis=2) - WHITE_FROM
        return np.asarray(np.maximum(above / (255 - WHITE_FROM), -above / WHITE_FROM), np.float32)
    first, second, _ = _two_nearest(image, colours)
    return np.asarray(1 - np.sqrt(first / np.maximum(second, 1e-6)), np.float32)


def _two_nearest(image: Floats, colours: NDArray[np.uint8]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Squared distances to the nearest and to the second nearest colour, black included, and the label."""
    labels = decode(image, colours)
    every = np.concatenate([np.zeros((1, 3), np.uint8), colours])
    first = _distance(image, every[labels])
    second = np.full(labels.shape, np.inf, np.float32)
    for number, colour in enumerate(every):
        np.minimum(second, np.where(labels == number, np.inf, _distance(image, colour)), out=second)
    return first, second, labels


def _distance(pixels: Floats, colour: ArrayLike) -> Floats:
    """Squared distances of (H, W, 3) to a colour (3,), or to one for each pixel."""
    return np.asarray(np.square(pixels - np.asarray(colour, np.float32)).sum(axis=2))


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


def _oklab(rgb: NDArray[Any]) -> NDArray[np.float64]:
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
