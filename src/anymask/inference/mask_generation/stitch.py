"""Merging of the masks of overlapping tiles into masks of the image.

A mask that a tile edge cuts is merged with the mask of the same object in the neighbouring tile; the two must
agree where the tiles overlap. An object therefore gets one mask, whatever its size and the position of the
edges. Masks are run-length codes in the frame of the image and are not decoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.geometry.boxes import iou_xyxy
from anymask.geometry.tiles import Tile
from anymask.types import Masks

__all__ = ["merge"]

AGREE = 0.5
"""Minimum IoU, within the overlap of two tiles, of two masks of the same object."""


WITHIN = 0.8
"""Minimum share of a cut mask, within the overlap, in the other tile's mask that it is merged with."""


DUPLICATE = 0.7
"""Of two complete masks with a higher IoU one is removed."""


CUT = 64
"""A mask is cut off if its distance to an inner edge is below the tile's side divided by this."""


Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _View:
    """The masks of one tile."""

    tile: Tile
    masks: Masks  # in the frame of the image
    boxes: NDArray[np.float32]
    cut: Bools  # (N, 4): cut by the left, upper, right, lower edge of the tile
    first: int  # index of the first mask among those of all tiles


def merge(size: tuple[int, int], parts: Iterable[tuple[Tile, Masks]], whole: Masks | None = None) -> Masks:
    """Merge the masks of tiles into masks of an image of `size` (H, W), best score first.

    Each part is a tile and its masks in the tile's frame; `parts` may be a generator, as only run lengths are
    kept. Pieces of an object become one mask, with the mean of their scores (and stability, if all have it)
    weighted by area. A cut piece without a match in a neighbouring tile is dropped, and so is the worse of
    two masks of the same object. `whole` are masks of the whole image, which replace the tiles' masks of the
    same objects. Raises InputError for an image of 2**32 or more pixels.
    """
    if size[0] * size[1] >= 1 << 32:
        raise InputError(f"size must be below 2**32 pixels, got {size[0]} x {size[1]}. Split the image.")
    views = list(_views(size, parts))
    total = sum(len(view.masks) for view in views)
    large = Masks(size, (), stability=()) if whole is None else _with_scores_only(whole)
    if total == 0:
        return _without_duplicates(large)
    groups = np.arange(total)
    for one, other in _neighbours(views):
        for a, b in _pairs(one, other, size):
            groups[groups == groups[other.first + b]] = groups[one.first + a]
    merged = _without_duplicates(_merged(views, groups), _without_duplicates(large))
    return merged[np.argsort(-merged.scores, kind="stable")]


def _with_scores_only(masks: Masks) -> Masks:
    """Drop all fields other than scores and stability."""
    return Masks(masks.size, masks.rles, masks.scores, stability=masks.stability)


def _views(size: tuple[int, int], parts: Iterable[tuple[Tile, Masks]]) -> Iterator[_View]:
    first = 0
    for tile, masks in parts:
        x0, y0, x1, y1 = tile
        assert masks.size == (y1 - y0, x1 - x0), "masks are of the tile's size"
        runs = [rle.paste(one, masks.size, (x0, y0), size) for one in masks.rles if rle.area(one)]
        some = masks.areas > 0
        stability = None if masks.stability is None else masks.stability[some]
        placed = Masks(size, runs, masks.scores[some], stability=stability)
        yield _View(tile, placed, placed.boxes, _cut(placed.boxes, tile, size), first)
        first += len(placed)


def _cut(boxes: NDArray[np.float32], tile: Tile, size: tuple[int, int]) -> Bools:
    """Which edges of the tile cut each mask, (N, 4)."""
    edges = np.array(tile)
    inner = edges != (0, 0, size[1], size[0])
    near = max(1, max(tile[2] - tile[0], tile[3] - tile[1]) // CUT)
    return np.asarray((np.abs(boxes - edges) < near) & inner, np.bool_)


def _neighbours(views: list[_View]) -> Iterator[tuple[_View, _View]]:
    """Pairs of overlapping tiles, each once."""
    corners = np.array([view.tile for view in views])
    for i, view in enumerate(views):
        x0, y0, x1, y1 = view.tile
        later = corners[i + 1 :]
        meets = (later[:, 0] < x1) & (later[:, 2] > x0) & (later[:, 1] < y1) & (later[:, 3] > y0)
        yield from ((view, views[i + 1 + j]) for j in np.flatnonzero(meets))


def _pairs(one: _View, other: _View, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Pairs of masks (of one, of other) of the same object, at least one of which is cut by an edge.

    First pairs by best agreement, each mask once. Then each remaining cut mask is paired with the smallest
    mask of the other tile that contains it, for example the second leg of a U.
    """
    (x0, y0), (x1, y1) = np.maximum(one.tile[:2], other.tile[:2]), np.minimum(one.tile[2:], other.tile[2:])
    shared = rle.encode_region(np.ones((y1 - y0, x1 - x0), np.bool_), (int(x0), int(y0)), size)
    rows, rows_cut, rows_area = _in_overlap(one, other, shared, size)
    columns, columns_cut, columns_area = _in_overlap(other, one, shared, size)
    if not rows.size or not columns.size:
        return
    both = rle.intersection([one.masks.rles[i] for i in rows], [other.masks.rles[j] for j in columns], size)
    agreement = both / (rows_area[:, None] + columns_area - both)
    agreement[~(rows_cut[:, None] | columns_cut)] = 0
    free_rows, free_columns = rows_cut.copy(), columns_cut.copy()
    while agreement.max() >= AGREE:
        row, column = (int(index) for index in np.unravel_index(int(agreement.argmax()), agreement.shape))
        agreement[row], agreement[:, column] = 0, 0
        free_rows[row] = free_columns[column] = False
        yield int(rows[row]), int(columns[column])
    for row in np.flatnonzero(free_rows).tolist():
        if (column := _smallest_containing(both[row], rows_area[row], columns_area)) >= 0:
            yield int(rows[row]), int(columns[column])
    for column in np.flatnonzero(free_columns).tolist():
        if (row := _smallest_containing(both[:, column], columns_area[column], rows_area)) >= 0:
            yield int(rows[row]), int(columns[column])


def _in_overlap(
    view: _View, other: _View, shared: rle.Runs, size: tuple[int, int]
) -> tuple[NDArray[np.int64], Bools, NDArray[np.int64]]:
    """Masks of a view in the overlap, whether an edge inside `other` cuts them, their area in the overlap."""
    x0, y0, x1, y1 = view.tile
    u0, v0, u1, v1 = other.tile
    inside = np.array([u0 < x0 < u1, v0 < y0 < v1, u0 < x1 < u1, v0 < y1 < v1])
    reach = np.flatnonzero(((view.boxes[:, :2] < (u1, v1)) & (view.boxes[:, 2:] > (u0, v0))).all(axis=1))
    areas = rle.intersection([view.masks.rles[i] for i in reach], [shared], size)[:, 0]
    some = areas > 0
    cut = (view.cut[reach] & inside).any(axis=1)
    return reach[some], np.asarray(cut[some], np.bool_), areas[some]


def _smallest_containing(both: NDArray[np.int64], area: int, areas: NDArray[np.int64]) -> int:
    """The index of the smallest mask (`areas`) that contains a mask of `area`; `both` in common; else -1."""
    holds = np.flatnonzero(both >= WITHIN * area)
    return int(holds[areas[holds].argmin()]) if holds.size else -1


def _merged(views: list[_View], groups: NDArray[np.int64]) -> Masks:
    """One mask for each group, without cut pieces that have no match."""
    masks = Masks.concat([view.masks for view in views])
    cut = np.concatenate([view.cut.any(axis=1) for view in views])
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    kept = sorted(
        (some for some in members if len(some) > 1 or not cut[some[0]]), key=lambda some: int(some[0])
    )
    areas = masks.areas
    means = {
        name: [np.average(values[some], weights=areas[some]) for some in kept]
        for name, values in (("scores", masks.scores), ("stability", masks.stability))
        if values is not None
    }
    return Masks(masks.size, [rle.union([masks.rles[i] for i in some], masks.size) for some in kept], **means)


def _without_duplicates(masks: Masks, first: Masks | None = None) -> Masks:
    """`first`, then masks by decreasing score, without near duplicates of earlier ones."""
    masks = masks[np.argsort(-masks.scores, kind="stable")]
    masks = masks if first is None or not len(first) else Masks.concat([first, masks])
    boxes, kept = masks.boxes, np.zeros(len(masks), np.bool_)
    for i in range(len(masks)):
        before = np.flatnonzero(kept)
        near = before[iou_xyxy(boxes[before], boxes[i : i + 1])[:, 0] > DUPLICATE / 2]
        same = rle.iou([masks.rles[j] for j in near], [masks.rles[i]], masks.size)
        kept[i] = not (same > DUPLICATE).any()
    return masks[kept]
