"""Calibration of the predicted IoU: how well scores agree with true IoUs.

Each mask of a data set is predicted from a click at its centre, a click anywhere in it, and its box, as in
`anymask.evaluate.clicks`; the chosen mask has a score and a true IoU. The expected calibration error is the
mean absolute difference of the two over bins of equal width, weighted by the number of predictions in each
(Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from anymask.errors import InputError
from anymask.evaluate.clicks import model_sessions
from anymask.evaluate.metrics import iou
from anymask.evaluate.records import Progress, Records, read_records
from anymask.evaluate.simulated_clicks import (
    ClicksConfig,
    Session,
    Targets,
    choose_targets,
    random_click,
    tight_box,
)
from anymask.geometry.regions import inner_point
from anymask.geometry.rle import decode
from anymask.models.sam import Sam
from anymask.types import Prompt

__all__ = ["KINDS", "Reliability", "collect", "correct", "draw", "reliability"]

Floats = NDArray[np.float64]
KINDS = ("click", "random click", "box")
"""The kinds of prompts that are evaluated."""
SIDE, MARGIN = 420, 48


@dataclass(frozen=True)
class Reliability:
    """Predictions binned by score, clipped to 0..1: all arrays (bins,), NaN for empty bins."""

    counts: NDArray[np.int64]
    scores: Floats
    """Mean score."""
    ious: Floats
    """Mean true IoU."""
    error: float
    """The expected calibration error, 0 to 1; NaN without predictions."""


def reliability(scores: Floats, ious: Floats, bins: int = 10) -> Reliability:
    """Compare predicted and true IoU, both (N,)."""
    taken = np.clip(scores, 0, 1)
    place = np.minimum((taken * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, weights=values, minlength=bins) / counts for values in (taken, ious)]
    gaps = np.abs(means[0] - means[1])[counts > 0] * counts[counts > 0]
    error = float(gaps.sum() / len(scores)) if len(scores) else float("nan")
    return Reliability(counts, means[0], means[1], error)


def collect(
    model: Sam,
    datasets: Mapping[str, Records],
    config: ClicksConfig | None = None,
    progress: Progress | None = None,
) -> dict[str, tuple[Floats, Floats]]:
    """Scores and true IoUs by kind of prompt, (N,) each, over all masks of the data sets.

    Corrupt images are skipped. Raises `InputError` if no mask remains.
    """
    config = config or ClicksConfig()
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    open_session = model_sessions(model, config.zoom)
    for name, records in datasets.items():
        for opened in read_records(name, records, config.most_images, config.seed, progress):
            if opened is None:
                continue
            record, image = opened
            generator = np.random.default_rng(config.seed)
            targets = choose_targets(record, config, generator)
            if len(targets.truths):
                session = open_session(image)
                for kind in KINDS:
                    found[kind] += _pairs(session, targets, kind, generator)
    if not any(found.values()):
        raise InputError(
            f"datasets must hold a mask that counts, got none in {', '.join(sorted(datasets))}. "
            "Check min_area."
        )
    arrays = {kind: np.array(pairs, np.float64).reshape(-1, 2) for kind, pairs in found.items()}
    return {kind: (pairs[:, 0], pairs[:, 1]) for kind, pairs in arrays.items()}


def _pairs(
    session: Session, targets: Targets, kind: str, generator: np.random.Generator
) -> list[tuple[float, float]]:
    prompts = [_prompt(truth, kind, generator) for truth in targets.truths]
    masks = session(prompts, multimask=False)
    return [
        (float(score), iou(decode(runs, masks.size), truth, targets.ignore))
        for score, runs, truth in zip(masks.scores, masks.rles, targets.truths, strict=True)
    ]


def _prompt(truth: NDArray[np.bool_], kind: str, generator: np.random.Generator) -> Prompt:
    if kind == "box":
        return Prompt(box=tight_box(truth))
    point = inner_point(truth) if kind == "click" else random_click(truth, generator)
    return Prompt(points=point[None], labels=np.array([1]))


def correct(model: Sam, pairs: Mapping[str, tuple[Floats, Floats]]) -> Sam:
    """A copy of the model with the mean bias of its scores removed, as measured by `collect`.

    One constant is subtracted for the three hypotheses of a click, whose order by score does not change, and
    one for the single output, measured on boxes. The score head is trained on training images, on which masks
    are better; the bias must be measured on held-out images.
    """
    out = copy.deepcopy(model)
    last = out.mask_decoder.iou_prediction_head.layers[-1]
    assert isinstance(last, nn.Linear)
    gaps = {kind: scores - ious for kind, (scores, ious) in pairs.items()}
    click, random, box = (gaps[kind] for kind in KINDS)
    with torch.no_grad():
        last.bias[0] -= float(box.mean())
        last.bias[1:] -= float(np.concatenate([click, random]).mean())
    return out


def draw(found: Mapping[str, Reliability]) -> NDArray[np.uint8]:
    """Reliability diagrams of all kinds side by side, (H, W, 3) RGB: bars are true IoU by bins of the score.

    The line marks perfect calibration; lighter bars stand for fewer predictions.
    """
    return np.concatenate([_panel(kind, one) for kind, one in found.items()], axis=1)


def _panel(kind: str, found: Reliability) -> NDArray[np.uint8]:
    canvas = np.full((SIDE + 2 * MARGIN, SIDE + 2 * MARGIN, 3), 255, np.uint8)
    bins, most = len(found.counts), max(int(found.counts.max()), 1)
    for place in np.flatnonzero(found.counts):
        left, right = (MARGIN + round((place + side) * SIDE / bins) for side in (0, 1))
        top = MARGIN + SIDE - round(found.ious[place] * SIDE)
        shade = 0.25 + 0.75 * found.counts[place] / most
        colour = tuple(int(255 - shade * (255 - part)) for part in (45, 105, 190))
        cv2.rectangle(canvas, (left + 1, top), (right - 1, MARGIN + SIDE), colour, -1)
    ends = (MARGIN, MARGIN + SIDE), (MARGIN + SIDE, MARGIN)
    cv2.line(canvas, *ends, (200, 60, 40), 2, cv2.LINE_AA)
    cv2.rectangle(canvas, (MARGIN, MARGIN), (MARGIN + SIDE, MARGIN + SIDE), (90, 90, 90), 1)
    title = f"{kind}: {int(found.counts.sum())} masks, error {found.error:.3f}"
    cv2.putText(
        canvas, title, (MARGIN, MARGIN - 16), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 1, cv2.LINE_AA
    )
    for text, spot in (
        ("0", (MARGIN - 4, 22)),
        ("predicted IoU", (MARGIN + 150, 22)),
        ("1", (MARGIN + SIDE - 4, 22)),
    ):
        place_xy = (spot[0], MARGIN + SIDE + spot[1])
        cv2.putText(canvas, text, place_xy, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    return canvas
