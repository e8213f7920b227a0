"""Label maps: each pixel belongs to one mask or to none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.files import budget
from anymask.geometry import rle

__all__ = ["Labels", "by_area", "cover", "label_map"]

Labels: TypeAlias = NDArray[np.int32]
"""(H, W): i + 1 where mask i is on top, 0 without a mask."""


def label_map(runs: Sequence[rle.Runs], size: tuple[int, int], order: Iterable[int] | None = None) -> Labels:
    """Draw masks into one map (H, W) int32: i + 1 where mask i is on top, 0 without a mask.

    Where masks overlap, the last in `order` is on top; by default the smallest, of equal ones the earlier.
    """
    budget.check("label map", "map pixels", size[0] * size[1])
    columns = np.zeros(size[0] * size[1], np.int32)
    for i in by_area(runs) if order is None else order:
        for start, end in rle.to_edges(runs[i]).reshape(-1, 2).tolist():
            columns[start:end] = i + 1
    return np.ascontiguousarray(columns.reshape(size[1], size[0]).T)


def by_area(runs: Sequence[rle.Runs]) -> list[int]:
    """Indices of the masks, the largest first; of equal ones the later first."""
    return sorted(range(len(runs)), key=lambda i: (-rle.area(runs[i]), -i))


def cover(labels: Labels, image: NDArray[np.uint8] | None = None) -> Labels:
    """Assign every pixel of label 0 to a neighbouring label; a map without labels stays empty.

    Without an image, to the label at the smallest distance. With the image (H, W, 3) uint8 RGB, by watershed:
    labels grow over uniform areas first and meet on edges of the image. Labelled pixels keep their label.
    Raises InputError if the image has another size.
    """
    if image is not None and image.shape != (*labels.shape, 3):
        raise InputError(
            f"image must be (H, W, 3) of the labels' size {labels.shape}, got {image.shape}. "
            "Give the image that the masks belong to."
        )
    bare = labels == 0
    if not bare.any() or bare.all():
        return labels.copy()
    grown = labels if image is None or min(labels.shape) < 3 else _watershed(labels, image)
    return _nearest(np.where(bare, grown, labels))


def _watershed(labels: Labels, image: NDArray[np.uint8]) -> Labels:
    """Labels grown by OpenCV's watershed (Meyer); the lines between regions stay 0."""
    grown: NDArray[Any] = cv2.watershed(np.ascontiguousarray(image), labels.copy())
    return np.asarray(np.maximum(grown, 0), np.int32)


def _nearest(labels: Labels) -> Labels:
    """Replace every 0 by the nearest label, by OpenCV's approximate Euclidean distance."""
    bare = labels == 0
    if not bare.any():
        return labels
    _, index = cv2.distanceTransformWithLabels(
        bare.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number = np.zeros(int(index.max()) + 1, np.int32)
    number[index[~bare]] = labels[~bare]
    return np.asarray(number[index], np.int32)
