"""Keypoints as images, and their measures: PCK, OKS and the average precision by OKS.

"Images Speak in Images" (Painter), section 3, and its released code: one person is cropped (top-down); red
encodes the proximity to a keypoint, green and blue encode which keypoint. Points are pixels of the crop,
(x, y); the centre of the first pixel is (0.5, 0.5). OKS and AP are COCO's (cocodataset.org, keypoint
evaluation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.inference.in_context.check_shapes import check_rgb

__all__ = [
    "COCO_SIGMAS",
    "Person",
    "decode_keypoints",
    "encode_keypoints",
    "keypoint_colours",
    "oks",
    "oks_ap",
    "pck",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SPREAD = 3.0
"""Standard deviation of a keypoint's red spot in pixels, for crops of 256 x 192."""
REACH = 4
"""Distance in pixels up to which a keypoint's colour is painted: squares of 9 pixels."""
MOST_POINTS = 225
"""Maximum number of keypoints, for colours that are at least 16 levels apart."""
MOST_FOUND = 20
"""Maximum number of predicted persons per image in the average precision, by score."""
THRESHOLDS = np.linspace(0.5, 0.95, 10)
COCO_SIGMAS = np.array(
    [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]
) / 10  # fmt: skip
"""Standard deviation of the annotators for COCO's 17 keypoints, relative to the person's size."""


@dataclass(frozen=True, eq=False)
class Person:
    """The keypoints of one person in an image."""

    points_xy: Floats
    """(K, 2) x, y in pixels."""
    visible: Bools
    """(K,): the annotated keypoints; not used for a predicted person."""
    area: float = 0.0
    """Area in pixels; used for an annotated person."""
    score: float = 1.0
    """Confidence; used for a predicted person."""


def keypoint_colours(count: int) -> NDArray[np.uint8]:
    """Green and blue of each keypoint (count, 2): a grid from 255 down, no value near 0 (released code)."""
    if not 1 <= count <= MOST_POINTS:
        raise InputError(f"count must be 1 to {MOST_POINTS} keypoints, got {count}. Encode them in parts.")
    side = math.isqrt(count) + 1
    return np.array(
        [[255 - 256 // side * place for place in divmod(k, side)] for k in range(count)], np.uint8
    )


def encode_keypoints(
    points_xy: NDArray[Any],
    visible: NDArray[np.bool_],
    size_hw: tuple[int, int],
    *,
    spread: float = SPREAD,
    reach: int = REACH,
) -> NDArray[np.uint8]:
    """Encode the `visible` (K,) of keypoints (K, 2) as an image (H, W, 3).

    Red is the maximum of their Gaussians with standard deviation `spread` in pixels. Within `reach` pixels of
    a keypoint, on both axes, green and blue are its colour; where several overlap, that of the nearest.
    Raises InputError.
    """
    _check_points("points_xy", points_xy, visible)
    if not (spread > 0 and reach >= 0):
        raise InputError(f"spread must be over 0 and reach at least 0, got {spread} and {reach}. Omit them.")
    colours = keypoint_colours(len(points_xy))
    y, x = np.mgrid[: size_hw[0], : size_hw[1]] + 0.5
    nearest = np.full(size_hw, np.inf)
    image = np.zeros((*size_hw, 3), np.uint8)
    for (px, py), colour in zip(points_xy[visible], colours[visible], strict=True):
        across, down = np.abs(x - px), np.abs(y - py)
        square = across**2 + down**2
        reached = (across <= reach + 0.5) & (down <= reach + 0.5) & (square < nearest)
        image[reached, 1:] = colour
        np.minimum(nearest, square, out=nearest)
    image[..., 0] = np.rint(255 * np.exp(-nearest / (2 * spread**2)))
    return image


def decode_keypoints(painted: NDArray[Any], count: int) -> tuple[Floats, Floats]:
    """Decode keypoints from a painted image (H, W, 3), 0..255: points (count, 2) and scores (count,), 0..1.

    Each pixel is assigned to the keypoint with the nearest green and blue, or to none if black is nearer. The
    keypoint is the mean of its pixels around the one with the highest red, weighted by their red above the
    minimum; the score is the highest red. A keypoint without pixels has the score 0 and lies at (0, 0).
    """
    check_rgb("painted", painted)
    pixels = painted.astype(np.float64)
    labels = _nearest_colour(pixels[..., 1:], keypoint_colours(count))
    points, scores = np.zeros((count, 2)), np.zeros(count)
    for k in range(count):
        heat = np.where(labels == k, pixels[..., 0], 0)
        scores[k] = heat.max() / 255
        if scores[k] > 0:
            points[k] = _weighted_mean(heat)
    return points, scores


def _nearest_colour(pixels_HW2: Floats, colours_K2: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The index of the colour nearest to each pixel, by the sum of both differences; -1 for black."""
    best = np.abs(pixels_HW2).sum(-1)
    labels = np.full(best.shape, -1, np.int64)
    for k, colour in enumerate(colours_K2):
        far = np.abs(pixels_HW2 - colour).sum(-1)
        labels[far < best] = k
        np.minimum(best, far, out=best)
    return labels


def _weighted_mean(heat_HW: Floats) -> Floats:
    """(x, y) of the maximum, refined by the mean of the pixels around it."""
    row, column = divmod(int(heat_HW.argmax()), heat_HW.shape[1])
    top, left = max(0, row - REACH), max(0, column - REACH)
    around = heat_HW[top : row + REACH + 1, left : column + REACH + 1]
    weight = np.where(around > 0, around - around[around > 0].min() + 1e-9, 0)
    y, x = np.mgrid[: around.shape[0], : around.shape[1]] + 0.5
    return np.array([left + np.average(x, weights=weight), top + np.average(y, weights=weight)])


def pck(
    found_xy: NDArray[Any],
    truth_xy: NDArray[Any],
    visible: NDArray[np.bool_],
    size: float,
    share: float = 0.2,
) -> float:
    """Percentage of correct keypoints, as a share: visible ones with an error of up to `share` * `size`.

    `size` is a length in pixels: the longer side of the person's box, or of its head. Raises InputError.
    """
    _check_points("truth_xy", truth_xy, visible)
    _check_points("found_xy", found_xy, visible)
    if not visible.any():
        raise InputError("visible must hold a keypoint, got none. Omit the person.")
    far = np.linalg.norm(np.asarray(found_xy, float) - truth_xy, axis=1)[visible]
    return float(np.mean(far <= share * size))


def oks(found: Person, truth: Person, sigmas: NDArray[Any] = COCO_SIGMAS) -> float:
    """Object keypoint similarity, 0..1: mean of exp(-d^2 / (2 area (2 sigma)^2)) over visible keypoints.

    `sigmas` (K,) are the tolerances of the keypoints; by default those of COCO's 17. Raises InputError.
    """
    _check_points("truth", truth.points_xy, truth.visible)
    _check_points("found", found.points_xy, truth.visible)
    if len(sigmas) != len(truth.visible):
        raise InputError(
            f"sigmas must be one for each of {len(truth.visible)} keypoints, got {len(sigmas)}. Give as many."
        )
    if not truth.visible.any():
        raise InputError("visible must hold a keypoint, got none. Omit the person.")
    square = ((found.points_xy - truth.points_xy) ** 2).sum(1)
    error = square / (2 * np.asarray(sigmas)) ** 2 / (truth.area + np.spacing(1)) / 2
    return float(np.exp(-error)[truth.visible].mean())


def oks_ap(
    images: Sequence[tuple[Sequence[Person], Sequence[Person]]], sigmas: NDArray[Any] = COCO_SIGMAS
) -> float:
    """COCO's average precision of keypoints over OKS 0.5 to 0.95, of (predicted, true) persons per image.

    True persons without a visible keypoint are left out; COCO instead ignores predictions that match them. 0
    if nothing was predicted. Raises InputError if there is no true person.
    """
    scores: list[float] = []
    hits: list[Bools] = []
    total = 0
    for found, truths in images:
        marked = [truth for truth in truths if truth.visible.any()]
        ordered = sorted(found, key=lambda one: -one.score)[:MOST_FOUND]
        total += len(marked)
        scores += [one.score for one in ordered]
        hits += list(_matches(ordered, marked, sigmas))
    if not total:
        raise InputError("images must hold a true person with a visible keypoint, got none. Check visible.")
    order = np.argsort(-np.array(scores), kind="stable")
    hits_FT = np.array(hits, np.bool_).reshape(-1, len(THRESHOLDS))[order]
    return float(np.mean([_precision(hits_FT[:, t], total) for t in range(len(THRESHOLDS))]))


def _matches(found: Sequence[Person], truths: Sequence[Person], sigmas: NDArray[Any]) -> Bools:
    """(found, thresholds): whether each prediction matches a true person that no earlier one matched."""
    similarity = np.array([[oks(one, truth, sigmas) for truth in truths] for one in found])
    out = np.zeros((len(found), len(THRESHOLDS)), np.bool_)
    for t, least in enumerate(THRESHOLDS if truths else ()):
        free = np.ones(len(truths), np.bool_)
        for index, row in enumerate(similarity):
            best = int(np.where(free, row, -1).argmax())
            if free[best] and row[best] >= least:
                free[best], out[index, t] = False, True
    return out


def _precision(hits_F: Bools, total: int) -> float:
    """The mean over 101 recalls of the highest precision at that recall or above."""
    right = np.cumsum(hits_F)
    recall, precision = right / total, right / np.arange(1, len(right) + 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.append(highest, 0)[places].mean())


def _check_points(name: str, points: NDArray[Any], visible: NDArray[np.bool_]) -> None:
    if points.ndim != 2 or points.shape[1] != 2 or visible.shape != (len(points),) or not len(points):
        raise InputError(
            f"{name} must have shape (K, 2) with visible (K,), got {points.shape} and {visible.shape}. "
            "Give x, y of each keypoint."
        )
