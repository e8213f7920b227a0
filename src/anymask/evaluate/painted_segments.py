"""Panoptic segments from two painted images: the classes, and the instances in the colours of their places.

Source: Painter ("Images Speak in Images", section 3) and its released evaluation of COCO panoptic, which
merges by Kirillov et al., "Panoptic Segmentation"; matrix NMS is that of SOLOv2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.metrics import Floats
from anymask.evaluate.panoptic import VOID

__all__ = ["location_palette", "matrix_nms", "merge", "painted_instances", "vote"]

Pixels = NDArray[np.uint8]
LEVELS = (255 - 15 * np.arange(16), 255 - 13 * np.arange(20), 255 - 13 * np.arange(20))
"""Values of red, green and blue in the colours of places."""
PLACES = 80 * 80
NEAR = 3 * 19
"""A pixel may be of a place if the sum of absolute differences to its colour is below this."""
MOST_PLACES, MOST_INSTANCES = 2000, 100
SCORE, OVERLAP, STUFF_AREA = 0.55, 0.5, 8192
"""The least score of an instance, the largest part that better ones may cover, the least area of stuff."""
SIGMA = 2.0
CHUNK = 1024
"""Colours that are compared with all places at once."""


def location_palette() -> Pixels:
    """Painter's colours of places on a grid of 80 x 80: (6400, 3).

    Red tells one of 4 x 4 cells, green the row and blue the column of 20 x 20 inside it.
    """
    red, green, blue = np.meshgrid(*LEVELS, indexing="ij")
    return np.stack([red, green, blue], axis=-1).reshape(PLACES, 3).astype(np.uint8)


def painted_instances(colours: Pixels, least: float = SCORE) -> tuple[NDArray[np.bool_], Floats]:
    """The instances in an image (H, W, 3) painted in the colours of places: masks (K, H, W) and scores (K,).

    A place has the pixels whose mean difference to its colour is below 19, so that masks overlap. The score
    is 1 less the mean over the mask, divided by the largest one, after matrix NMS. Best first, at most 100
    with a score of at least `least`.
    """
    shown, which, areas = _distinct(colours)
    colour, place, far = _near_places(shown)
    places, scores = _scored(place, far, areas[colour])
    keep = scores >= least  # worse ones cannot change the scores of these
    places, scores = places[keep], scores[keep]
    number = np.full(PLACES, -1)
    number[places] = np.arange(len(places))
    known = number[place] >= 0
    colour, mask = colour[known], number[place[known]]
    scores = matrix_nms(scores, _shared(colour, mask, areas, len(places)))
    best = np.argsort(-scores, kind="stable")[:MOST_INSTANCES]
    best = best[scores[best] >= least]
    members = np.zeros((len(best), len(shown)), np.bool_)
    for row, one in zip(members, best, strict=True):
        row[colour[mask == one]] = True
    return members[:, which].reshape(len(best), *colours.shape[:2]), scores[best]


def _distinct(colours: Pixels) -> tuple[Pixels, NDArray[np.intp], NDArray[np.intp]]:
    """The different colours (U, 3), which of them each pixel has, and how many pixels have each."""
    packed = colours.reshape(-1, 3).astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    values, which, counts = np.unique(packed, return_inverse=True, return_counts=True)
    shown = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1).astype(np.uint8)
    return shown, which.ravel(), counts


def _near_places(shown_U3: Pixels) -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.uint8]]:
    """Pairs of a colour and a place near it, by colour: their numbers, and the sums of differences."""
    found = [_pairs(shown_U3, start) for start in range(0, len(shown_U3), CHUNK)]
    colours, places, far = (np.concatenate(column) for column in zip(*found, strict=True))
    return colours, places, far


def _pairs(shown_U3: Pixels, start: int) -> tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.uint8]]:
    part = shown_U3[start : start + CHUNK].astype(np.int16)
    red, green, blue = (
        np.abs(part[:, channel, None] - levels.astype(np.int16)) for channel, levels in enumerate(LEVELS)
    )
    far = (red[:, :, None, None] + green[:, None, :, None] + blue[:, None, None, :]).ravel()
    near = np.flatnonzero(far < NEAR)
    colours, places = np.divmod(near, PLACES)
    return (colours + start).astype(np.int32), places.astype(np.int16), far[near].astype(np.uint8)


def _scored(
    place_P: NDArray[np.int16], far_P: NDArray[np.uint8], pixels_P: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Floats]:
    """The places that have pixels, best first, with their scores before NMS."""
    areas = np.bincount(place_P, pixels_P, PLACES)
    sums = np.bincount(place_P, pixels_P * far_P, PLACES)
    found = np.flatnonzero(areas)
    means = sums[found] / (3 * areas[found])
    order = np.argsort(means, kind="stable")[:MOST_PLACES]
    return found[order], 1 - means[order] / max(1.0, means[order].max(initial=0))


def _shared(
    colour_P: NDArray[np.int32], mask_P: NDArray[np.intp], areas_U: NDArray[np.intp], masks: int
) -> Floats:
    """Pixels that each two masks share (K, K), from pairs of a colour and a mask that has it, by colour."""
    shared = np.zeros((masks, masks))
    for start in range(0, len(areas_U), CHUNK):
        first, past = np.searchsorted(colour_P, (start, start + CHUNK))
        areas = areas_U[start : start + CHUNK, None].astype(np.float32)
        members = np.zeros((len(areas), masks), np.float32)
        members[colour_P[first:past] - start, mask_P[first:past]] = 1
        shared += (members * areas).T @ members
    return shared


def matrix_nms(scores_K: Floats, shared_KK: Floats) -> Floats:
    """Scores (K,), falling, after each is lowered by its overlap with better masks, in a Gaussian of the IoU.

    shared_KK: the pixels that each two masks share; its diagonal has their areas.
    """
    if not len(scores_K):
        return scores_K
    areas = np.diag(shared_KK)
    ious = np.triu(shared_KK / (areas[:, None] + areas - shared_KK), 1)
    most = ious.max(axis=0)  # a mask that is itself covered lowers others less
    return np.asarray(scores_K * np.exp(-SIGMA * (ious**2 - most[:, None] ** 2)).min(axis=0))


def vote(colours: Pixels, palette: Pixels) -> int:
    """The class (of palette (C, 3)) with the least sum of absolute differences to all colours (P, 3)."""
    values = np.arange(256)[:, None]
    far = [
        np.bincount(colours[:, channel], minlength=256)
        @ np.abs(values - palette[:, channel].astype(np.int64))
        for channel in range(3)
    ]
    return int(np.sum(far, axis=0).argmin())


def merge(
    masks_KHW: NDArray[np.bool_], classes_K: Sequence[int], semantic_HW: NDArray[np.uint8], things: int
) -> tuple[NDArray[np.int64], dict[int, int]]:
    """A number for each pixel (H, W), 0 for none, and the class of each number.

    Instances, best first, take the pixels that are free, unless better ones cover more than half of them;
    then the stuff (classes from `things` on) with at least 8192 free pixels takes these.
    """
    numbers = np.zeros(semantic_HW.shape, np.int64)
    of_number: dict[int, int] = {}
    for mask, category in zip(masks_KHW, classes_K, strict=True):
        free, area = mask & (numbers == VOID), int(mask.sum())
        if (area - free.sum()) / area <= OVERLAP:
            _fill(numbers, of_number, free, category)
    for category in range(things, int(semantic_HW.max()) + 1):
        free = (semantic_HW == category) & (numbers == VOID)
        if free.sum() >= STUFF_AREA:
            _fill(numbers, of_number, free, category)
    return numbers, of_number


def _fill(
    numbers: NDArray[np.int64], of_number: dict[int, int], free: NDArray[np.bool_], category: int
) -> None:
    """Give pixels the next number."""
    of_number[len(of_number) + 1] = category
    numbers[free] = len(of_number)
