"""Keypoints of persons as Painter's evaluation finds them, top-down, and their similarity to annotated ones.

Source of the rules: the released evaluation of Painter (`eval/mmpose_custom`), the functions of MMPose 0.x
that it calls, and `COCOeval.computeOks`. Points are x, y of the pixels' indices in the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.coco_ap import Compared, Matches, match_class
from anymask.evaluate.metrics import Floats
from anymask.inference.in_context.keypoint_encoding import COCO_SIGMAS, keypoint_colours

__all__ = [
    "COUNT",
    "CROP_HW",
    "Crop",
    "Pose",
    "Truth",
    "both_sides",
    "decode",
    "heat_maps",
    "match_poses",
    "pose",
    "suppress",
]

Pixels = NDArray[np.uint8]
CROP_HW = (256, 192)
COUNT = 17
"""Keypoints of a person."""
PADDING = 1.25
MIRRORED = np.array([0, *(k + (1 if k % 2 else -1) for k in range(1, COUNT))])
"""The keypoint on the other side of the body."""
LEAST_SCORE = 0.2
"""Keypoints above it make up the score of a person."""
MOST_ALIKE = 0.9
"""OKS with a better person above which a person is dropped."""
MOST_FOUND = 20
"""Predicted persons of an image that count."""
PERSON = 1
_VARIANCES = (2 * COCO_SIGMAS) ** 2
_TINY = np.spacing(1)


@dataclass(frozen=True)
class Crop:
    """The part of an image that is painted: a box, widened to the shape of `CROP_HW` and by a quarter."""

    centre: Floats
    """x, y."""
    size: Floats
    """Width, height in pixels of the image."""
    mirrored: bool = False
    """Whether the image is mirrored first; its centre is that in the mirrored image."""

    @classmethod
    def around(cls, box_xywh: NDArray[np.floating]) -> Crop:
        """Of a box x, y, width, height."""
        x, y, w, h = np.asarray(box_xywh, np.float64)
        shape = CROP_HW[1] / CROP_HW[0]
        return cls(
            np.array([x + w / 2, y + h / 2]), PADDING * np.array([max(w, shape * h), max(h, w / shape)])
        )

    def mirror(self, width: int) -> Crop:
        """The same part of the mirrored image of this width."""
        return Crop(np.array([width - 1 - self.centre[0], self.centre[1]]), self.size, mirrored=True)

    def cut(self, image: Pixels) -> Pixels:
        """The pixels (256, 192, 3), bilinear; outside of the image black."""
        scale = CROP_HW[1] / self.size[0]
        middle = np.array(CROP_HW[::-1]) / 2
        matrix = np.column_stack([np.eye(2) * scale, middle - scale * self.centre])
        source = np.ascontiguousarray(image[:, ::-1] if self.mirrored else image)
        return np.asarray(cv2.warpAffine(source, matrix, CROP_HW[::-1], flags=cv2.INTER_LINEAR), np.uint8)

    def to_image(self, points_xy: Floats) -> Floats:
        """Points (K, 2) of the crop in the image, not mirrored."""
        return np.asarray(points_xy * self.size / np.array(CROP_HW[::-1]) + self.centre - self.size / 2)


@dataclass(frozen=True)
class Pose:
    """A predicted person."""

    points_xy: Floats
    """(17, 2)."""
    score: float
    box_area: float
    """Area of the crop in the image, for `suppress`."""


@dataclass(frozen=True)
class Truth:
    """An annotated person."""

    keypoints: Floats
    """(17, 3): x, y, and whether it is annotated (0, 1 or 2)."""
    box_xywh: Floats
    area: float
    crowd: bool
    counted: bool
    """Whether a keypoint is annotated, by the file."""


def heat_maps(painted: Pixels) -> NDArray[np.float32]:
    """(17, H, W), 0..1: the red of the pixels whose green and blue are nearest to a keypoint's.

    Of equally near ones the first counts; pixels that are nearest to black belong to none.
    """
    colours = np.concatenate([keypoint_colours(COUNT), np.zeros((1, 2), np.uint8)]).astype(np.int16)
    far = np.abs(painted[None, ..., 1:].astype(np.int16) - colours[:, None, None]).sum(-1)
    nearest = far.argmin(0)
    red = painted[..., 0].astype(np.float32) / np.float32(255)
    return np.where(nearest == np.arange(COUNT)[:, None, None], red, np.float32(0))


def both_sides(maps: NDArray[np.float32], of_mirrored: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of heat maps (17, H, W) and those of the mirrored image, moved right by a pixel."""
    back = of_mirrored[MIRRORED][..., ::-1].copy()
    back[..., 1:] = back[..., :-1].copy()
    return np.asarray((maps + back) / 2, np.float32)


def decode(maps: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Points (17, 2) in the crop and their scores (17,): the highest value, moved to its higher neighbours.

    The move is a quarter pixel on each axis. A keypoint without a value lies at (-1, -1).
    """
    points, scores = np.full((COUNT, 2), -1.0), maps.reshape(COUNT, -1).max(1).astype(np.float64)
    h, w = maps.shape[1:]
    for k in np.flatnonzero(scores > 0).tolist():
        y, x = divmod(int(maps[k].argmax()), w)
        points[k] = x, y
        if 1 < x < w - 1 and 1 < y < h - 1:
            right, down = maps[k, y, x + 1] - maps[k, y, x - 1], maps[k, y + 1, x] - maps[k, y - 1, x]
            points[k] += 0.25 * np.sign([right, down])
    return points, scores


def pose(maps: NDArray[np.float32], crop: Crop, box_score: float) -> Pose:
    """The person of heat maps; its score is the box's times the mean of those of its clear keypoints."""
    points, scores = decode(maps)
    clear = scores > LEAST_SCORE
    score = box_score * float(scores[clear].mean()) if clear.any() else 0.0
    return Pose(crop.to_image(points), score, float(np.prod(crop.size)))


def suppress(found: Sequence[Pose]) -> list[Pose]:
    """Without persons that are very similar to one with a higher score; highest score first."""
    left, kept = sorted(found, key=lambda one: -one.score), list[Pose]()
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [one for one in left if _likeness(best, one) <= MOST_ALIKE]
    return kept


def _likeness(one: Pose, other: Pose) -> float:
    """OKS of two predicted persons, for the mean of their areas."""
    square = ((one.points_xy - other.points_xy) ** 2).sum(1)
    area = (one.box_area + other.box_area) / 2 + _TINY
    return float(np.exp(-square / _VARIANCES / area / 2).mean())


def similarity(found: Sequence[Pose], truths: Sequence[Truth]) -> Floats:
    """(D, G) OKS; with a person without keypoints by the distance from its box, doubled on all sides."""
    return np.array([[_oks(one, truth) for truth in truths] for one in found]).reshape(
        len(found), len(truths)
    )


def _oks(found: Pose, truth: Truth) -> float:
    seen = truth.keypoints[:, 2] > 0
    if seen.any():
        away = found.points_xy - truth.keypoints[:, :2]
    else:
        seen = np.ones(COUNT, np.bool_)
        corner, side = truth.box_xywh[:2], truth.box_xywh[2:]
        below, above = corner - side - found.points_xy, found.points_xy - corner - 2 * side
        away = np.maximum(below, 0) + np.maximum(above, 0)
    error = (away**2).sum(1) / _VARIANCES / (truth.area + _TINY) / 2
    return float(np.exp(-error[seen]).sum() / seen.sum())


def match_poses(found: Sequence[Pose], truths: Sequence[Truth]) -> Matches:
    """Match the persons of an image, of whom those with the highest scores count."""
    counted = sorted(found, key=lambda one: -one.score)[:MOST_FOUND]
    crowds = np.array([one.crowd for one in truths], np.bool_)
    return match_class(
        Compared(
            category=PERSON,
            similarity=similarity(counted, truths),
            truth_areas=np.array([one.area for one in truths], np.float64),
            crowds=crowds,
            hidden=crowds | ~np.array([one.counted for one in truths], np.bool_),
            scores=np.array([one.score for one in counted], np.float64),
            areas=np.array([np.prod(np.ptp(one.points_xy, axis=0)) for one in counted], np.float64),
        )
    )
