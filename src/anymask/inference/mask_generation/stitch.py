"""Large images in overlapping tiles: where the tiles lie, and how masks of tiles become masks of the image.

A mask that a tile's edge cuts off is joined with what the neighbouring tile sees of the same thing: the two
must agree where the tiles overlap. So an object has one mask, however large it is and wherever the edges
run. Everything is done on run lengths in the frame of the image; no mask is decoded.
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
"""Least IoU of two views of one thing, where their tiles overlap."""


WITHIN = 0.8
"""Least share of a cut view, where the tiles overlap, in the other tile's mask that it is added to."""


DUPLICATE = 0.7
"""Of two whole masks with a larger IoU one goes."""


CUT = 64
"""A mask is cut off where it comes as near to an inner edge as this part of the tile's side."""


Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _View:
    """What one tile shows."""

    tile: Tile
    masks: Masks  # in the frame of the image
    boxes: NDArray[np.float32]
    cut: Bools  # (N, 4): near the left, upper, right, lower edge of the tile, where that cuts the image
    first: int  # number of the first mask among those of all tiles


def merge(size: tuple[int, int], parts: Iterable[tuple[Tile, Masks]], whole: Masks | None = None) -> Masks:
    """Join the masks of tiles into masks of an image of `size` (H, W), best score first.

    Each part is a tile and its masks, in the tile's own frame; only their runs are kept, so that `parts` may
    make them one by one. Pieces of one thing become one mask, with the mean of their scores (and stability,
    where all have it) weighted by area; a piece that no neighbour confirms is dropped, as is the worse of two
    masks of the same thing. `whole` are masks of the image itself, which win over pieces of the same thing.
    Raises InputError for an image of 2**32 or more pixels.
    """
    if size[0] * size[1] >= 1 << 32:
        raise InputError(f"size must be below 2**32 pixels, got {size[0]} x {size[1]}. Cut the image in two.")
    views = list(_views(size, parts))
    total = sum(len(view.masks) for view in views)
    large = Masks(size, (), stability=()) if whole is None else _plain(whole)
    if total == 0:
        return _without_duplicates(large)
    groups = np.arange(total)
    for one, other in _neighbours(views):
        for a, b in _pairs(one, other, size):
            groups[groups == groups[other.first + b]] = groups[one.first + a]
    joined = _without_duplicates(_joined(views, groups), _without_duplicates(large))
    return joined[np.argsort(-joined.scores, kind="stable")]


def _plain(masks: Masks) -> Masks:
    """With no more than their scores and stability."""
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
    """Which edges of the tile cut each mask off, (N, 4)."""
    edges = np.array(tile)
    inner = edges != (0, 0, size[1], size[0])
    near = max(1, max(tile[2] - tile[0], tile[3] - tile[1]) // CUT)
    return np.asarray((np.abs(boxes - edges) < near) & inner, np.bool_)


def _neighbours(views: list[_View]) -> Iterator[tuple[_View, _View]]:
    """Pairs of tiles that overlap, each once."""
    corners = np.array([view.tile for view in views])
    for i, view in enumerate(views):
        x0, y0, x1, y1 = view.tile
        later = corners[i + 1 :]
        meets = (later[:, 0] < x1) & (later[:, 2] > x0) & (later[:, 1] < y1) & (later[:, 3] > y0)
        yield from ((view, views[i + 1 + j]) for j in np.flatnonzero(meets))


def _pairs(one: _View, other: _View, size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Masks (of one, of other) that show the same thing and of which an edge cuts at least one off.

    First the best agreement, each mask once; then a cut mask that is left over goes to the smallest mask of
    the other tile that holds it, as the second leg of a U does.
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
        if (column := _holder(both[row], rows_area[row], columns_area)) >= 0:
            yield int(rows[row]), int(columns[column])
    for column in np.flatnonzero(free_columns).tolist():
        if (row := _holder(both[:, column], columns_area[column], rows_area)) >= 0:
            yield int(rows[row]), int(columns[column])


def _in_overlap(
    view: _View, other: _View, shared: rle.Runs, size: tuple[int, int]
) -> tuple[NDArray[np.int64], Bools, NDArray[np.int64]]:
    """Masks of a view that reach into the overlap, whether an edge inside `other` cuts them, area there."""
    x0, y0, x1, y1 = view.tile
    u0, v0, u1, v1 = other.tile
    inside = np.array([u0 < x0 < u1, v0 < y0 < v1, u0 < x1 < u1, v0 < y1 < v1])
    reach = np.flatnonzero(((view.boxes[:, :2] < (u1, v1)) & (view.boxes[:, 2:] > (u0, v0))).all(axis=1))
    areas = rle.intersection([view.masks.rles[i] for i in reach], [shared], size)[:, 0]
    some = areas > 0
    cut = (view.cut[reach] & inside).any(axis=1)
    return reach[some], np.asarray(cut[some], np.bool_), areas[some]


def _holder(both: NDArray[np.int64], area: int, areas: NDArray[np.int64]) -> int:
    """The smallest of masks with `areas` that holds a mask of `area`, of which `both` is shared; else -1."""
    holds = np.flatnonzero(both >= WITHIN * area)
    return int(holds[areas[holds].argmin()]) if holds.size else -1


def _joined(views: list[_View], groups: NDArray[np.int64]) -> Masks:
    """One mask for each group, without pieces that stand alone."""
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
    """Masks by falling score after those of `first`, without those nearly the same as one before them."""
    masks = masks[np.argsort(-masks.scores, kind="stable")]
    masks = masks if first is None or not len(first) else Masks.concat([first, masks])
    boxes, kept = masks.boxes, np.zeros(len(masks), np.bool_)
    for i in range(len(masks)):
        before = np.flatnonzero(kept)
        near = before[iou_xyxy(boxes[before], boxes[i : i + 1])[:, 0] > DUPLICATE / 2]
        same = rle.iou([masks.rles[j] for j in near], [masks.rles[i]], masks.size)
        kept[i] = not (same > DUPLICATE).any()
    return masks[kept]
