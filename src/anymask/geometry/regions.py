"""Connected components, holes and inner points of masks (H, W) bool."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError

__all__ = ["components", "deepest", "drop_islands", "drop_specks", "fill_holes", "inner_point"]

Bits = NDArray[np.bool_]


def components(mask: Bits) -> tuple[NDArray[np.int32], int]:
    """Label the 8-connected components: (H, W) int32, 0 outside, and their number."""
    count, labels = cv2.connectedComponents(_bytes(mask), connectivity=8, ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32), count - 1


def _bytes(mask: Bits) -> NDArray[np.uint8]:
    """The mask as uint8, for OpenCV."""
    return np.ascontiguousarray(mask, np.bool_).view(np.uint8)


def _labelled(mask: Bits) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Labels and areas by label; the area of label 0, outside, is set to 0."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(_bytes(mask), None, None, None, 8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    areas[0] = 0
    return np.asarray(labels, np.int32), areas


def fill_holes(mask: Bits, max_area: int, outside: Bits | None = None) -> Bits:
    """Fill background components with fewer than `max_area` pixels, including those at the border.

    As in the released `remove_small_regions`, the background is 8-connected. Components with a pixel of
    `outside` (H, W) are not filled.
    """
    labels, areas = _labelled(~mask)
    small = areas < max_area
    small[0] = False
    if outside is not None:
        small[np.unique(labels[outside])] = False
    return mask | small[labels] if small.any() else mask.copy()


def drop_islands(mask: Bits, min_area: int, kept: NDArray[np.float32] | None = None) -> Bits:
    """Drop components with fewer than `min_area` pixels; the largest is always kept (as released).

    Those with a point (x, y) of `kept` (N, 2) stay as well.
    """
    labels, areas = _labelled(mask)
    keep = areas >= max(min_area, 1)
    if kept is not None:
        keep[_labels_at(labels, kept)] = True
    if areas.any():
        keep[areas.argmax()] = True
    keep[0] = False
    return np.asarray(keep[labels], np.bool_)


def drop_specks(mask: Bits, min_area: int, inside: NDArray[np.float32], outside: NDArray[np.float32]) -> Bits:
    """Drop components and fill holes with fewer than `min_area` pixels, but for those with a point.

    A component with a point (x, y) of `inside` (N, 2) stays, and so does the largest; a hole with one of
    `outside`. Holes are 4-connected, and do not reach the border of the array.
    """
    clean = drop_islands(mask, min_area, inside)
    _, holes, stats, _ = cv2.connectedComponentsWithStats(_bytes(~clean), None, None, None, 4)
    h, w = mask.shape
    ends = stats[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]] + stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    enclosed = (stats[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]] > 0).all(1) & (ends < (w, h)).all(1)
    small = enclosed & (stats[:, cv2.CC_STAT_AREA] < min_area)
    small[0] = False
    small[_labels_at(np.asarray(holes, np.int32), outside)] = False
    return clean | small[holes] if small.any() else clean


def _labels_at(labels: NDArray[np.int32], points: NDArray[np.float32]) -> NDArray[np.int32]:
    """The labels of the pixels that hold the points (N, 2); points elsewhere are left out."""
    columns, rows = np.floor(points).astype(np.int64).T
    within = (columns >= 0) & (columns < labels.shape[1]) & (rows >= 0) & (rows < labels.shape[0])
    return np.asarray(labels[rows[within], columns[within]], np.int32)


def inner_point(mask: Bits) -> NDArray[np.float32]:
    """The centre (x, y), float32, of the pixel farthest from the mask's edge.

    Distances are Euclidean and exact; the image border counts as an edge; of equal pixels the first in
    reading order. Raises InputError for an empty mask.
    """
    depth, point = deepest(mask)
    if not depth:
        raise InputError("mask must hold a pixel, got an empty mask. Leave empty masks out.")
    return point


def deepest(mask: Bits, without: NDArray[np.float32] | None = None) -> tuple[float, NDArray[np.float32]]:
    """The distance of `inner_point` from the mask's edge in pixels, and that point; 0 for an empty mask.

    Pixels that hold a point of `without` (N, 2) are not chosen.
    """
    x, y, w, h = cv2.boundingRect(_bytes(mask))
    if w == 0:
        return 0.0, np.zeros(2, np.float32)
    framed = np.pad(mask[y : y + h, x : x + w], 1)
    depth = cv2.distanceTransform(_bytes(framed), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    if without is not None:
        columns, rows = np.floor(without).astype(np.int64).T - [[x], [y]]
        inside = (columns >= 0) & (columns < w) & (rows >= 0) & (rows < h)
        depth[rows[inside], columns[inside]] = 0
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(depth[row, column]), np.array([x + int(column) + 0.5, y + int(row) + 0.5], np.float32)
