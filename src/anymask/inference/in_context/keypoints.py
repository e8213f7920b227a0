"""Keypoints as pictures, Painter's way, and their measures: PCK, OKS and the average precision by OKS.

"Images Speak in Images", section 3, and its released code: one person is cropped (top-down); in the picture
red says how near a keypoint is, green and blue say which one. Points are pixels of the crop, (x, y), the
centre of a pixel at a half. OKS and AP are COCO's (cocodataset.org, keypoint evaluation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SPREAD = 3.0
"""Standard deviation of a keypoint's red spot in pixels, for crops of 256 x 192."""
REACH = 4
"""A keypoint's colour reaches so far: squares of 9 pixels."""
MOST_POINTS = 225
"""With more keypoints neighbouring colours would be less than 16 levels apart."""
MOST_FOUND = 20
"""So many persons of a picture count in the average precision, those with the highest scores."""
THRESHOLDS = np.linspace(0.5, 0.95, 10)
COCO_SIGMAS = np.array(
    [0.26, 0.25, 0.25, 0.35, 0.35, 0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]
) / 10  # fmt: skip
"""How far people are apart who mark COCO's 17 keypoints, as a share of the person's size."""


@dataclass(frozen=True, eq=False)
class Person:
    """One person's keypoints in a picture."""

    points_xy: Floats
    """(K, 2)."""
    visible: Bools
    """(K,): those that are marked; of a person that was found all may be."""
    area: float = 0.0
    """Pixels that a true person covers."""
    score: float = 1.0
    """How sure it is that a found person is there."""


def keypoint_colours(count: int) -> NDArray[np.uint8]:
    """Green and blue of each keypoint (count, 2): a grid from 255 down, no value near 0 (released code)."""
    if not 1 <= count <= MOST_POINTS:
        raise InputError(f"count must be 1 to {MOST_POINTS} keypoints, got {count}. Ask for them in parts.")
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
    """Draw keypoints (K, 2), those `visible` (K,), as a picture (H, W, 3).

    Red is the highest of their Gaussians, of standard deviation `spread` pixels; within `reach` pixels of a
    keypoint, on both axes, green and blue are its colour, where several meet that of the nearest. Raises
    InputError.
    """
    _check_points("points_xy", points_xy, visible)
    if not (spread > 0 and reach >= 0):
        raise InputError(
            f"spread must be over 0 and reach at least 0, got {spread} and {reach}. Leave them out."
        )
    colours = keypoint_colours(len(points_xy))
    y, x = np.mgrid[: size_hw[0], : size_hw[1]] + 0.5
    nearest = np.full(size_hw, np.inf)
    picture = np.zeros((*size_hw, 3), np.uint8)
    for (px, py), colour in zip(points_xy[visible], colours[visible], strict=True):
        across, down = np.abs(x - px), np.abs(y - py)
        square = across**2 + down**2
        reached = (across <= reach + 0.5) & (down <= reach + 0.5) & (square < nearest)
        picture[reached, 1:] = colour
        np.minimum(nearest, square, out=nearest)
    picture[..., 0] = np.rint(255 * np.exp(-nearest / (2 * spread**2)))
    return picture


def decode_keypoints(painted: NDArray[Any], count: int) -> tuple[Floats, Floats]:
    """Read keypoints out of a painted picture (H, W, 3), 0..255: points (count, 2) and scores (count,), 0..1.

    A pixel belongs to the keypoint with the nearest green and blue, or to none where black is nearer. A
    keypoint lies at the mean of its pixels around the one with the most red, weighted by how much redder they
    are than the darkest of them; its score is that red. One without a pixel has the score 0 at (0, 0).
    """
    if painted.ndim != 3 or painted.shape[2] != 3:
        raise InputError(f"painted must have shape (H, W, 3), got {painted.shape}. Give RGB.")
    pixels = painted.astype(np.float64)
    labels = _nearest_colour(pixels[..., 1:], keypoint_colours(count))
    points, scores = np.zeros((count, 2)), np.zeros(count)
    for k in range(count):
        heat = np.where(labels == k, pixels[..., 0], 0)
        scores[k] = heat.max() / 255
        if scores[k] > 0:
            points[k] = _middle(heat)
    return points, scores


def _nearest_colour(pixels_HW2: Floats, colours_K2: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The number of the colour nearest to each pixel, by the sum of both differences; -1 for black."""
    best = np.abs(pixels_HW2).sum(-1)
    labels = np.full(best.shape, -1, np.int64)
    for k, colour in enumerate(colours_K2):
        far = np.abs(pixels_HW2 - colour).sum(-1)
        labels[far < best] = k
        np.minimum(best, far, out=best)
    return labels


def _middle(heat_HW: Floats) -> Floats:
    """(x, y) of the warmest place, by the pixels around the warmest one."""
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
    """Percentage of correct keypoints, as a share: those of the visible within `share` * `size` pixels.

    `size` is a length of the person, the longer side of its box or the head's. Raises InputError.
    """
    _check_points("truth_xy", truth_xy, visible)
    _check_points("found_xy", found_xy, visible)
    if not visible.any():
        raise InputError("visible must hold a keypoint, got none. Leave the person out.")
    far = np.linalg.norm(np.asarray(found_xy, float) - truth_xy, axis=1)[visible]
    return float(np.mean(far <= share * size))


def oks(found: Person, truth: Person, sigmas: NDArray[Any] = COCO_SIGMAS) -> float:
    """Object keypoint similarity, 0..1: the mean of exp(-d^2 / (2 area (2 sigma)^2)) over the visible.

    `sigmas` (K,) are a keypoint's tolerance; COCO's for its 17. Raises InputError.
    """
    _check_points("truth", truth.points_xy, truth.visible)
    _check_points("found", found.points_xy, truth.visible)
    if len(sigmas) != len(truth.visible):
        raise InputError(
            f"sigmas must be one for each of {len(truth.visible)} keypoints, got {len(sigmas)}. Give all."
        )
    if not truth.visible.any():
        raise InputError("visible must hold a keypoint, got none. Leave the person out.")
    square = ((found.points_xy - truth.points_xy) ** 2).sum(1)
    error = square / (2 * np.asarray(sigmas)) ** 2 / (truth.area + np.spacing(1)) / 2
    return float(np.exp(-error)[truth.visible].mean())


def oks_ap(
    pictures: Sequence[tuple[Sequence[Person], Sequence[Person]]], sigmas: NDArray[Any] = COCO_SIGMAS
) -> float:
    """COCO's average precision of keypoints over OKS 0.5 to 0.95: (found, true) persons of each picture.

    Persons without a visible keypoint are left out, where COCO lets them excuse what lies on them. 0 where
    nothing was found. Raises InputError for no true person.
    """
    scores: list[float] = []
    hits: list[Bools] = []
    total = 0
    for found, truths in pictures:
        seen = [truth for truth in truths if truth.visible.any()]
        ordered = sorted(found, key=lambda one: -one.score)[:MOST_FOUND]
        total += len(seen)
        scores += [one.score for one in ordered]
        hits += list(_matches(ordered, seen, sigmas))
    if not total:
        raise InputError(
            "pictures must hold a true person with a visible keypoint, got none. Look at visible."
        )
    order = np.argsort(-np.array(scores), kind="stable")
    hits_FT = np.array(hits, np.bool_).reshape(-1, len(THRESHOLDS))[order]
    return float(np.mean([_precision(hits_FT[:, t], total) for t in range(len(THRESHOLDS))]))


def _matches(found: Sequence[Person], truths: Sequence[Person], sigmas: NDArray[Any]) -> Bools:
    """(found, thresholds): whether each gets a true person that none before it got, the most alike first."""
    alike = np.array([[oks(one, truth, sigmas) for truth in truths] for one in found])
    out = np.zeros((len(found), len(THRESHOLDS)), np.bool_)
    for t, least in enumerate(THRESHOLDS if truths else ()):
        free = np.ones(len(truths), np.bool_)
        for index, row in enumerate(alike):
            best = int(np.where(free, row, -1).argmax())
            if free[best] and row[best] >= least:
                free[best], out[index, t] = False, True
    return out


def _precision(hits_F: Bools, total: int) -> float:
    """The mean, over 101 recalls, of the highest precision at that recall or more."""
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
