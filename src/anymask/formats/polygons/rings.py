"""Masks as rings of corners, and back, pixel for pixel.

A ring is a closed line (K, 2) float64 of corners x, y in image pixels, its last corner joined to its first. A
polygon is a tuple of rings: its outer ring, then its holes. A mask is a list of polygons, its parts.

One rule says which pixels are inside: a pixel is inside a polygon if its centre is, by the even-odd rule over
all its rings. A centre on an edge is inside if the edge is a left or upper one, as boxes are half-open. So
polygons that share an edge share no pixel, and the outline of a mask gives back that mask exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import FormatError
from anymask.files import budget
from anymask.geometry import rle

__all__ = ["Polygon", "Ring", "as_ring", "bridge", "fill", "loops", "outline", "outline_bits", "signed_area"]

Ring: TypeAlias = NDArray[np.float64]
Polygon: TypeAlias = tuple[Ring, ...]

_MOST_CROSSINGS = 1 << 22  # of edges with columns, looked at in one go


def as_ring(corners: ArrayLike) -> Ring:
    """Corners [x0, y0, x1, y1, ...] or (K, 2) as a ring. Raises FormatError below 3, or for no numbers."""
    try:
        flat = np.asarray(corners, np.float64).reshape(-1)
    except (TypeError, ValueError):
        flat = np.full(1, np.nan)
    if flat.size < 6 or flat.size % 2 or not np.isfinite(flat).all():
        raise FormatError(
            f"polygon must be 3 or more corners x, y as finite numbers, got {flat.size} numbers. "
            "Leave such polygons out."
        )
    return flat.reshape(-1, 2)


def signed_area(ring: Ring) -> float:
    """Area of a ring in square pixels: positive if it runs clockwise on the screen, as outer rings do."""
    x, y = ring[:, 0], ring[:, 1]
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def fill(polygons: Iterable[Sequence[Ring]], size: tuple[int, int]) -> rle.Runs:
    """Runs of the union of polygons in a mask of `size` (H, W), by the rule of the module."""
    return rle.union([_fill_one(rings, size) for rings in polygons], size)


def _fill_one(rings: Sequence[Ring], size: tuple[int, int]) -> rle.Runs:
    """Runs of one polygon, any number of rings. Raises FormatError beyond the budget."""
    budget.check("polygon", "corners", sum(map(len, rings)))
    start = np.concatenate([np.zeros((0, 2)), *rings])
    end = np.concatenate([np.zeros((0, 2)), *(np.roll(ring, -1, axis=0) for ring in rings)])
    # an edge gives the same numbers in both directions, so that a cut there and back leaves nothing
    turned = (start[:, :1] > end[:, :1]).repeat(2, axis=1)
    left, right = np.where(turned, end, start), np.where(turned, start, end)
    first = np.ceil(np.clip(left[:, 0] - 0.5, 0, size[1])).astype(np.int64)
    past = np.ceil(np.clip(right[:, 0] - 0.5, 0, size[1])).astype(np.int64)
    budget.check("columns crossed by a polygon", "corners", int((past - first).sum()))
    flips = np.zeros(0, np.int64)
    for part in _portions(past - first):
        found = _crossings(left[part], right[part], first[part], past[part], size[0])
        where, times = np.unique(np.concatenate([flips, found]), return_counts=True)
        flips = where[times % 2 == 1]  # what is crossed twice is not crossed
    return rle.from_edges(flips, size)


def _portions(counts: NDArray[np.int64]) -> list[slice]:
    """Slices of edges with at most so many crossings that memory stays small."""
    if counts.sum() <= _MOST_CROSSINGS:
        return [slice(0, counts.size)]
    numbers = np.cumsum(counts) // _MOST_CROSSINGS
    cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), counts.size]
    return [slice(a, b) for a, b in pairwise(cuts)]


def _crossings(
    left: Ring, right: Ring, first: NDArray[np.int64], past: NDArray[np.int64], height: int
) -> NDArray[np.int64]:
    """Positions, column by column, of the first pixel below each crossing with a column's middle."""
    count = past - first
    edge = np.repeat(np.arange(count.size), count)
    column = np.arange(edge.size) - np.repeat(np.cumsum(count) - count - first, count)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        slope = (right[:, 1] - left[:, 1]) / (right[:, 0] - left[:, 0])
        y = left[edge, 1] + (column + 0.5 - left[edge, 0]) * slope[edge]
    row = np.ceil(np.clip(np.nan_to_num(y, nan=0.0) - 0.5, 0, height))
    return np.asarray(column * height + row.astype(np.int64))


def outline(runs: rle.Runs, size: tuple[int, int]) -> list[Polygon]:
    """Trace a mask along the sides of its pixels, its parts in reading order.

    Parts hang together over sides. Outer rings run clockwise on the screen, holes the other way round, and no
    ring touches itself. `fill` of the result gives the mask back, which is decoded within its box only.
    """
    x0, y0, x1, y1 = (int(side) for side in rle.box(runs, size))
    inner = (y1 - y0, x1 - x0)
    bits = rle.decode(rle.paste(runs, size, (-x0, -y0), inner), inner)
    corner = np.array([x0, y0], np.float64)
    return [tuple(ring + corner for ring in polygon) for polygon in outline_bits(bits)]


def outline_bits(bits: NDArray[np.bool_]) -> list[Polygon]:
    """Trace a mask (H, W) bool, see `outline`."""
    framed = np.pad(bits, 1)
    corners, step = _linked_corners(framed)
    pieces = [piece for loop in loops(step) for piece in _simple(loop, corners)]
    rings = [corners[piece] for piece in pieces]
    outer = [signed_area(ring) > 0 for ring in rings]
    parts: dict[int, list[Ring]] = {}
    if outer.count(True) == 1:
        owners = [0] * len(rings)
    else:
        owners = _owners(rings, framed)
    for ring, owner, is_outer in zip(rings, owners, outer, strict=True):
        parts.setdefault(owner, []).insert(0 if is_outer else len(rings), ring)
    return [tuple(part) for part in parts.values()]


def _linked_corners(framed: NDArray[np.bool_]) -> tuple[Ring, NDArray[np.int64]]:
    """The corners of a mask with a frame of zeros, (K, 2), and the number of each one's successor.

    Along a row of pixel corners every second gap between corners of the mask is an edge, and so along a
    column. Where pixels touch only diagonally two corners lie in one place.
    """
    upper, lower = framed[:-1], framed[1:]
    across = upper ^ lower  # edges along rows
    turn = across[:, :-1] ^ across[:, 1:]
    cross = (upper[:, :-1] ^ upper[:, 1:]) & ~turn & across[:, 1:]
    y, x = np.nonzero(turn | cross)
    twice = cross[y, x].astype(np.int64) + 1
    x, y = np.repeat(x, twice), np.repeat(y, twice)
    row_order, column_order = np.arange(x.size), np.lexsort((y, x))
    step = np.empty(x.size, np.int64)
    # with the mask on the right hand: eastwards over it, westwards under it, down beside it, up before it
    for order, into in ((row_order, framed[y + 1, x + 1]), (column_order, framed[y + 1, x])):
        low, high = order[0::2], order[1::2]
        onwards = into[low]
        step[low[onwards]] = high[onwards]
        step[high[~onwards]] = low[~onwards]
    return np.stack([x, y], axis=1).astype(np.float64), step


def loops(step: NDArray[np.int64]) -> list[list[int]]:
    """The cycles of a permutation, each from its smallest number on."""
    after = step.tolist()
    loops = []
    for start in range(len(after)):
        if after[start] < 0:
            continue
        loop, here = [], start
        while after[here] >= 0:
            loop.append(here)
            after[here], here = -1, after[here]
        loops.append(loop)
    return loops


def _simple(loop: list[int], corners: Ring) -> list[list[int]]:
    """Cut a loop where it comes back to a place, so that no piece touches itself."""
    places = [tuple(place) for place in corners[loop].tolist()]
    if len(set(places)) == len(places):
        return [loop]
    pieces: list[list[int]] = []
    way: list[int] = []
    where: dict[tuple[float, ...], int] = {}
    for number, place in zip(loop, places, strict=True):
        if place in where:
            cut = where[place]
            pieces.append(way[cut:])
            for left in way[cut:]:
                where.pop(tuple(corners[left].tolist()), None)
            del way[cut:]
        where[place] = len(way)
        way.append(number)
    return [way, *pieces]


def _owners(rings: Sequence[Ring], framed: NDArray[np.bool_]) -> list[int]:
    """The part of the mask that each ring belongs to, by the pixel on the right of its first edge."""
    _, labels = cv2.connectedComponents(framed.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    first = np.array([ring[0] for ring in rings], np.int64).reshape(-1, 2)
    ahead = np.sign(np.array([ring[1] - ring[0] for ring in rings]).reshape(-1, 2)).astype(np.int64)
    # the frame moves pixels by one: the pixel south-east of a corner (x, y) is at [y + 1, x + 1]
    east, south = ahead[:, 0], ahead[:, 1]
    row = first[:, 1] + ((east > 0) | (south > 0))
    column = first[:, 0] + ((east > 0) | (south < 0))
    return [int(label) for label in labels[row, column]]


def bridge(polygons: Sequence[Sequence[Ring]]) -> Ring:
    """Join all rings to a single one by zero-width cuts, for formats that hold one ring.

    Rings are joined at their nearest corners, nearest first (a minimal tree; of thousands of rings only some
    corners are tried); the ring passes every cut in both directions. By the even-odd rule cuts change
    nothing. Raises FormatError without rings.
    """
    rings = [ring for polygon in polygons for ring in polygon]
    if not rings:
        raise FormatError("polygons must hold a ring, got none. Leave empty masks out.")
    return rings[0] if len(rings) == 1 else _walk(rings, _tree(rings))


_MOST_PAIRS = 40_000_000  # of rings and corners that are looked at as ends of cuts


def _tree(rings: Sequence[Ring]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """A minimal tree of cuts (Prim): (ring, corner) to the (ring, corner) pairs that hang on it."""
    stride = -(-sum(map(len, rings)) * len(rings) // _MOST_PAIRS)
    owner = np.concatenate([np.full(len(ring[::stride]), i) for i, ring in enumerate(rings)])
    number = np.concatenate([np.arange(len(ring))[::stride] for ring in rings])
    place = np.concatenate([ring[::stride] for ring in rings])
    near = np.full(len(owner), np.inf)
    anchor = np.zeros(len(owner), np.int64)
    tree: dict[tuple[int, int], list[tuple[int, int]]] = {}
    outside, newest = np.arange(len(owner)), 0
    for _ in range(len(rings) - 1):
        added = np.flatnonzero(owner == newest)
        outside = outside[owner[outside] != newest]
        for some in np.array_split(added, -(-added.size * outside.size // _MOST_CROSSINGS)):
            gaps = ((place[outside, None] - place[some]) ** 2).sum(axis=2)
            best = gaps.argmin(axis=1)
            gap = gaps[np.arange(outside.size), best]
            closer = gap < near[outside]
            near[outside[closer]], anchor[outside[closer]] = gap[closer], some[best[closer]]
        joined = outside[near[outside].argmin()]
        hook = anchor[joined]
        newest = int(owner[joined])
        key = (int(owner[hook]), int(number[hook]))
        tree.setdefault(key, []).append((newest, int(number[joined])))
    return tree


def _walk(rings: Sequence[Ring], tree: dict[tuple[int, int], list[tuple[int, int]]]) -> Ring:
    """The way around all rings: at a cut over to the next ring, around it and back."""
    path: list[tuple[int, int]] = []
    todo: list[tuple[int, int, bool]] = [(0, 0, True)]  # ring, corner, whether to go around the ring
    while todo:
        ring, corner, around = todo.pop()
        path.append((ring, corner))
        if not around:
            continue
        steps: list[tuple[int, int, bool]] = []
        count = len(rings[ring])
        for at in [(corner + k) % count for k in range(count)]:
            if at != corner:
                steps.append((ring, at, False))
            for other, entry in tree.get((ring, at), ()):
                steps += [(other, entry, True), (ring, at, False)]
        if (ring, corner) != (0, 0):
            steps.append((ring, corner, False))
        todo += reversed(steps)
    return np.array([rings[ring][corner] for ring, corner in path])
