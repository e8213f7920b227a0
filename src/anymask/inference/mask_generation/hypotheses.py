"""The masks that the points of a grid predict in an image and its crops, and how many points agree on each.

A mask that many points predict alike, in the whole image and in crops, is more likely an object than one that
a single point predicts. `agreement_columns` counts
the points that agree, for a predicted IoU that takes them into account.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry.frame import Frame
from anymask.geometry.resample import GRID_STRIDE
from anymask.inference.mask_generation.grids import Window
from anymask.inference.promptable.decode import HYPOTHESES, cell_stability
from anymask.models.protocol import Promptable, PromptBatch, check_finite
from anymask.types import Embedding

__all__ = [
    "WEIGHTS",
    "Hypotheses",
    "agreement_columns",
    "best_apart",
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
of the image and of the number of points that agree, and 1; fitted by benchmarks/agreement.py."""


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
    """(N, 2) xy of the point of each mask, in pixels of the image."""
    scores: Floats
    """(N,) predicted IoU."""
    stability: Floats
    """(N,) stability on the logit grid."""
    contents: Sequence[NDArray[np.float16]]
    """Logits (rows, columns) of each mask in its window, without padding."""

    def __len__(self) -> int:
        """The number of masks."""
        return len(self.scores)

    def take(self, rows: Indices) -> Hypotheses:
        """The masks `rows`, in this order."""
        parts = (self.window[rows], self.points[rows], self.scores[rows], self.stability[rows])
        contents = [self.contents[row] for row in rows.tolist()]
        return Hypotheses(self.size_hw, self.windows, self.frames, *parts, contents)

    def logits(self, row: int) -> Floats:
        """Logits of a mask on the whole grid (gh, gw) of its window; padding lies outside of the mask."""
        content = self.contents[row]
        out = np.full(self.frames[int(self.window[row])].grid_hw, -10, np.float32)
        out[: content.shape[0], : content.shape[1]] = content
        return out

    @classmethod
    def concat(cls, parts: Sequence[Hypotheses]) -> Hypotheses:
        """The masks of several windows of an image; only the best `MOST` of them."""
        whole = cls(
            parts[0].size_hw,
            [window for part in parts for window in part.windows],
            [frame for part in parts for frame in part.frames],
            np.concatenate([np.full(len(part), number, np.int64) for number, part in enumerate(parts)]),
            np.concatenate([part.points for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.stability for part in parts]),
            [content for part in parts for content in part.contents],
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
    frame, cells = embedding.frame, embedding.frame.content_hw
    coords_NK2 = np.zeros((len(points), 2, 2), np.float32)  # the second is the padding point
    coords_NK2[:, 0] = frame.to_model_xy(points - np.array(window.xyxy[:2], np.float32)) + np.float32(0.5)
    labels_NK = np.tile(np.array([1, -1], np.int64), (len(points), 1))
    batch = PromptBatch(np.zeros(len(points), np.intp), coords_NK2, labels_NK)
    decoded = model.decode_prompts([(embedding.features, embedding.skips)], batch)
    check_finite(decoded.scores)
    clicks, outputs = np.nonzero(decoded.scores[:, -HYPOTHESES:] >= LEAST_SCORE)
    outputs = outputs + decoded.scores.shape[1] - HYPOTHESES
    logits = decoded.logits_of(clicks, outputs, cells)[:, : cells[0], : cells[1]]
    check_finite(logits.sum((-1, -2)))
    stability = cell_stability(logits, 1.0)
    kept = np.flatnonzero((stability >= LEAST_STABILITY) & ~_cut_off(logits > 0, window, size_hw))
    contents = list(logits[kept].astype(np.float16))
    scores = np.asarray(decoded.scores[clicks, outputs][kept], np.float32)
    none = np.zeros(len(kept), np.int64)
    return Hypotheses(
        size_hw, (window,), (frame,), none, points[clicks[kept]], scores, stability[kept], contents
    )


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


def agreement_columns(masks: Hypotheses, bits: NDArray[np.bool_], ious: Floats) -> list[Floats]:
    """What the score of masks on which points agree is computed from: a column (N,) for each of `WEIGHTS`."""
    shares = np.maximum(bits.mean(axis=1), 1 / bits.shape[1])
    agreeing = np.log1p(points_agreeing(masks, ious))
    return [
        log_odds(masks.scores),
        log_odds(masks.stability),
        *(it.astype(np.float32) for it in (np.log(shares), agreeing)),
    ]


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
