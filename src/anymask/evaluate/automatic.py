"""Automatic masks compared with annotated masks: recall, precision, boundaries, islands, coverage.

Protocol, for each image: automatic masks with the given settings, as a user gets them.
- "ar": share of annotated masks with an automatic mask of at least an IoU, mean over the IoUs 0.5, 0.55, ..
  0.95; "recall_50", "recall_75": the share at one IoU.
- "precision_50", "precision_75": share of automatic masks with such an IoU with an annotated mask. Since not
  every object is annotated, it serves to compare settings only. "f1_50", "f1_75": harmonic means of recall
  and precision over a data set.
- "unique_50": as "precision_50", but of several masks of one annotated mask a single one counts, so that near
  copies lower it; "f1_unique": with it instead of "precision_50".
- "boundary": boundary F of an annotated mask and its best automatic mask within 2 pixels at a longest side of
  1024 (at least 1 pixel), 0 without a mask of IoU 0.5; "outline": its mean over masks that have one.
- "islands": components of an automatic mask beyond the largest; "coverage": share of the image's pixels in
  any automatic mask; "masks" and "seconds" per image.
Unlabelled pixels are ignored. Figures are means over masks or images, intervals bootstraps over images, the
last row is the mean over data sets.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from anymask.errors import InputError
from anymask.evaluate.metrics import IOUS, Floats, Interval, Mask, boundary_f, interval
from anymask.evaluate.proposals import recalls as recalls_at
from anymask.evaluate.records import Progress, Records
from anymask.evaluate.report import Report, SetResult, machine, model_hash
from anymask.evaluate.simulated_clicks import Targets, read_targets
from anymask.files.reports.provenance import commit
from anymask.geometry import rle
from anymask.geometry.regions import components
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import automatic
from anymask.models import Sam
from anymask.types import Masks

__all__ = ["AutomaticConfig", "measure", "run"]

REACH = 2 / 1024
"""Distance of matching boundary pixels, as a share of the longest side of the image."""
FOUND = 0.5
"""Minimum IoU of an automatic mask with an annotated mask whose boundary it is compared with."""
STEPS = {"50": 0.5, "75": 0.75}
"""IoUs by the suffix of the figures."""


@dataclass(frozen=True)
class AutomaticConfig:
    """Settings of `run`. Raises InputError for invalid values."""

    points_per_side: int | None = None
    """Number of grid points along each side; None for the default of `AutoConfig`."""
    crop_layers: int | None = None
    """Number of layers of crops; None for the default."""
    refine: bool | None = None
    """Whether masks are refined in close-up crops; None for the default."""
    detector: str | None = None
    """See `AutoConfig`."""
    most_images: int | None = None
    """Maximum number of images per data set, the first ones; None for all."""
    seed: int = 0
    """Seed of the bootstrap."""
    resamples: int = 2000
    """Number of bootstrap samples."""

    @property
    def auto(self) -> AutoConfig:
        """The settings of mask generation."""
        return AutoConfig(
            points_per_side=self.points_per_side,
            crop_layers=self.crop_layers,
            refine=self.refine,
            detector=self.detector,
        )


Sums = Mapping[str, tuple[float, float]]
"""By figure: the sum over the masks of an image, or its value, and the number of masks, or 1."""


def measure(masks: Masks, targets: Targets, seconds: float = 0.0) -> Sums:
    """Sums and counts of all figures but f1 for the automatic masks of an image."""
    dense = [rle.decode(runs, masks.size) for runs in masks.rles]
    ious_NM = _ious(dense, targets)
    best_M, best_N = ious_NM.max(axis=0, initial=0.0), ious_NM.max(axis=1, initial=0.0)
    n, m = ious_NM.shape
    outlines = _outlines(dense, targets, ious_NM)
    covered = np.logical_or.reduce(dense) if n else np.zeros(masks.size, np.bool_)
    recalls = {f"recall_{name}": (float((best_M >= iou).sum()), m) for name, iou in STEPS.items()}
    precisions = {f"precision_{name}": (float((best_N >= iou).sum()), n) for name, iou in STEPS.items()}
    return {
        "ar": (float((best_M[:, None] >= IOUS).mean(axis=1).sum()), m),
        **recalls,
        **precisions,
        "unique_50": (float(recalls_at(ious_NM)[:, 0].sum()), n),
        "boundary": (sum(outlines), m),
        "outline": (sum(outlines), len(outlines)),
        "islands": (float(sum(max(components(mask)[1] - 1, 0) for mask in dense)), n),
        "coverage": (float(covered.mean()), 1),
        "masks": (n, 1),
        "seconds": (seconds, 1),
    }


def _ious(dense: Sequence[Mask], targets: Targets) -> Floats:
    """IoU (N, M) of automatic and annotated masks, without ignored pixels."""
    out = np.zeros((len(dense), len(targets.truths)))
    own = targets.truths.sum(axis=(1, 2))
    for row, mask in enumerate(dense):
        seen = mask if targets.ignore is None else mask & ~targets.ignore
        shared = (targets.truths & seen).sum(axis=(1, 2))
        out[row] = shared / np.maximum(own + np.count_nonzero(seen) - shared, 1)
    return out


def _outlines(dense: Sequence[Mask], targets: Targets, ious_NM: Floats) -> list[float]:
    """Boundary F of every annotated mask that is found."""
    reach = max(1.0, REACH * max(targets.truths.shape[1:]))
    return [
        boundary_f(dense[int(ious_NM[:, m].argmax())], truth, reach, targets.ignore)
        for m, truth in enumerate(targets.truths)
        if ious_NM[:, m].max(initial=0.0) >= FOUND
    ]


def run(
    model: Sam,
    datasets: Mapping[str, Records],
    config: AutomaticConfig | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate a model on named data sets (protocol: see the module).

    Corrupt images and those without a suitable mask are skipped. Raises InputError if none remains.
    """
    config, start = config or AutomaticConfig(), time.perf_counter()
    found: dict[str, list[Sums]] = {}
    for name, records in datasets.items():
        total = len(records) if config.most_images is None else min(len(records), config.most_images)
        rows = []
        for index in range(total):
            rows.append(_image_sums(model, records, index, config))
            if progress is not None:
                progress(name, index + 1, total)
        found[name] = [row for row in rows if row is not None]
    found = {name: rows for name, rows in found.items() if rows}
    if not found:
        raise InputError(
            f"datasets must hold a mask that counts, got none in {', '.join(sorted(datasets))}. Give others."
        )
    return _report(model, found, config, time.perf_counter() - start)


def _image_sums(model: Sam, records: Records, index: int, config: AutomaticConfig) -> Sums | None:
    found = read_targets(records, index)
    if found is None:
        return None
    _, image, targets = found
    start = time.perf_counter()
    masks = automatic(model, image, config.auto)
    return measure(masks, targets, time.perf_counter() - start)


def _report(
    model: Sam, found: Mapping[str, Sequence[Sums]], config: AutomaticConfig, seconds: float
) -> Report:
    draws = {name: _draws(rows, config) for name, rows in found.items()}
    mean = {
        key: np.mean([numbers[key] for numbers in draws.values()], axis=0)
        for key in next(iter(draws.values()))
    }
    facts: dict[str, Any] = {"commit": commit(), "machine": machine()}
    rows = [row for some in found.values() for row in some]
    results = tuple(_result(name, found[name], numbers) for name, numbers in draws.items())
    return Report(
        "automatic", asdict(config), model_hash(model), results, _result("mean", rows, mean), seconds, **facts
    )


def _draws(rows: Sequence[Sums], config: AutomaticConfig) -> dict[str, Floats]:
    """Figures (1 + R,) of all images of a data set, then of R bootstrap samples of them."""
    images, generator = len(rows), np.random.default_rng(config.seed)
    samples = generator.multinomial(images, np.full(images, 1 / images), size=config.resamples)
    weights = np.concatenate([np.ones((1, images)), samples])
    out = {}
    for key in rows[0]:
        sums, counts = (
            weights @ np.array(column, np.float64) for column in zip(*(row[key] for row in rows), strict=True)
        )
        out[key] = sums / np.maximum(counts, 1)
    return out


def _result(name: str, rows: Sequence[Sums], numbers: Mapping[str, Floats]) -> SetResult:
    """The figures with f1 and intervals."""
    f1 = {f"f1_{step}": _harmonic(numbers[f"recall_{step}"], numbers[f"precision_{step}"]) for step in STEPS}
    f1["f1_unique"] = _harmonic(numbers["recall_50"], numbers["unique_50"])
    intervals: dict[str, Interval] = {
        key: interval(float(values[0]), values[1:]) for key, values in {**f1, **numbers}.items()
    }
    masks = round(sum(row["ar"][1] for row in rows))
    return SetResult(name, len(rows), masks, intervals, sum(row["seconds"][0] for row in rows))


def _harmonic(a: Floats, b: Floats) -> Floats:
    return np.asarray(2 * a * b / np.maximum(a + b, 1e-9))
