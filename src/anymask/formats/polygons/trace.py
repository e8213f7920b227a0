"""Smooth outlines: the zero line of the logits, and fewer corners for a bounded loss.

Source: marching squares (Lorensen and Cline, 1987, in the plane) with the saddle decided by the value in its
middle; corners are dropped by Douglas and Peucker (1973).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.formats.polygons.rings import Polygon, Ring, fill, loops, outline, signed_area
from anymask.geometry import rle
from anymask.geometry.frame import Frame

__all__ = ["contour", "polygons", "simplify"]

_FINEST = 0.25  # the least tolerance in pixels, below it hardly a corner goes
_HALVINGS = 4  # of the last doubling of the tolerance


def polygons(
    runs: rle.Runs,
    size: tuple[int, int],
    max_loss: float = 0.0,
    *,
    logits: NDArray[np.float32] | None = None,
    frame: Frame | None = None,
) -> list[Polygon]:
    """Polygons of a mask whose IoU with it is at least 1 - `max_loss`, measured by `rings.fill`.

    Without loss the exact outline. Else the contour of the `logits` (gh, gw) in their `frame`, where they are
    given and tell the same mask, or the outline; both with as few corners as the loss allows.
    """
    exact = outline(runs, size)
    if max_loss <= 0 or not exact:
        return exact
    starts = [exact, [tuple(_middles(ring) for ring in polygon) for polygon in exact]]
    if logits is not None and frame is not None:
        smooth = contour(logits, frame)
        if loss(smooth, runs, size) <= max_loss:
            starts = [smooth]
    found = [simplify(start, runs, size, max_loss) for start in starts]
    return min(found, key=_corner_count)


def loss(found: Sequence[Polygon], runs: rle.Runs, size: tuple[int, int]) -> float:
    """1 minus the IoU of polygons with a mask."""
    return 1 - float(rle.iou([fill(found, size)], [runs])[0, 0])


def simplify(
    found: Sequence[Polygon], runs: rle.Runs, size: tuple[int, int], max_loss: float
) -> list[Polygon]:
    """Drop corners as long as the loss against the mask `runs` stays within `max_loss`.

    The tolerance is doubled until the loss is too great and then searched between the last two; every answer
    is measured. Where even the least tolerance loses too much, the polygons come back as they are.
    """
    best, good, bad = list(found), 0.0, _FINEST
    while bad < 2 * max(size) and (coarse := _coarser(found, bad)):
        if loss(coarse, runs, size) > max_loss:
            break
        best, good, bad = coarse, bad, 2 * bad
    for _ in range(_HALVINGS if good else 0):
        middle = (good + bad) / 2
        coarse = _coarser(found, middle)
        if coarse and loss(coarse, runs, size) <= max_loss:
            best, good = coarse, middle
        else:
            bad = middle
    return best


def _coarser(found: Sequence[Polygon], tolerance: float) -> list[Polygon]:
    """Polygons of which no dropped corner is farther off than `tolerance` pixels; small rings vanish."""
    thinned = [[_thinned(ring, tolerance) for ring in polygon] for polygon in found]
    return [
        (outer, *(hole for hole in holes if len(hole) > 2)) for outer, *holes in thinned if len(outer) > 2
    ]


def _thinned(ring: Ring, tolerance: float) -> Ring:
    corner = ring[0]  # OpenCV takes float32: near 0 it is finer
    kept = cv2.approxPolyDP((ring - corner).astype(np.float32)[:, None], tolerance, True)[:, 0]
    return np.asarray(np.asarray(kept, np.float64) + corner)


def _middles(ring: Ring) -> Ring:
    """The middles of the pixel sides along an outline: a staircase becomes a line."""
    steps = np.roll(ring, -1, axis=0) - ring
    sides = np.abs(steps).sum(axis=1).astype(np.int64)
    edge = np.repeat(np.arange(len(ring)), sides)
    place = np.arange(edge.size) - np.repeat(np.cumsum(sides) - sides, sides) + 0.5
    return np.asarray(ring[edge] + np.sign(steps)[edge] * place[:, None])


def _corner_count(found: Sequence[Polygon]) -> int:
    return sum(len(ring) for polygon in found for ring in polygon)


def contour(logits: NDArray[np.float32], frame: Frame, threshold: float = 0.0) -> list[Polygon]:
    """The line on which logits (gh, gw) cross `threshold`, in image pixels, as polygons.

    Between the centres of four cells the line is straight. It ends at the image's border.
    """
    values, x, y = frame.contour_grid(logits)
    framed = np.pad(values.astype(np.float64) - threshold, 1, constant_values=-1.0)
    starts, ends, place = _segments(framed, np.pad(x, 1, mode="edge"), np.pad(y, 1, mode="edge"))
    numbers, names = np.unique(starts, return_inverse=True)
    step = np.empty(numbers.size, np.int64)
    step[names] = np.searchsorted(numbers, ends)
    corners = place[numbers]
    rings = (_bare(corners[loop]) for loop in loops(step))
    return _grouped([ring for ring in rings if len(ring) > 2])


def _segments(
    values: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The segments of the zero line, as numbers of the grid edges they go from and to, and a place per edge.

    Edges along rows come first. The positive side is on the right.
    """
    inside = values > 0
    rows, columns = values.shape
    along = np.arange(rows * (columns - 1)).reshape(rows, columns - 1)
    down = along.size + np.arange((rows - 1) * columns).reshape(rows - 1, columns)
    sides = {"T": along[:-1], "B": along[1:], "L": down[:, :-1], "R": down[:, 1:]}
    a, b, c, d = inside[:-1, :-1], inside[:-1, 1:], inside[1:, 1:], inside[1:, :-1]
    case = a * 1 + b * 2 + c * 4 + d * 8
    # at a saddle the bilinear surface has one value where its two branches cross
    p, q, r, s = values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        joined = (p * r - q * s) / (p + r - q - s) > 0
    case = np.where(np.isin(case, (5, 10)) & joined, case + 16, case)
    pairs = [
        (sides[way[0]][where], sides[way[1]][where])
        for number, ways in _WAYS.items()
        if (where := case == number).any()
        for way in ways
    ]
    starts = np.concatenate([np.zeros(0, np.int64), *(start for start, _ in pairs)])
    ends = np.concatenate([np.zeros(0, np.int64), *(end for _, end in pairs)])
    return starts, ends, _places(values, x, y)


# which sides (top, right, bottom, left) a segment joins, by which corners are inside: 1 upper left, 2 upper
# right, 4 lower right, 8 lower left; 16 more at a saddle whose inner corners hang together
_WAYS = {
    1: ("TL",), 2: ("RT",), 4: ("BR",), 8: ("LB",),
    14: ("LT",), 13: ("TR",), 11: ("RB",), 7: ("BL",),
    3: ("RL",), 12: ("LR",), 9: ("TB",), 6: ("BT",),
    5: ("TL", "BR"), 10: ("RT", "LB"), 21: ("TR", "BL"), 26: ("LT", "RB"),
}  # fmt: skip


def _places(
    values: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where the zero line crosses each edge of the grid, (E, 2); of no meaning for edges not crossed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        part_x = np.clip(np.nan_to_num(values[:, :-1] / (values[:, :-1] - values[:, 1:])), 0, 1)
        part_y = np.clip(np.nan_to_num(values[:-1] / (values[:-1] - values[1:])), 0, 1)
    on_rows = np.stack([x[:-1] + part_x * np.diff(x), np.broadcast_to(y[:, None], part_x.shape)], axis=-1)
    on_columns = np.stack(
        [np.broadcast_to(x, part_y.shape), y[:-1, None] + part_y * np.diff(y)[:, None]], axis=-1
    )
    return np.concatenate([on_rows.reshape(-1, 2), on_columns.reshape(-1, 2)])


def _bare(ring: Ring) -> Ring:
    """A ring without corners that repeat the one before or lie on a straight line."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    return np.asarray(ring[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]])


def _grouped(rings: Sequence[Ring]) -> list[Polygon]:
    """Rings as polygons: each hole goes to the smallest outer ring around it."""
    areas = [signed_area(ring) for ring in rings]
    outer = sorted((i for i in range(len(rings)) if areas[i] > 0), key=lambda i: areas[i])
    parts: dict[int, list[Ring]] = {i: [rings[i]] for i in outer}
    for hole, area in zip(rings, areas, strict=True):
        owner = next(_around(hole, outer, rings), None) if area < 0 else None
        if owner is not None:
            parts[owner].append(hole)
    return [tuple(parts[i]) for i in sorted(outer)]


def _around(hole: Ring, outer: Sequence[int], rings: Sequence[Ring]) -> Iterator[int]:
    """The outer rings that a hole lies in."""
    point = hole[0]
    for i in outer:
        ring = rings[i]
        if (ring.min(axis=0) <= point).all() and (ring.max(axis=0) >= point).all():
            shifted = (ring - point).astype(np.float32)[:, None]
            if cv2.pointPolygonTest(shifted, (0.0, 0.0), False) >= 0:
                yield i
