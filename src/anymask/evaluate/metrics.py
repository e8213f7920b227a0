"""Measures of masks, and bootstrap confidence intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
IOUS = np.linspace(0.5, 0.95, 10)
"""The IoUs over which COCO's figures are averaged; from `arange`, a mask of exactly 0.6 would not count."""


@dataclass(frozen=True)
class Interval:
    """A figure and its confidence interval."""

    value: float
    low: float
    high: float


def iou(prediction: Mask, truth: Mask, ignore: Mask | None = None) -> float:
    """Intersection over union of two (H, W) masks, in [0, 1]; 1 if both are empty.

    Pixels of `ignore` are excluded.
    """
    both, either = prediction & truth, prediction | truth
    if ignore is not None:
        both, either = both & ~ignore, either & ~ignore
    union = np.count_nonzero(either)
    return np.count_nonzero(both) / union if union else 1.0


def boundary_f(prediction: Mask, truth: Mask, reach: float, ignore: Mask | None = None) -> float:
    """F of the boundaries of two (H, W) masks, in [0, 1]; 1 if both have none.

    Precision is the share of the prediction's boundary pixels within `reach` pixels of one of the truth's,
    recall the reverse; F is their harmonic mean. Pixels of `ignore` are excluded, and so is the image border
    ("A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016, section 4.1).
    """
    lines = [boundary(mask) for mask in (prediction, truth)]
    if ignore is not None:
        lines = [line & ~ignore for line in lines]
    counts = [np.count_nonzero(line) for line in lines]
    if not all(counts):
        return float(counts[0] == counts[1])
    hits = [
        np.count_nonzero(cv2.distanceTransform(np.uint8(1) - near, cv2.DIST_L2, 5)[line] <= reach)
        for line, near in zip(lines, [line.view(np.uint8) for line in lines[::-1]], strict=True)
    ]
    precision, recall = (hit / count for hit, count in zip(hits, counts, strict=True))
    return 2 * precision * recall / max(precision + recall, 1e-9)


def boundary(mask: Mask) -> Mask:
    """The pixels (H, W) of a mask with one of four neighbours outside of it, without those of the border."""
    bits = np.ascontiguousarray(mask).view(np.uint8)
    inner = cv2.erode(bits, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    return np.asarray((bits != inner).astype(np.bool_))


def clicks_to_reach(ious_MK: Floats, threshold: float, most: int) -> NDArray[np.int64]:
    """Number of clicks (NoC) after which each mask first has an IoU of at least `threshold`, (M,) in 1..most.

    Column k of `ious_MK` is the IoU after k + 1 clicks. A mask that never reaches it counts as `most`, as
    usual in interactive segmentation ("f-BRS", section 4: 20 clicks at most).
    """
    reached = ious_MK[:, :most] >= threshold
    first = np.argmax(reached, axis=1) + 1 if reached.shape[1] else np.ones(len(reached), np.int64)
    return np.where(reached.any(axis=1), first, most).astype(np.int64)


def bootstrap_means(
    sums_I: Floats, counts_I: Floats, generator: np.random.Generator, resamples: int = 2000
) -> Floats:
    """Means of `resamples` bootstrap samples of whole images, (R,).

    Image i has `counts_I[i]` masks whose values sum to `sums_I[i]`. Images are resampled with all their
    masks, since masks of an image are not independent. Samples without any mask are left out. A single image
    has none: it tells nothing of the spread.
    """
    images = len(sums_I)
    if images < 2:
        return np.empty(0)
    draws_RI = generator.multinomial(images, np.full(images, 1 / images), size=resamples)
    totals = draws_RI @ counts_I
    kept = totals > 0
    means: Floats = (draws_RI @ sums_I)[kept] / totals[kept]
    return means


def interval(value: float, draws_R: Floats, level: float = 0.95) -> Interval:
    """The central `level` interval of bootstrap samples (percentile method); NaN ends without samples."""
    if len(draws_R) == 0:
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - level) / 2
    low, high = np.quantile(draws_R, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def bootstrap_ci(
    sums_I: Floats,
    counts_I: Floats,
    generator: np.random.Generator,
    *,
    resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Mean over all masks with its bootstrap interval over images; NaN without any mask."""
    total = float(counts_I.sum())
    value = float(sums_I.sum()) / total if total else float("nan")
    return interval(value, bootstrap_means(sums_I, counts_I, generator, resamples), level)


def mean_over_sets(
    sets: Mapping[str, tuple[Floats, Floats]],
    generator: np.random.Generator,
    *,
    resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """Unweighted mean of the means of data sets; images are resampled within each data set.

    `sets` maps a name to (sums, counts) per image. Data sets without masks are left out; NaN if none remains.
    """
    full = [(sums, counts) for sums, counts in sets.values() if counts.sum() > 0]
    if not full:
        return Interval(float("nan"), float("nan"), float("nan"))
    draws = [bootstrap_means(sums, counts, generator, resamples) for sums, counts in full]
    common = min(len(draw) for draw in draws)
    value = float(np.mean([sums.sum() / counts.sum() for sums, counts in full]))
    return interval(value, np.mean([draw[:common] for draw in draws], axis=0), level)
