"""Average precision of objects with classes, as the COCO and LVIS APIs compute it, by image, with weights.

`match` compares the masks of one image, `match_class` objects of one class by any similarity;
`AveragePrecision` accumulates the matches of weighted images, so that images can be resampled without
matching again.
Source of the rules: `COCOeval` and `LVISEval`, the functions evaluateImg and accumulate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.metrics import IOUS, Floats
from anymask.geometry import rle

__all__ = [
    "AREAS",
    "AveragePrecision",
    "Compared",
    "Detections",
    "Matches",
    "Truths",
    "match",
    "match_class",
]

AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Ranges of areas in pixels, both ends included."""
RECALLS = np.linspace(0, 1, 101)
_BITS = 1 << np.arange(len(IOUS))

Matches = Mapping[str, Any]
"""The matches of one class in an image, for JSON, see `match`."""


@dataclass(frozen=True)
class Truths:
    """The annotated masks of an image."""

    runs: Sequence[rle.Runs]
    categories: NDArray[np.int64]
    areas: Floats
    """(N,) pixels, as the file states them."""
    crowds: NDArray[np.bool_]


@dataclass(frozen=True)
class Detections:
    """The predicted masks of an image."""

    runs: Sequence[rle.Runs]
    categories: NDArray[np.int64]
    scores: Floats


@dataclass(frozen=True)
class Compared:
    """The annotated objects of a class in an image, and the predicted ones, highest score first."""

    category: int
    similarity: Floats
    """(D, G) IoU, or OKS, of each predicted with each annotated object."""
    truth_areas: Floats
    """(G,) pixels."""
    crowds: NDArray[np.bool_]
    """(G,): annotations that several predictions may match."""
    hidden: NDArray[np.bool_]
    """(G,): annotations that do not count, and what matches them neither."""
    scores: Floats
    """(D,)."""
    areas: Floats
    """(D,) pixels."""


def match(
    truths: Truths,
    detections: Detections,
    *,
    most: int | None = 100,
    unjudged: frozenset[int] = frozenset(),
) -> list[Matches]:
    """Match the masks of an image, class by class.

    truths: the annotated masks.
    detections: the predicted masks.
    most: maximum number of predicted masks of a class, None for all.
    unjudged: classes of which not every object is annotated (LVIS): unmatched masks do not count.

    Each element has the "category"; "positives", the number of annotated masks for each range of `AREAS`; the
    "scores", highest first; and for each range the bits of the IoUs at which each mask is "matched" and
    "ignored".
    """
    found: list[Matches] = []
    for category in np.union1d(truths.categories, detections.categories).tolist():
        own = np.flatnonzero(truths.categories == category)
        mine = np.flatnonzero(detections.categories == category)
        mine = mine[np.argsort(-detections.scores[mine], kind="stable")][:most]
        compared = Compared(
            category=category,
            similarity=_ious(truths, own, detections, mine),
            truth_areas=truths.areas[own],
            crowds=truths.crowds[own],
            hidden=truths.crowds[own],
            scores=detections.scores[mine],
            areas=np.array([rle.area(detections.runs[i]) for i in mine.tolist()], np.float64),
        )
        found.append(match_class(compared, judged=category not in unjudged))
    return found


def match_class(one: Compared, *, judged: bool = True) -> Matches:
    """Match the objects of a class; see `match` for the result, and for `judged` its `unjudged`."""
    entry: dict[str, Any] = {"category": one.category, "scores": one.scores.tolist()}
    entry |= {"positives": [], "matched": [], "ignored": []}
    for low, high in AREAS.values():
        hidden = one.hidden | (one.truth_areas < low) | (one.truth_areas > high)
        matched, ignored = _greedy(one.similarity, hidden, one.crowds)
        outside = (one.areas < low) | (one.areas > high) | (not judged)
        ignored |= ~matched & outside[:, None]
        entry["positives"].append(int((~hidden).sum()))
        entry["matched"].append((matched @ _BITS).tolist())
        entry["ignored"].append((ignored @ _BITS).tolist())
    return entry


def _ious(truths: Truths, own: NDArray[np.int64], detections: Detections, mine: NDArray[np.int64]) -> Floats:
    """(D, G) IoU; with a crowd the share of the predicted mask that lies in it."""
    predicted, true = [detections.runs[i] for i in mine], [truths.runs[i] for i in own]
    shared = rle.intersection(predicted, true).astype(np.float64)
    own_areas, areas = (np.array([rle.area(runs) for runs in some], np.float64) for some in (predicted, true))
    union = own_areas[:, None] + np.where(truths.crowds[own], 0, areas - shared)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _greedy(
    ious_DG: Floats, hidden_G: NDArray[np.bool_], crowds_G: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(D, 10) whether each predicted mask is matched, and whether with a hidden annotation, at each IoU."""
    count = len(ious_DG)
    matched, ignored = np.zeros((2, count, len(IOUS)), np.bool_)
    for column, least in enumerate(IOUS):
        free = np.ones(len(hidden_G), np.bool_)
        for row in np.flatnonzero((ious_DG >= least).any(axis=1)) if len(free) else ():
            able = (free | crowds_G) & (ious_DG[row] >= least)
            able &= ~hidden_G if (able & ~hidden_G).any() else True
            if able.any():
                ious = np.where(able, ious_DG[row], -1)
                best = len(ious) - 1 - int(ious[::-1].argmax())  # of equal ones the last
                free[best] = False
                matched[row, column], ignored[row, column] = True, hidden_G[best]
    return matched, ignored


class AveragePrecision:
    """AP over `IOUS` of weighted images: `AveragePrecision(images)(weights)`."""

    def __init__(self, images: Sequence[Sequence[Matches]]) -> None:
        """images: for each image what `match` returns."""
        self._count = len(images)
        grouped: dict[int, list[tuple[int, Matches]]] = {}
        for number, entries in enumerate(images):
            for entry in entries:
                grouped.setdefault(int(entry["category"]), []).append((number, entry))
        self._classes = {category: _Class(entries) for category, entries in sorted(grouped.items())}

    def __call__(self, weights: Floats | None = None) -> dict[str, float]:
        """AP for each range of `AREAS`, and "ap_50" and "ap_75"; NaN without an annotated mask."""
        by_class = self.by_class(np.ones(self._count) if weights is None else weights)
        out = {name: _mean(by_class[:, row]) for row, name in enumerate(AREAS)}
        return out | {"ap_50": _mean(by_class[:, 0, 0]), "ap_75": _mean(by_class[:, 0, 5])}

    def by_class(self, weights: Floats) -> Floats:
        """(C, areas, IoUs) AP of each class, in the order of `categories`; NaN without an annotated mask."""
        return np.array([one.precision(weights) for one in self._classes.values()]).reshape(
            -1, len(AREAS), len(IOUS)
        )

    @property
    def categories(self) -> list[int]:
        """The numbers of the classes."""
        return list(self._classes)


class _Class:
    """All predicted masks of a class, highest score first."""

    def __init__(self, entries: Sequence[tuple[int, Matches]]) -> None:
        owner = np.concatenate([np.full(len(entry["scores"]), image) for image, entry in entries])
        scores = np.concatenate([np.asarray(entry["scores"], np.float64) for _, entry in entries])
        order = np.argsort(-scores, kind="stable")
        self._images = np.array([image for image, _ in entries])
        self._positives_EA = np.array([entry["positives"] for _, entry in entries], np.float64)
        self._owner = owner[order].astype(np.int64)
        matched, ignored = (
            np.concatenate([_by_area(entry[name]) for _, entry in entries], axis=1)
            for name in ("matched", "ignored")
        )
        bits = [(some[:, order][:, None] & _BITS[:, None]) > 0 for some in (matched, ignored)]
        self._hits_ATD, self._counts_ATD = bits[0] & ~bits[1], ~bits[1]

    def precision(self, weights: Floats) -> Floats:
        """(areas, IoUs): the mean over 101 recalls of the highest precision at that recall or above."""
        total_A = weights[self._images] @ self._positives_EA
        weight = weights[self._owner]
        right = np.cumsum(self._hits_ATD * weight, axis=2)
        counted = np.cumsum(self._counts_ATD * weight, axis=2)
        out = np.full(right.shape[:2], np.nan)
        for area in np.flatnonzero(total_A > 0):
            for column in range(len(IOUS)):
                out[area, column] = _interpolated(right[area, column], counted[area, column], total_A[area])
        return out


def _by_area(bits: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    return np.asarray(bits, np.int64).reshape(len(AREAS), -1)


def _interpolated(right: Floats, counted: Floats, total: float) -> float:
    precision = right / (counted + np.spacing(1))
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(right / total, RECALLS, side="left")
    return float(np.append(highest, 0)[places].mean())


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
