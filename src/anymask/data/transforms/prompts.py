"""Simulated prompts: clicks and noisy boxes drawn from masks (SAM paper, appendix A, "Training algorithm").

Pixel (column x, row y) has its centre at (x + 0.5, y + 0.5), and every point drawn here is such a centre.
Boxes are half-open xyxy. The plural functions (`random_points`) draw for N masks of one size at once, as a
training loop needs; the singular ones do the same for one mask.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anymask.errors import InputError

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

BOX_NOISE = 0.1
"""Standard deviation of the noise on a box side, as a share of that side (paper, appendix A)."""
BOX_NOISE_MOST = 20.0
"""Largest shift of a box side in pixels (paper, appendix A: 20 px in a frame of 1024 px)."""


def random_point(mask: BoolArray, rng: np.random.Generator) -> FloatArray:
    """A point drawn uniformly from the set pixels of a mask.

    mask: (H, W) bool. Returns (2,) float32 xy, a pixel centre. Raises InputError if no pixel is set.
    """
    point: FloatArray = random_points(mask[None], rng)[0]
    return point


def random_points(masks: BoolArray, rng: np.random.Generator) -> FloatArray:
    """A uniform point per mask: (N, H, W) bool -> (N, 2) float32 xy. Raises InputError for an empty mask."""
    chosen, counts = _draw(masks, rng)
    if not counts.all():
        raise InputError(
            f"mask must hold at least one pixel, got an empty mask at index {int(np.argmin(counts))}. "
            "Leave empty masks out before drawing clicks."
        )
    return _centres(chosen, masks.shape[2])


def noisy_box(
    mask: BoolArray, rng: np.random.Generator, *, spread: float = BOX_NOISE, most: float = BOX_NOISE_MOST
) -> FloatArray:
    """The box of a mask with each side shifted by Gaussian noise.

    mask: (H, W) bool. spread: standard deviation as a share of the box's width (x) or height (y); most:
    largest shift in pixels. Returns (4,) float32 xyxy, inside the image and at least one pixel wide and high.
    Raises InputError if no pixel is set.
    """
    box: FloatArray = noisy_boxes(mask[None], rng, spread=spread, most=most)[0]
    return box


def noisy_boxes(
    masks: BoolArray, rng: np.random.Generator, *, spread: float = BOX_NOISE, most: float = BOX_NOISE_MOST
) -> FloatArray:
    """noisy_box for N masks: (N, H, W) bool -> (N, 4) float32 xyxy. Raises InputError if a mask is empty."""
    boxes = _boxes(masks)
    size_hw = masks.shape[1:]
    sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    noise = np.clip(rng.normal(size=boxes.shape) * sides * spread, -most, most)
    return _repair(boxes + noise, boxes, size_hw)


def error_point(
    predicted: BoolArray, truth: BoolArray, ignore: BoolArray | None, rng: np.random.Generator
) -> tuple[FloatArray, int]:
    """The next simulated click: uniform over the pixels where prediction and truth differ.

    predicted, truth: (H, W) bool; ignore: (H, W) bool of unlabelled pixels, or None. Returns the point
    ((2,) float32 xy) and its label: 1 on a missed pixel, 0 on a wrongly covered one. If the prediction is
    free of errors, the point is drawn from the truth, with label 1. Raises InputError if the truth is empty
    as well.
    """
    ignores = None if ignore is None else ignore[None]
    points, labels = error_points(predicted[None], truth[None], ignores, rng)
    return points[0], int(labels[0])


def error_points(
    predicted: BoolArray, truths: BoolArray, ignore: BoolArray | None, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """error_point for N masks of one size.

    predicted, truths: (N, H, W) bool; ignore: (N, H, W) or (H, W) bool, or None. Returns points (N, 2)
    float32 xy and labels (N,) int64. Raises InputError if a mask has neither an error nor a pixel of truth.
    """
    errors = predicted ^ truths
    if ignore is not None:
        errors &= ~ignore
    chosen, counts = _draw(errors, rng)
    clean = np.flatnonzero(counts == 0)
    if len(clean):
        chosen[clean] = _truth_pixels(truths[clean], _rows(ignore, clean), rng)
    rows, columns = np.divmod(chosen, truths.shape[2])
    labels = truths[np.arange(len(truths)), rows, columns].astype(np.int64)
    return _centres(chosen, truths.shape[2]), labels


def _rows(ignore: BoolArray | None, rows: IntArray) -> BoolArray | None:
    return ignore[rows] if ignore is not None and ignore.ndim == 3 else ignore


def _truth_pixels(truths: BoolArray, ignore: BoolArray | None, rng: np.random.Generator) -> IntArray:
    """Flat index of a random labelled truth pixel per mask; of any truth pixel if all are ignored."""
    labelled = truths if ignore is None else truths & ~ignore
    shown: BoolArray = np.asarray(labelled.any(axis=(1, 2), keepdims=True))
    labelled = np.where(shown, labelled, truths)
    chosen, counts = _draw(labelled, rng)
    if not counts.all():
        raise InputError(
            "truth must hold at least one pixel, got an empty mask. Leave empty masks out of the clicks."
        )
    return chosen


def _draw(masks: BoolArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """A flat index per mask, uniform over its set pixels (0 if it has none), and the pixel counts."""
    count, area = len(masks), masks.shape[1] * masks.shape[2]
    where = np.flatnonzero(np.ascontiguousarray(masks))
    starts = np.searchsorted(where, np.arange(count + 1) * area)
    counts = np.diff(starts)
    nth = starts[:-1] + (rng.random(count) * counts).astype(np.int64)
    chosen = np.zeros(count, dtype=np.int64)
    filled = counts > 0
    chosen[filled] = where[nth[filled]] - np.flatnonzero(filled) * area
    return chosen, counts


def _centres(flat: IntArray, width: int) -> FloatArray:
    return np.stack([flat % width, flat // width], axis=1).astype(np.float32) + np.float32(0.5)


def _boxes(masks: BoolArray) -> npt.NDArray[np.float64]:
    """Tight half-open xyxy boxes, (N, 4) float64."""
    columns, rows = np.asarray(masks.any(axis=1)), np.asarray(masks.any(axis=2))
    if not np.asarray(columns.any(axis=1)).all():
        raise InputError(
            "mask must hold at least one pixel, got an empty mask. Leave empty masks out of the boxes."
        )
    ends = [_span(columns), _span(rows)]
    return np.stack([ends[0][0], ends[1][0], ends[0][1], ends[1][1]], axis=1).astype(np.float64)


def _span(line: BoolArray) -> tuple[IntArray, IntArray]:
    return line.argmax(axis=1), line.shape[1] - line[:, ::-1].argmax(axis=1)


def _repair(
    boxes: npt.NDArray[np.float64], clean: npt.NDArray[np.float64], size_hw: tuple[int, ...]
) -> FloatArray:
    """Clip boxes to the image; a side that the noise made shorter than a pixel is restored."""
    limit = np.array([size_hw[1], size_hw[0]] * 2, dtype=np.float64)
    boxes = np.clip(boxes, 0.0, limit)
    short = np.tile(boxes[:, 2:] - boxes[:, :2] < 1.0, 2)
    return np.where(short, clean, boxes).astype(np.float32)
