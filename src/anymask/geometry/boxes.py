"""Operations on boxes: half-open (x0, y0, x1, y1) in pixels of any frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["area_xyxy", "iou_xyxy", "nms", "suppress", "xywh_to_xyxy", "xyxy_to_xywh"]


def area_xyxy(boxes: ArrayLike) -> NDArray[np.float64]:
    """Areas of boxes (..., 4), float64; 0 for a box with x1 < x0 or y1 < y0."""
    array = np.asarray(boxes, np.float64)
    sides = np.maximum(array[..., 2:] - array[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float64)


def iou_xyxy(boxes_a: ArrayLike, boxes_b: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of every pair: (A, 4) and (B, 4) give (A, B) float64; 0 for two empty boxes."""
    a = np.asarray(boxes_a, np.float64).reshape(-1, 1, 4)
    b = np.asarray(boxes_b, np.float64).reshape(1, -1, 4)
    both = np.concatenate([np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])], axis=-1)
    inter = area_xyxy(both)
    union = area_xyxy(a) + area_xyxy(b) - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def nms(boxes: ArrayLike, scores: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Greedy non-maximum suppression: indices of the kept boxes, best score first.

    A box is removed if its IoU with a kept box of a higher score exceeds `threshold`; of equal scores the
    earlier box wins.
    """
    owner = suppress(boxes, scores, threshold)
    kept = np.flatnonzero(owner == np.arange(owner.size))
    return np.asarray(kept[np.argsort(-np.asarray(scores, np.float64)[kept], kind="stable")], np.int64)


def suppress(boxes: ArrayLike, scores: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """For each box the box that removes it in `nms`: (N,) indices, its own index for a kept box.

    The IoU of two boxes is at most the ratio of their areas. Sorted by area, the boxes that a box can remove
    are therefore contiguous.
    """
    array = np.asarray(boxes, np.float64).reshape(-1, 4)
    if threshold >= 1:
        return np.arange(len(array))
    areas = area_xyxy(array)
    by_area = np.argsort(areas, kind="stable")
    size, corners = areas[by_area], np.ascontiguousarray(array[by_area].T)
    bound = max(threshold, 1e-9)
    first = np.searchsorted(size, areas * bound * (1 - 1e-9), "left")
    last = np.searchsorted(size, areas / bound * (1 + 1e-9), "right")
    place = np.empty(len(array), np.int64)
    place[by_area] = np.arange(len(array))
    owner = np.full(len(array), -1, np.int64)
    for i in np.argsort(-np.asarray(scores, np.float64), kind="stable"):
        if owner[place[i]] >= 0:
            continue
        near = slice(first[i], last[i])
        x0, y0, x1, y1 = array[i]
        wide = np.minimum(corners[2, near], x1) - np.maximum(corners[0, near], x0)
        high = np.minimum(corners[3, near], y1) - np.maximum(corners[1, near], y0)
        inter = np.maximum(wide, 0) * np.maximum(high, 0)
        hit = (inter > threshold * (size[near] + areas[i] - inter)) & (owner[near] < 0)
        owner[near][hit] = i
        owner[place[i]] = i
    return owner[place]


def xyxy_to_xywh(boxes: ArrayLike) -> NDArray[np.float32]:
    """Boxes (..., 4) as (x, y, width, height), COCO's format, float32."""
    array = np.array(boxes, np.float32)
    array[..., 2:] -= array[..., :2]
    return array


def xywh_to_xyxy(boxes: ArrayLike) -> NDArray[np.float32]:
    """Boxes (..., 4) from (x, y, width, height) to corners, float32."""
    array = np.array(boxes, np.float32)
    array[..., 2:] += array[..., :2]
    return array
