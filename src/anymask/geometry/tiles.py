"""Positions of the tiles of a large image."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from anymask.errors import InputError

__all__ = ["Tile", "tiles"]

Tile: TypeAlias = tuple[int, int, int, int]
"""(x0, y0, x1, y1) in the image, half-open pixels."""


def tiles(size_hw: tuple[int, int], side: int, overlap: int) -> list[Tile]:
    """Tiles of at most `side` x `side` pixels that cover an image, row by row.

    Neighbours overlap by `overlap` pixels or more and are spaced as evenly as whole pixels allow. Raises
    InputError unless 0 < overlap <= side / 2.
    """
    if not 0 < overlap <= side // 2:
        raise InputError(
            f"overlap must be above 0 and at most half of the tile's {side} pixels, got {overlap}. "
            "Use a quarter of the tile, for example."
        )
    columns, rows = (_spans(length, side, overlap) for length in (size_hw[1], size_hw[0]))
    return [(x0, y0, x1, y1) for y0, y1 in rows for x0, x1 in columns]


def _spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """Spans of at most `side` along an axis, evenly spaced."""
    if length <= side:
        return [(0, length)]
    count = -(-(length - overlap) // (side - overlap))
    return [
        (start, start + side) for start in np.linspace(0, length - side, count).round().astype(int).tolist()
    ]
