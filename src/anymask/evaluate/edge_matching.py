"""Thinning of edge maps, and matching of the pixels of two edge maps (BSDS500)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import MissingExtraError

__all__ = ["correspond", "require_scipy", "skeleton"]

Mask = NDArray[np.bool_]

_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""Offsets (y, x) of the eight neighbours, clockwise from the one above."""


def require_scipy(name: str) -> Any:
    """Import a module of SciPy, such as "sparse". Raises MissingExtraError if it is not installed."""
    from importlib import import_module

    try:
        return import_module(f"scipy.{name}")
    except ImportError:
        raise MissingExtraError("measuring edges", "eval") from None


def skeleton(mask: Mask) -> Mask:
    """Thin a mask (H, W) to lines one pixel wide, keeping its connectivity (Guo and Hall, 1989).

    Equivalent to MATLAB's `bwmorph(mask, "thin", inf)` in the benchmark of BSDS500.
    """
    framed, changed = np.pad(mask, 1), True
    while changed:
        before = np.count_nonzero(framed)
        for odd in (True, False):
            framed[1:-1, 1:-1] &= ~_removable(framed, odd=odd)
        changed = bool(np.count_nonzero(framed) < before)
    return np.asarray(framed[1:-1, 1:-1])


def _removable(framed: Mask, *, odd: bool) -> Mask:
    """Pixels that one half step removes: neighbours stay connected and no line gets shorter."""
    h, w = framed.shape[0] - 2, framed.shape[1] - 2
    n = [framed[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] for dy, dx in _AROUND]
    pairs = range(0, 8, 2)
    crossings = sum((~n[i] & (n[i + 1] | n[(i + 2) % 8])).astype(np.uint8) for i in pairs)
    first = sum((n[i - 1] | n[i]).astype(np.uint8) for i in pairs)
    second = sum((n[i] | n[i + 1]).astype(np.uint8) for i in pairs)
    fewest = np.minimum(first, second)
    north, north_east, east, south_east, south, south_west, west, north_west = n
    if odd:
        kept = (north | north_east | ~south_east) & east
    else:
        kept = (south | south_west | ~north_west) & west
    return np.asarray((crossings == 1) & (fewest >= 2) & (fewest <= 3) & ~kept)


def correspond(one: Mask, other: Mask, reach: float) -> tuple[Mask, Mask]:
    """One-to-one matching of two maps (H, W): the matched pixels of each.

    Matched pixels are at most `reach` pixels apart; the number of pairs is maximal. The benchmark of BSDS500
    minimises the total distance with a large cost for unmatched pixels, which gives the same number of pairs.
    Raises MissingExtraError without SciPy.
    """
    graph = require_scipy("sparse.csgraph")
    partner = graph.maximum_bipartite_matching(_near(one, other, reach), perm_type="column")
    found_one, found_other = (np.zeros(mask.shape, np.bool_) for mask in (one, other))
    rows = np.flatnonzero(partner >= 0)
    found_one.reshape(-1)[np.flatnonzero(one)[rows]] = True
    found_other.reshape(-1)[np.flatnonzero(other)[partner[rows]]] = True
    return found_one, found_other


def _near(one: Mask, other: Mask, reach: float) -> Any:
    """Sparse matrix of the pixels of `one` (rows) and `other` (columns) that are within `reach`."""
    (h, w), far = one.shape, int(reach)
    number = np.full((h + 2 * far, w + 2 * far), -1, np.int64)
    number[far : far + h, far : far + w][other] = np.arange(np.count_nonzero(other))
    y, x = np.nonzero(one)
    step = np.arange(-far, far + 1)
    steps = np.stack(np.meshgrid(step, step), -1).reshape(-1, 2)
    steps = steps[(steps**2).sum(axis=1) <= reach**2]
    steps = steps[np.argsort((steps**2).sum(axis=1), kind="stable")]
    columns = number[y[:, None] + far + steps[:, 0], x[:, None] + far + steps[:, 1]]  # (pixels, steps)
    rows, place = np.nonzero(columns >= 0)
    shape = (y.size, np.count_nonzero(other))
    ones, found = np.ones(rows.size, np.uint8), columns[rows, place]
    return require_scipy("sparse").csr_array((ones, (rows, found)), shape)
