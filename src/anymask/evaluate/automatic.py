"""Masks of everything against the masks that people drew (mean best IoU, recall, AR, precision).

Protocol, for every picture: ask at a grid, keep all candidates, choose among them by the filters at trial.
- "best_iou": for each annotated mask the IoU of the best mask chosen; "recall_50" the share of them
  that have one of at least 0.5; "ar" the mean share over IoU 0.5, 0.55, .. 0.95.
- "precision_50": the share of the masks chosen that overlap an annotated one by at least 0.5. Not everything
  in a picture is annotated, so it compares filters and says little by itself.
- "masks": masks chosen per picture. "f1": harmonic mean of recall_50 and precision_50, for a whole set.
Pixels that nobody labelled count for no side. Figures are means over masks; the last row is over sets.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anymask.errors import InputError
from anymask.evaluate.clicks import ClicksConfig, choose_targets
from anymask.evaluate.metrics import Floats
from anymask.evaluate.success_images import Progress, Records, opened
from anymask.geometry import rle
from anymask.inference.mask_generation.candidates import Candidates
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.filters import explain
from anymask.inference.mask_generation.generate import candidates
from anymask.models.sam import Sam
from anymask.types import Record

__all__ = ["Figures", "Picture", "Trial", "figures", "look", "sweep"]

IOUS = np.arange(0.5, 1.0, 0.05)
"""Over which recall is averaged."""


@dataclass(frozen=True)
class Picture:
    """One picture's candidates and how they fit what is annotated."""

    data: str
    """The set."""
    candidates: Candidates
    """All masks of the model."""
    ious: Floats
    """(N, M) of every candidate with every annotated mask."""


@dataclass(frozen=True)
class Figures:
    """What a choice of masks scores, see the module."""

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
    """Filters and their figures: by set, and the mean over sets."""

    config: AutoConfig
    sets: Mapping[str, Figures]
    mean: Figures


def look(
    model: Sam,
    datasets: Mapping[str, Records],
    config: AutoConfig | None = None,
    *,
    most_images: int | None = None,
    progress: Progress | None = None,
) -> list[Picture]:
    """Ask the model at every picture; damaged ones and those without a mask that counts are left out.

    `config` says where to ask; its thresholds are not used, every mask is kept. Raises InputError when no
    picture is left.
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
            picture = _look(model, name, records, index, keep_all)
            if picture is not None:
                found.append(picture)
    if not found:
        raise InputError(
            f"datasets must hold a mask that counts, got none in {sorted(datasets)}. Give others."
        )
    return found


def _look(model: Sam, name: str, records: Records, index: int, config: AutoConfig) -> Picture | None:
    found = opened(records, index)
    if found is None:
        return None
    record, image = found
    rules = ClicksConfig(most_masks=None)
    generator = np.random.default_rng(zlib.crc32(record.id.encode()))
    truths = [rle.encode(mask) for mask in choose_targets(record, rules, generator).truths]
    if not truths:
        return None
    pool = candidates(model, image, config)
    return Picture(name, pool, _ious(pool, truths, record))


def _ious(found: Candidates, truths: Sequence[rle.Runs], record: Record) -> Floats:
    """IoU (N, M) of candidates and annotated masks where somebody labelled."""
    masks = found.masks
    shared = rle.intersection(masks.rles, truths, masks.size).astype(np.float64)
    areas = found.areas.astype(np.float64)
    if record.ignore is not None:
        areas -= rle.intersection(masks.rles, [record.ignore], masks.size)[:, 0]
    own = np.array([rle.area(truth) for truth in truths])
    return np.asarray(shared / np.maximum(areas[:, None] + own - shared, 1))


def figures(pictures: Sequence[Picture], config: AutoConfig) -> Figures:
    """What the filters of `config` score on pictures of one set."""
    best, right, count = [np.zeros(0)], 0, 0
    for picture in pictures:
        ious = picture.ious[explain(picture.candidates, config) == ""]
        best.append(ious.max(axis=0, initial=0.0))
        right += int((ious.max(axis=1, initial=0.0) >= IOUS[0]).sum())
        count += len(ious)
    ious_M = np.concatenate(best)
    return Figures(
        best_iou=float(ious_M.mean()),
        recall_50=float((ious_M >= IOUS[0]).mean()),
        ar=float((ious_M[:, None] >= IOUS).mean()),
        precision_50=right / max(count, 1),
        masks=count / len(pictures),
    )


def sweep(
    pictures: Sequence[Picture], min_iou: Sequence[float], min_stability: Sequence[float]
) -> list[Trial]:
    """Try every pair of thresholds; the trials in order of falling mean `f1`."""
    names = sorted({picture.data for picture in pictures})
    trials = []
    for least_iou, least_stability in itertools.product(min_iou, min_stability):
        config = AutoConfig(min_iou=least_iou, min_stability=least_stability)
        sets = {name: figures([it for it in pictures if it.data == name], config) for name in names}
        trials.append(Trial(config, sets, _mean(list(sets.values()))))
    return sorted(trials, key=lambda trial: -trial.mean.f1)


def _mean(sets: Sequence[Figures]) -> Figures:
    rows = np.array([[it.best_iou, it.recall_50, it.ar, it.precision_50, it.masks] for it in sets])
    return Figures(*rows.mean(axis=0).tolist())
