"""The windows of an image (the image itself and its crops) and the prompt points in each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.inference.mask_generation.config import MOST_POINTS, AutoConfig

__all__ = ["Window", "crop_windows", "grid_points", "inside_roi", "windows"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A rectangle of the image that is encoded as an image of its own."""

    xyxy: tuple[int, int, int, int]
    """Position in the image, half-open pixels."""
    layer: int
    """0 for the whole image, 1 for the 2 x 2 crops and so on."""
    points: Floats
    """(N, 2) xy of the prompt points, in pixels of the image."""


def windows(size_hw: tuple[int, int], config: AutoConfig) -> list[Window]:
    """The image and its crops, each with its prompt points; windows without points are left out.

    Raises InputError if a point or the region of interest lies outside the image, or if no point lies in the
    region.
    """
    _check_points(size_hw, config)
    _check_roi(size_hw, config)
    found, total = [], 0
    for xyxy, layer in crop_windows(size_hw, config.crop_layers or 0, config.crop_overlap):
        points = _window_points(xyxy, layer, config)
        total += len(points)
        _check_total(total)
        found += [Window(xyxy, layer, points)] if len(points) else []
    if not found:
        raise InputError(
            "roi must contain at least one prompt point, got none. Raise points_per_side, or give points."
        )
    return found


def crop_windows(
    size_hw: tuple[int, int], layers: int, overlap: float
) -> Iterator[tuple[tuple[int, int, int, int], int]]:
    """Boxes xyxy with their layer: the image, then 2 x 2, 4 x 4, ... crops, column by column.

    Neighbours in layer 1 overlap by `overlap` of the short side, in layer 2 by half of that and so on; empty
    crops of tiny images are left out.
    """
    h, w = size_hw
    yield (0, 0, w, h), 0
    for layer in range(1, layers + 1):
        count = 2**layer
        shared = int(overlap * min(h, w) * 2 / count)
        columns, rows = (_spans(side, count, shared) for side in (w, h))
        yield from (((x0, y0, x1, y1), layer) for x0, x1 in columns for y0, y1 in rows)


def _spans(side: int, count: int, shared: int) -> list[tuple[int, int]]:
    """Equal spans that cover a side, with an overlap of `shared` pixels."""
    length = math.ceil((shared * (count - 1) + side) / count)
    starts = sorted({(length - shared) * i for i in range(count)})
    return [(start, min(start + length, side)) for start in starts if start < side]


def grid_points(size_hw: tuple[int, int], per_side: int) -> Floats:
    """(N, 2) xy of the centres of `per_side` x `per_side` cells, row by row; at most one per pixel."""
    h, w = size_hw
    return _cells(size_hw, min(per_side, h), min(per_side, w))


def _cells(size_hw: tuple[int, int], rows: int, columns: int) -> Floats:
    h, w = size_hw
    _check_total(rows * columns)
    x = (np.arange(columns) + 0.5) * (w / columns)
    y = (np.arange(rows) + 0.5) * (h / rows)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)


def _check_total(count: int) -> None:
    """Raise InputError for more points than anybody waits for."""
    if count > MOST_POINTS:
        raise InputError(
            f"points must be at most {MOST_POINTS} in an image and its crops, got {count} or more. "
            "Lower points_per_side or crop_layers, or raise pixels_per_point."
        )


def _window_points(xyxy: tuple[int, int, int, int], layer: int, config: AutoConfig) -> Floats:
    """The points of a window that lie in the region of interest, in pixels of the image."""
    x0, y0, x1, y1 = xyxy
    size, corner = (y1 - y0, x1 - x0), np.array([x0, y0], np.float32)
    if config.points is not None:
        own = np.asarray(config.points, np.float32)
        points = own[((own >= corner) & (own <= (x1, y1))).all(axis=1)]
    elif config.pixels_per_point is not None:
        rows, columns = (max(1, round(side / config.pixels_per_point)) for side in size)
        points = _cells(size, rows, columns) + corner
    else:
        per_side = (config.points_per_side or 1) / (config.crop_shrink or 1.0) ** layer
        points = grid_points(size, max(1, int(per_side))) + corner
    return points[inside_roi(points, config.roi)] if config.roi is not None else points


def inside_roi(points: Floats, roi: Any) -> NDArray[np.bool_]:
    """Which points (N, 2) lie in a box xyxy or a mask (H, W)."""
    area = np.asarray(roi)
    if area.ndim == 1:
        return np.asarray(((points >= area[:2]) & (points < area[2:])).all(axis=1), np.bool_)
    column, row = np.minimum(points.astype(np.int64), np.array(area.shape[::-1]) - 1).T
    return np.asarray(area[row, column], np.bool_)


def _check_points(size_hw: tuple[int, int], config: AutoConfig) -> None:
    if config.points is None:
        return
    (h, w), points = size_hw, np.asarray(config.points)
    outside = np.flatnonzero(~((points >= 0) & (points <= (w, h))).all(axis=1))
    if outside.size:
        x, y = points[outside[0]]
        raise InputError(
            f"points must lie in the image, 0 to {w} by 0 to {h}, got ({x:g}, {y:g}). "
            "Give x, y in original pixels."
        )


def _check_roi(size_hw: tuple[int, int], config: AutoConfig) -> None:
    if config.roi is None:
        return
    (h, w), roi = size_hw, np.asarray(config.roi)
    if roi.ndim == 1 and not ((roi[:2] < (w, h)).all() and (roi[2:] > 0).all()):
        raise InputError(
            f"roi must overlap the image, 0 to {w} by 0 to {h}, got {roi.tolist()}. "
            "Give x0, y0, x1, y1 in original pixels."
        )
    if roi.ndim == 2 and roi.shape != (h, w):
        raise InputError(
            f"roi must have the image's size {h} x {w} (height x width), got {roi.shape[0]} x "
            f"{roi.shape[1]}. Resize it to the image."
        )
    if roi.ndim == 2 and not roi.any():
        raise InputError("roi must hold a pixel, got an empty mask. Omit it for the whole image.")
