"""Thinning of edge maps, and matching of the pixels of two edge maps (BSDS500)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import MissingExtraError

__all__ = ["correspond", "require_scipy", "skeleton"]

Mask = NDArray[np.bool_]
Integers = NDArray[np.int64]

_UNIT = 100
"""Costs per pixel of distance."""
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""Offsets (y, x) of the eight neighbours, clockwise from the one above."""


def require_scipy(name: str, need: str = "measuring edges") -> Any:
    """Import a module of SciPy, such as "sparse". Raises MissingExtraError if it is not installed.

    need: what it is for, in the error.
    """
    from importlib import import_module

    try:
        return import_module(f"scipy.{name}")
    except ImportError:
        raise MissingExtraError(need, "eval") from None


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
    """One-to-one matching of two maps (H, W) of least cost: the matched pixels of each.

    A pair costs its distance, which is at most `reach` pixels, rounded to 0.01 pixels; an unmatched pixel
    costs 100 * `reach`. The benchmark of BSDS500 (`match.cc`) has the same costs but offers each pixel a few
    random ways to stay unmatched, so that its result changes from run to run. Raises MissingExtraError
    without SciPy.
    """
    rows, columns, costs = _near(one, other, reach)
    places = np.flatnonzero(one), np.flatnonzero(other)
    found = tuple(np.zeros(mask.shape, np.bool_) for mask in (one, other))
    if len(rows):
        for mask, pixels, near in zip(found, places, _matched(rows, columns, costs, reach), strict=True):
            mask.reshape(-1)[pixels[near]] = True
    return found[0], found[1]


def _matched(rows: Integers, columns: Integers, costs: Integers, reach: float) -> tuple[Integers, Integers]:
    """The rows and the columns that are matched in the cheapest matching of a graph given by its edges.

    The graph is doubled so that a full matching exists: a row or column that stays unmatched is matched with
    a private copy of itself, and the copies of matched ones with each other for nothing. All costs are raised
    by one, as SciPy's sparse graphs have no edges of cost 0; the number of pairs is always the same.
    """
    rows_used, row = np.unique(rows, return_inverse=True)
    columns_used, column = np.unique(columns, return_inverse=True)
    r, c = len(rows_used), len(columns_used)
    alone = np.full(r + c, round(100 * _UNIT * reach))
    left = np.concatenate([row, np.arange(r), r + np.arange(c), r + column])
    right = np.concatenate([column, c + np.arange(r), np.arange(c), c + row])
    weights = np.concatenate([costs, alone, np.zeros(len(costs), np.int64)]) + 1
    graph = require_scipy("sparse").csr_array((weights.astype(np.float64), (left, right)), (r + c, r + c))
    of_left, of_right = require_scipy("sparse.csgraph").min_weight_full_bipartite_matching(graph)
    paired = (of_left < r) & (of_right < c)
    return rows_used[of_left[paired]], columns_used[of_right[paired]]


def _near(one: Mask, other: Mask, reach: float) -> tuple[Integers, Integers, Integers]:
    """The pairs of pixels of `one` and `other` within `reach`: their numbers in reading order, and costs."""
    (h, w), far = one.shape, int(reach)
    number = np.full((h + 2 * far, w + 2 * far), -1, np.int64)
    number[far : far + h, far : far + w][other] = np.arange(np.count_nonzero(other))
    y, x = np.nonzero(one)
    step = np.arange(-far, far + 1)
    steps = np.stack(np.meshgrid(step, step), -1).reshape(-1, 2)
    distances = np.hypot(*steps.T)
    steps, distances = steps[distances <= reach], distances[distances <= reach]
    columns = number[y[:, None] + far + steps[:, 0], x[:, None] + far + steps[:, 1]]  # (pixels, steps)
    rows, place = np.nonzero(columns >= 0)
    return rows, columns[rows, place], np.rint(_UNIT * distances[place]).astype(np.int64)
