"""Choice of thresholds for automatic masks: recall and precision of their candidates with many filters.

Protocol, for each image: compute all candidates of a grid once, then select masks with different filters.
- "best_iou": IoU of the best selected mask, per annotated mask; "recall_50": share of annotated masks with a
  best IoU of at least 0.5; "ar": mean of that share over the IoUs 0.5, 0.55, .. 0.95.
- "precision_50": share of selected masks with an IoU of at least 0.5 with an annotated mask. Since not every
  object is annotated, it serves to compare filters only.
- "masks": selected masks per image. "f1": harmonic mean of recall_50 and precision_50 over a data set.
Unlabelled pixels are ignored. Figures are means over masks; the last row is the mean over data sets.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anymask.errors import InputError
from anymask.evaluate.metrics import IOUS, Floats
from anymask.evaluate.records import Progress, Records
from anymask.evaluate.simulated_clicks import read_targets
from anymask.geometry import rle
from anymask.inference.mask_generation.candidates import Candidates
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.filters import explain
from anymask.inference.mask_generation.generate import candidates
from anymask.models.sam import Sam
from anymask.types import Record

__all__ = ["CandidateIous", "Figures", "Trial", "candidate_ious", "figures", "sweep"]


@dataclass(frozen=True)
class CandidateIous:
    """The candidates of one image and their IoUs with the annotated masks."""

    data: str
    """Name of the data set."""
    candidates: Candidates
    """All masks of the model."""
    ious: Floats
    """(N, M) IoU of every candidate with every annotated mask."""


@dataclass(frozen=True)
class Figures:
    """The figures of a selection of masks, see the module."""

    best_iou: float
    recall_50: float
    ar: float
    precision_50: float
    masks: float

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision at IoU 0.5."""
        return 2 * self.recall_50 * self.precision_50 / max(self.recall_50 + self.precision_50, 1e-9)


@dataclass(frozen=True)
class Trial:
    """Filters and their figures: by data set, and the mean over data sets."""

    config: AutoConfig
    sets: Mapping[str, Figures]
    mean: Figures


def candidate_ious(
    model: Sam,
    datasets: Mapping[str, Records],
    config: AutoConfig | None = None,
    *,
    most_images: int | None = None,
    progress: Progress | None = None,
) -> list[CandidateIous]:
    """Compute the candidates of all images; corrupt images and those without suitable masks are skipped.

    `config` sets points and crops; its thresholds are ignored, all masks are kept. Raises InputError if no
    image remains.
    """
    keep_all = replace(
        config or AutoConfig(), min_iou=0.0, min_stability=0.0, floor_iou=0.0, floor_stability=0.0
    )
    found = []
    for name, records in datasets.items():
        count = len(records) if most_images is None else min(len(records), most_images)
        for index in range(count):
            if progress is not None:
                progress(name, index + 1, count)
            one = _image_ious(model, name, records, index, keep_all)
            if one is not None:
                found.append(one)
    if not found:
        raise InputError(
            f"datasets must hold a mask that counts, got none in {', '.join(sorted(datasets))}. Give others."
        )
    return found


def _image_ious(
    model: Sam, name: str, records: Records, index: int, config: AutoConfig
) -> CandidateIous | None:
    found = read_targets(records, index)
    if found is None:
        return None
    record, image, targets = found
    truths = [rle.encode(mask) for mask in targets.truths]
    pool = candidates(model, image, config)
    return CandidateIous(name, pool, _ious(pool, truths, record))


def _ious(found: Candidates, truths: Sequence[rle.Runs], record: Record) -> Floats:
    """IoU (N, M) of candidates and annotated masks, without ignored pixels."""
    masks = found.masks
    shared = rle.intersection(masks.rles, truths, masks.size).astype(np.float64)
    areas = found.areas.astype(np.float64)
    if record.ignore is not None:
        areas -= rle.intersection(masks.rles, [record.ignore], masks.size)[:, 0]
    own = np.array([rle.area(truth) for truth in truths])
    return np.asarray(shared / np.maximum(areas[:, None] + own - shared, 1))


def figures(images: Sequence[CandidateIous], config: AutoConfig) -> Figures:
    """The figures of the filters of `config` on images of one data set."""
    best, right, count = [np.zeros(0)], 0, 0
    for image in images:
        ious = image.ious[explain(image.candidates, config) == ""]
        best.append(ious.max(axis=0, initial=0.0))
        right += int((ious.max(axis=1, initial=0.0) >= IOUS[0]).sum())
        count += len(ious)
    ious_M = np.concatenate(best)
    return Figures(
        best_iou=float(ious_M.mean()),
        recall_50=float((ious_M >= IOUS[0]).mean()),
        ar=float((ious_M[:, None] >= IOUS).mean()),
        precision_50=right / max(count, 1),
        masks=count / len(images),
    )


def sweep(
    images: Sequence[CandidateIous], min_iou: Sequence[float], min_stability: Sequence[float]
) -> list[Trial]:
    """Try every pair of thresholds; trials in order of decreasing mean `f1`."""
    names = sorted({image.data for image in images})
    trials = []
    for least_iou, least_stability in itertools.product(min_iou, min_stability):
        config = AutoConfig(min_iou=least_iou, min_stability=least_stability)
        sets = {name: figures([it for it in images if it.data == name], config) for name in names}
        trials.append(Trial(config, sets, _mean(list(sets.values()))))
    return sorted(trials, key=lambda trial: -trial.mean.f1)


def _mean(sets: Sequence[Figures]) -> Figures:
    rows = np.array([[it.best_iou, it.recall_50, it.ar, it.precision_50, it.masks] for it in sets])
    return Figures(*rows.mean(axis=0).tolist())
