"""Boxes of objects in an encoded image, from an object detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry.boxes import iou_xyxy, nms
from anymask.inference.mask_generation.grids import Window
from anymask.models.loading import load_detector
from anymask.models.protocol import ObjectDetector, Promptable, check_finite
from anymask.types import Embedding

__all__ = ["Objects", "detect_objects", "open_detector", "window_objects"]

Floats: TypeAlias = NDArray[np.float32]

DETECTOR, NO_DETECTOR = "object", "none"
"""The default detector, and the name for none."""
MOST, MOST_IN_CROP = 60, 20
"""Maximum number of objects in the image and in a crop."""
SMALL = 0.5
"""Longest side of objects that are searched in a crop, relative to its longest side."""
TRUST = 0.85
"""Factor on the scores of objects in a crop, where parts look like objects (docs/log.md)."""
NEAR = 0.01
"""Boxes nearer to an edge of their crop, relative to its longest side, are cut off."""
APART = 0.6
"""Of two boxes with a higher IoU only the one of the higher score is kept."""
LEAST = 0.05
"""Boxes with a lower score are left out."""
SMALLEST = 2.0
"""Boxes with a shorter side, in pixels of the model's frame, are left out."""
COMPARED = 1000
"""Maximum number of boxes that are compared, the best ones."""


@dataclass(frozen=True, eq=False)
class Objects:
    """Boxes of objects in an image."""

    boxes: Floats
    """(N, 4) xyxy in pixels of the image."""
    scores: Floats
    """(N,) predicted IoU."""

    def __len__(self) -> int:
        """The number of boxes."""
        return len(self.scores)

    def __getitem__(self, rows: slice) -> Objects:
        """Some of the objects."""
        return Objects(self.boxes[rows], self.scores[rows])

    @classmethod
    def concat(cls, parts: Sequence[Objects]) -> Objects:
        """The objects of several windows, with duplicates."""
        boxes = np.concatenate([np.zeros((0, 4), np.float32), *(it.boxes for it in parts)])
        return cls(boxes, np.concatenate([np.zeros(0, np.float32), *(it.scores for it in parts)]))

    def likeness(self, boxes: Floats) -> Floats:
        """How much like an object each of (N, 4) boxes is: the largest product of a score and the IoU."""
        if not len(self):
            return np.zeros(len(boxes), np.float32)
        return np.asarray((iou_xyxy(boxes, self.boxes) * self.scores).max(axis=1), np.float32)


def open_detector(model: Promptable, name: str | None) -> ObjectDetector | None:
    """The detector of `AutoConfig.detector`. Raises InputError for one that reads other features."""
    if name == NO_DETECTOR:
        return None
    found = _opened(name or DETECTOR)
    if found.encoder == model.fingerprint:
        return found
    if name is None:
        return None
    raise InputError(
        f"detector must be trained on this model's features ({model.fingerprint}), got {name}, which reads "
        f"those of {found.encoder}. Train one with: anymask train detector --set encoder=MODEL"
    )


@lru_cache(maxsize=4)
def _opened(name: str) -> ObjectDetector:
    return load_detector(name)


def window_objects(
    detector: ObjectDetector, embedding: Embedding, window: Window, size_hw: tuple[int, int]
) -> Objects:
    """Objects in a window of an image; in a crop only small ones that it does not cut off.

    detector: of the model that made the embedding.
    embedding: of the window.
    window: its position in the image.
    size_hw: the size of the image.
    """
    (x0, y0, x1, y1), (h, w) = window.xyxy, size_hw
    boxes, scores = detect_objects(detector, embedding, MOST)
    boxes = boxes + np.array([x0, y0, x0, y0], np.float32)
    if window.layer == 0:
        return Objects(boxes, scores)
    side = max(y1 - y0, x1 - x0)
    near = np.abs(boxes - np.array(window.xyxy, np.float32)) < NEAR * side
    cut = (near & np.array([x0 > 0, y0 > 0, x1 < w, y1 < h])).any(axis=1)
    small = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) < SMALL * side
    kept = np.flatnonzero(small & ~cut)[:MOST_IN_CROP]
    return Objects(boxes[kept], TRUST * scores[kept])


def detect_objects(detector: ObjectDetector, embedding: Embedding, most: int) -> tuple[Floats, Floats]:
    """At most `most` boxes (N, 4) xyxy of objects in pixels of the image, and scores (N,), best first.

    The embedding must be of the model that the detector was trained with.
    """
    scores, boxes = detector.detect((embedding.features, embedding.skips))
    check_finite(scores)
    frame = embedding.frame
    h, w = frame.scaled_hw
    boxes = np.clip(boxes, 0, np.array([w, h, w, h], np.float32))
    possible = np.flatnonzero((scores >= LEAST) & ((boxes[:, 2:] - boxes[:, :2]).min(axis=1) > SMALLEST))
    best = possible[np.argsort(-scores[possible], kind="stable")[:COMPARED]]
    kept = best[nms(boxes[best], scores[best], APART)[:most]]
    return frame.to_image_xy(boxes[kept].reshape(-1, 2)).reshape(-1, 4), scores[kept]
