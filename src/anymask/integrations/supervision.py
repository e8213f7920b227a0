"""Masks as `supervision.Detections` and back: its annotators, metrics and trackers take them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.integrations import needed
from anymask.types import Masks

__all__ = ["from_detections", "to_detections"]


def to_detections(masks: Masks, names: Sequence[str] = ()) -> Any:
    """The masks as `supervision.Detections`: boxes, masks, scores, and class numbers where there are labels.

    Empty masks have the box 0, 0, 0, 0. names: the name of each label, from 0; they become `class_name`.
    Raises InputError if supervision is not installed, or a label has no name.
    """
    detections = needed("supervision", "supervision").Detections
    boxes = np.array([rle.box(runs, masks.size) for runs in masks.rles], np.float32).reshape(-1, 4)
    data = {}
    if names and masks.labels is not None:
        largest = int(masks.labels.max(initial=0))
        if largest >= len(names):
            raise InputError(
                f"names must have one for each label up to {largest}, got {len(names)}. Add them."
            )
        data["class_name"] = np.array([names[label] for label in masks.labels], dtype=object)
    return detections(
        xyxy=boxes,
        mask=masks.dense(),
        confidence=masks.scores.astype(np.float32),
        class_id=None if masks.labels is None else masks.labels.astype(int),
        data=data,
    )


def from_detections(detections: Any, size: tuple[int, int]) -> Masks:
    """Masks from `supervision.Detections` that have masks.

    size: (H, W) of the image. Raises InputError for detections with boxes only, or masks of another size.
    """
    if detections.mask is None:
        raise InputError(
            "detections must have masks, got boxes only. Give the boxes to `predict` as prompts."
        )
    bits = np.asarray(detections.mask, bool)
    if bits.shape[1:] != size:
        raise InputError(
            f"detections must have masks of the image size {list(size)}, got {list(bits.shape[1:])}. "
            "Give the size of their image."
        )
    runs = [rle.encode(one) for one in bits]
    return Masks(size, runs, detections.confidence, labels=detections.class_id)
