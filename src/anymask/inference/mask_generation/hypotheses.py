"""The masks of the points of a grid and of detected boxes, in an image and its crops, and how many agree.

A mask that many points and boxes predict alike, in the whole image and in crops, is more likely an object
than one that a single point predicts, and so is one whose box a detector of objects has found.
`agreement_scores` are the predicted IoU that takes both into account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry.frame import Frame
from anymask.geometry.resample import GRID_STRIDE
from anymask.inference.mask_generation.grids import Window
from anymask.inference.mask_generation.objects import Objects
from anymask.inference.promptable.decode import HYPOTHESES, cell_stability
from anymask.models.protocol import Promptable, PromptBatch, check_finite
from anymask.types import Embedding

__all__ = [
    "WEIGHTS",
    "Hypotheses",
    "agreement_columns",
    "best_apart",
    "box_hypotheses",
    "click_hypotheses",
    "coarse_bits",
    "log_odds",
]

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]

COMPARED = 64
"""Cells along the longest side of the grid on which masks are compared."""
SAME = 0.7
"""Minimum IoU of masks that agree."""
LEAST_SCORE = 0.25
"""Masks with a lower predicted IoU are left out."""
LEAST_STABILITY = 0.3
"""The same for the stability."""
MOST = 4000
"""Maximum number of masks that are compared, the best ones: 64 MB for their IoUs."""
WEIGHTS = (0.82, 0.23, 0.19, 0.28, -1.55)
"""Log odds of the IoU from the log odds of predicted IoU and stability, the logarithms of the area's share
of the image and of the number of points and boxes that agree, and 1; fitted by benchmarks/agreement.py."""
OBJECT_WEIGHTS = (0.47, 0.23, -0.08, 0.18, 1.12, -0.68, -0.67)
"""With a detector: before 1 also the log odds of how much like an object the box is, and whether it was the
prompt."""
ALONE = 0.2
"""With a detector: by how much less the score without it counts. It keeps regions that are no object to a
detector, such as the sky (docs/log.md, 2026-11-30)."""


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """N masks predicted for points, in the windows that they were predicted in."""

    size_hw: tuple[int, int]
    """The size of the image."""
    windows: Sequence[Window]
    """The windows."""
    frames: Sequence[Frame]
    """The frame of each window."""
    window: Indices
    """(N,) number of each mask's window."""
    points: Floats
    """(N, 2) xy of the point of each mask, or of the middle of its box, in pixels of the image."""
    scores: Floats
    """(N,) predicted IoU."""
    stability: Floats
    """(N,) stability on the logit grid."""
    contents: Sequence[NDArray[np.float16]]
    """Logits (rows, columns) of each mask in its window, without padding."""
    boxed: Sequence[bool] = (False,)
    """Whether the masks of each window are those of boxes; a window of both kinds is there twice."""
    objects: Objects | None = None
    """What a detector found in all windows; None without a detector."""

    def __len__(self) -> int:
        """The number of masks."""
        return len(self.scores)

    def take(self, rows: Indices) -> Hypotheses:
        """The masks `rows`, in this order."""
        return replace(
            self,
            window=self.window[rows],
            points=self.points[rows],
            scores=self.scores[rows],
            stability=self.stability[rows],
            contents=[self.contents[row] for row in rows.tolist()],
        )

    def logits(self, row: int) -> Floats:
        """Logits of a mask on the whole grid (gh, gw) of its window; padding lies outside of the mask."""
        content = self.contents[row]
        out = np.full(self.frames[int(self.window[row])].grid_hw, -10, np.float32)
        out[: content.shape[0], : content.shape[1]] = content
        return out

    @classmethod
    def concat(cls, parts: Sequence[Hypotheses]) -> Hypotheses:
        """The masks of several windows of an image; only the best `MOST` of them."""
        objects = [part.objects for part in parts if part.objects is not None]
        whole = cls(
            parts[0].size_hw,
            [window for part in parts for window in part.windows],
            [frame for part in parts for frame in part.frames],
            np.concatenate([np.full(len(part), number, np.int64) for number, part in enumerate(parts)]),
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.stability for part in parts]),
            [content for part in parts for content in part.contents],
            [boxed for part in parts for boxed in part.boxed],
            Objects.concat(objects) if objects else None,
        )
        best = np.argsort(-whole.scores * whole.stability, kind="stable")[:MOST]
        return whole if len(best) == len(whole) else whole.take(np.sort(best))


def click_hypotheses(
    model: Promptable, embedding: Embedding, window: Window, points: Floats, size_hw: tuple[int, int]
) -> Hypotheses:
    """The masks of clicks in one window, without the least likely ones and those that the window cuts off.

    model: the model.
    embedding: of the window.
    window: its position in the image.
    points: (N, 2) xy in pixels of the image.
    size_hw: the size of the image.
    """
    coords_NK2 = np.zeros((len(points), 2, 2), np.float32)  # the second is the padding point
    coords_NK2[:, 0] = _in_frame(points, embedding, window)
    prompts = _Prompts(coords_NK2, np.array([1, -1]), slice(-HYPOTHESES, None), points)
    return _hypotheses(model, embedding, window, prompts, size_hw)


def box_hypotheses(
    model: Promptable, embedding: Embedding, window: Window, objects: Objects, size_hw: tuple[int, int]
) -> Hypotheses:
    """The masks of the boxes of objects in one window, as `click_hypotheses`, with the objects themselves."""
    if not len(objects):
        return _no_hypotheses(embedding, window, objects, size_hw)
    corners_N22 = objects.boxes.reshape(-1, 2, 2)
    coords_NK2 = _in_frame(corners_N22.reshape(-1, 2), embedding, window).reshape(-1, 2, 2)
    prompts = _Prompts(coords_NK2, np.array([2, 3]), slice(0, 1), corners_N22.mean(axis=1))
    found = _hypotheses(model, embedding, window, prompts, size_hw)
    return replace(found, boxed=(True,), objects=objects)


def _no_hypotheses(
    embedding: Embedding, window: Window, objects: Objects, size_hw: tuple[int, int]
) -> Hypotheses:
    none, rows = np.zeros(0, np.float32), np.zeros(0, np.int64)
    frames, boxed = (embedding.frame,), (True,)
    return Hypotheses(size_hw, (window,), frames, rows, none.reshape(0, 2), none, none, [], boxed, objects)


@dataclass(frozen=True)
class _Prompts:
    """Prompts of one kind: points in the model's frame, their labels, the outputs to use, points to note."""

    coords_NK2: Floats
    labels_K: NDArray[np.int64]
    outputs: slice
    points_N2: Floats


def _in_frame(points: Floats, embedding: Embedding, window: Window) -> Floats:
    """Points (N, 2) of the image in the frame of a window, as prompts are."""
    inside = points - np.array(window.xyxy[:2], np.float32)
    return np.asarray(embedding.frame.to_model_xy(inside) + np.float32(0.5), np.float32)


def _hypotheses(
    model: Promptable, embedding: Embedding, window: Window, prompts: _Prompts, size_hw: tuple[int, int]
) -> Hypotheses:
    frame, cells, count = embedding.frame, embedding.frame.content_hw, len(prompts.points_N2)
    labels_NK = np.tile(prompts.labels_K, (count, 1))
    batch = PromptBatch(np.zeros(count, np.intp), prompts.coords_NK2, labels_NK)
    decoded = model.decode_prompts([(embedding.features, embedding.skips)], batch)
    check_finite(decoded.scores)
    allowed = np.arange(decoded.scores.shape[1])[prompts.outputs]
    numbers, outputs = np.nonzero(decoded.scores[:, allowed] >= LEAST_SCORE)
    outputs = allowed[outputs]
    logits = decoded.logits_of(numbers, outputs, cells)[:, : cells[0], : cells[1]]
    check_finite(logits.sum((-1, -2)))
    stability = cell_stability(logits, 1.0)
    kept = np.flatnonzero((stability >= LEAST_STABILITY) & ~_cut_off(logits > 0, window, size_hw))
    contents = list(logits[kept].astype(np.float16))
    scores = np.asarray(decoded.scores[numbers, outputs][kept], np.float32)
    none = np.zeros(len(kept), np.int64)
    points = prompts.points_N2[numbers[kept]]
    return Hypotheses(size_hw, (window,), (frame,), none, points, scores, stability[kept], contents)


def _cut_off(bits: NDArray[np.bool_], window: Window, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Which masks (N, rows, columns) touch an edge of their window inside the image."""
    (x0, y0, x1, y1), (h, w) = window.xyxy, size_hw
    edges = [(x0 > 0, bits[:, :, 0]), (y0 > 0, bits[:, 0])]
    edges += [(x1 < w, bits[:, :, -1]), (y1 < h, bits[:, -1])]
    touching = [edge.any(axis=1) for inside, edge in edges if inside]
    return np.asarray(np.logical_or.reduce(touching) if touching else np.zeros(len(bits), np.bool_))


def coarse_bits(masks: Hypotheses) -> NDArray[np.bool_]:
    """The masks (N, cells) on one coarse grid of the image."""
    frame = Frame.fit(masks.size_hw, GRID_STRIDE * COMPARED, square=False, multiple=GRID_STRIDE)
    out = np.zeros((len(masks), *frame.grid_hw), np.bool_)
    inside = [frame.cells_within(window.xyxy) for window in masks.windows]
    for row, number in enumerate(masks.window.tolist()):
        x, y = masks.windows[number].xyxy[:2]
        logits = masks.frames[number].logits_in(frame, (-x, -y), masks.logits(row))
        np.logical_and(logits > 0, inside[number], out=out[row])
    return out.reshape(len(masks), -1)


def mask_boxes(masks: Hypotheses) -> Floats:
    """The boxes (N, 4) xyxy of the masks in pixels of the image, on whole logit cells."""
    out = np.zeros((len(masks), 4), np.float32)
    for row, (number, content) in enumerate(zip(masks.window.tolist(), masks.contents, strict=True)):
        rows, columns = (np.flatnonzero((content > 0).any(axis=axis)) for axis in (1, 0))
        if len(rows):
            corners = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]]) * GRID_STRIDE
            inside = masks.frames[number].to_image_xy(corners)
            out[row] = (inside + np.array(masks.windows[number].xyxy[:2])).reshape(4)
    return out


def coarse_ious(bits: NDArray[np.bool_]) -> Floats:
    """The IoU (N, N) of every pair of masks."""
    numbers = bits.astype(np.float32)
    shared, areas = numbers @ numbers.T, numbers.sum(axis=1)
    return np.asarray(shared / np.maximum(areas[:, None] + areas - shared, 1), np.float32)


def points_agreeing(masks: Hypotheses, ious: Floats) -> Indices:
    """The number of points (N,) with a mask that agrees with each mask, in any window."""
    same = ious >= SAME
    places = np.column_stack([masks.window, masks.points])
    first = np.flatnonzero(np.append(True, (places[1:] != places[:-1]).any(axis=1)))
    return np.asarray(np.logical_or.reduceat(same, first, axis=1).sum(axis=1), np.int64)


def agreement_scores(masks: Hypotheses, bits: NDArray[np.bool_], ious: Floats) -> tuple[Floats, Floats]:
    """The predicted IoU (N,) from agreement and objects, and that from agreement alone."""
    columns = agreement_columns(masks, bits, ious)
    alone = logistic(columns[: len(WEIGHTS) - 1], WEIGHTS)
    return (alone if masks.objects is None else logistic(columns, OBJECT_WEIGHTS)), alone


def combined_scores(scores: Floats, alone: Floats) -> Floats:
    """The score of each mask: with objects, or that without them less ALONE if it is higher."""
    return np.asarray(np.maximum(scores, alone - np.float32(ALONE)))


def agreement_columns(masks: Hypotheses, bits: NDArray[np.bool_], ious: Floats) -> list[Floats]:
    """What `agreement_scores` are computed from: a column (N,) for each of `WEIGHTS` or `OBJECT_WEIGHTS`."""
    shares = np.maximum(bits.mean(axis=1), 1 / bits.shape[1])
    agreeing = np.log1p(points_agreeing(masks, ious))
    columns = [log_odds(masks.scores), log_odds(masks.stability), np.log(shares), agreeing]
    if masks.objects is not None:
        columns += [log_odds(masks.objects.likeness(mask_boxes(masks))), np.array(masks.boxed)[masks.window]]
    return [np.asarray(column, np.float32) for column in columns]


def log_odds(shares: Floats) -> Floats:
    """The logarithm of p / (1 - p), for p from 0.01 to 0.99."""
    clipped = np.clip(shares, 0.01, 0.99)
    return np.asarray(np.log(clipped / (1 - clipped)), np.float32)


def logistic(columns: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """The logistic function of a weighted sum of columns (N,) and 1."""
    total = np.stack([*columns, np.ones(len(columns[0]))], axis=1) @ np.array(weights)
    return np.asarray(1 / (1 + np.exp(-total)), np.float32)


def best_apart(ious: Floats, scores: Floats, threshold: float, most: int) -> Indices:
    """At most `most` masks, best first, none of which has an IoU above `threshold` with a better one."""
    free, kept = np.ones(len(scores), np.bool_), []
    for row in np.argsort(-scores, kind="stable").tolist():
        if free[row]:
            kept.append(row)
            free &= ious[row] <= threshold
            if len(kept) == most:
                break
    return np.array(kept, np.int64)
