"""Greedy non-maximum suppression of masks, by the IoU of boxes or of masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.geometry.boxes import suppress
from anymask.types.masks import Floats

__all__ = ["owners"]

Indices = NDArray[np.int64]


def owners(
    runs: Sequence[rle.Runs],
    boxes: Floats,
    scores: NDArray[np.floating],
    threshold: float,
    *,
    by_mask: bool,
) -> Indices:
    """For each mask the one that is kept in its place: (N,) indices, its own index for a kept mask.

    runs: N masks.
    boxes: (N, 4) xyxy of the masks.
    scores: (N,); a mask is removed by a kept mask of a higher score, of equal scores by the earlier.
    threshold: the IoU above which a mask is removed.
    by_mask: whether the IoU is that of the masks or of their boxes.
    """
    if not by_mask:
        return suppress(boxes, scores, threshold)
    areas = np.array([rle.area(one) for one in runs], np.int64)
    owner = np.full(len(runs), -1, np.int64)
    for i in map(int, np.argsort(-scores, kind="stable")):
        if owner[i] >= 0:
            continue
        owner[i] = i
        rivals = np.flatnonzero((owner < 0) & (_most_iou(boxes, areas, i) > threshold))
        if rivals.size:
            shared = rle.intersection([runs[j] for j in rivals.tolist()], [runs[i]])[:, 0]
            owner[rivals[shared > threshold * (areas[rivals] + areas[i] - shared)]] = i
    return owner


def _most_iou(boxes: Floats, areas: Indices, i: int) -> NDArray[np.float64]:
    """An upper bound (N,) on the IoU of every mask with mask i, from boxes and areas."""
    corners = boxes.astype(np.float64)
    sides = np.minimum(corners[:, 2:], corners[i, 2:]) - np.maximum(corners[:, :2], corners[i, :2])
    shared = np.minimum(np.maximum(sides, 0).prod(axis=1), np.minimum(areas, areas[i]))
    return np.asarray(shared / np.maximum(areas + areas[i] - shared, 1))
