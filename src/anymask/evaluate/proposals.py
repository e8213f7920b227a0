"""Object proposals: average recall (AR) of annotated masks by size and category frequency (SAM, section 7.3).

Protocol, for each image: `proposals` of the model, best first; without classes. At each IoU threshold 0.5,
0.55, .. 0.95, proposals in this order are matched to the remaining annotated mask of the highest IoU above
the threshold. Recall is the share of matched masks, AR its mean over the thresholds.
- "ar_10", "ar_100", "ar_1000": with this number of proposals; "ar_<n>" for the configured number.
- "small", "medium", "large": with all proposals, masks below 32 x 32 pixels, up to 96 x 96, and larger, by
  the area that the annotation file states, if it does.
- "rare", "common", "frequent": by the frequency of a mask's category, if the file has it (LVIS).
Figures are means over masks, intervals bootstraps over images. Unmatched proposals are not penalised, since
not every object is annotated.
Source of the rules: the COCO API (`COCOeval` without categories), which gives the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.evaluate.metrics import IOUS, Floats, bootstrap_ci, mean_over_sets
from anymask.evaluate.records import Progress, Records, read_record
from anymask.evaluate.report import Report, SetResult, machine, model_hash
from anymask.files.reports.provenance import commit
from anymask.geometry import rle
from anymask.inference.mask_generation.proposals import PROPOSALS, proposals
from anymask.models.sam import Sam
from anymask.types import Record

__all__ = ["PUBLISHED", "ProposalsConfig", "recalls", "run"]

PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "SAM ViT-H, LVIS v1": {
        "ar_1000": 0.593, "small": 0.455, "medium": 0.816, "large": 0.869,
        "frequent": 0.591, "common": 0.639, "rare": 0.658,
    },
    "ViTDet-H, LVIS v1": {"ar_1000": 0.630},
}  # fmt: skip
"""Figures of the papers (SAM, table 4)."""
SIZES = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1 << 62)}
"""Areas in pixels, both ends included, as in the COCO API."""
RARITY = {"r": "rare", "c": "common", "f": "frequent"}
COUNTS = (10, 100)

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class ProposalsConfig:
    """Settings of `run`. Raises InputError for invalid values."""

    count: int = 1000
    """Number of proposals per image."""
    points_per_side: int = 64
    """Number of grid points along each side, see `anymask.proposals`."""
    most_images: int | None = None
    """Maximum number of images per data set, the first ones; None for all."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        """Check the values."""
        if self.count < 1:
            raise InputError(f"count must be 1 or more, got {self.count}. The paper uses 1000.")


def recalls(ious_NM: Floats) -> Bools:
    """Which masks are matched at each of the IoU thresholds, (M, 10), by N proposals, best first."""
    masks = ious_NM.shape[1]
    taken = np.zeros((masks, len(IOUS)), np.bool_)
    for column, least in enumerate(IOUS):
        for row in np.flatnonzero((ious_NM >= least).any(axis=1)) if masks else ():
            free = np.where(taken[:, column], -1.0, ious_NM[row])
            best = masks - 1 - int(free[::-1].argmax())  # of equal ones the last, as in the COCO API
            if free[best] >= least:
                taken[best, column] = True
    return taken


def run(
    model: Sam,
    datasets: Mapping[str, Records],
    config: ProposalsConfig | None = None,
    progress: Progress | None = None,
    *,
    frequencies: Mapping[str, str] | None = None,
) -> Report:
    """Evaluate a model on named data sets (protocol: see the module).

    `frequencies` maps categories to "r", "c" or "f". Corrupt images and those without a mask are skipped.
    Raises InputError if none remains.
    """
    config, start = config or ProposalsConfig(), time.perf_counter()
    found: dict[str, list[dict[str, Floats]]] = {}
    for name, records in datasets.items():
        total = len(records) if config.most_images is None else min(len(records), config.most_images)
        rows = []
        for index in range(total):
            rows.append(_of_image(model, records, index, config, frequencies or {}))
            if progress is not None:
                progress(name, index + 1, total)
        found[name] = [row for row in rows if row is not None]
    found = {name: rows for name, rows in found.items() if rows}
    if not found:
        raise InputError(
            f"datasets must hold a mask, got none in {', '.join(sorted(datasets))}. Give others."
        )
    seconds = time.perf_counter() - start
    return Report(
        protocol="proposals",
        config=asdict(config),
        model=model_hash(model),
        sets=tuple(_result(name, rows, config, seconds) for name, rows in found.items()),
        mean=_mean(found, config, seconds),
        seconds=seconds,
        commit=commit(),
        machine=machine(),
        published=PUBLISHED,
    )


def _of_image(
    model: Sam, records: Records, index: int, config: ProposalsConfig, frequencies: Mapping[str, str]
) -> dict[str, Floats] | None:
    """The recall of every mask of an image for each figure, None without masks."""
    found = read_record(records, index)
    if found is None:
        return None
    record, image = found
    settings = replace(PROPOSALS, points_per_side=config.points_per_side)
    if not len(record.masks):
        return None
    answer = proposals(model, image, config.count, settings)
    ious = rle.iou(answer.rles, record.masks.rles, record.masks.size)
    return image_recalls(ious, record, config.count, frequencies)


def image_recalls(
    ious_NM: Floats, record: Record, count: int, frequencies: Mapping[str, str]
) -> dict[str, Floats]:
    """Recall of the masks of a record by figure, from its IoUs with N proposals, best first.

    Groups are matched separately: a proposal can match masks of two groups.
    """
    counts = sorted({*(few for few in COUNTS if few < count), count})
    out = {f"ar_{few}": recalls(ious_NM[:few]).mean(axis=1) for few in counts}
    areas = np.asarray(record.meta.get("areas", record.masks.areas))
    groups = [(size, _between(areas, *ends)) for size, ends in SIZES.items()]
    if frequencies:
        categories = record.meta.get("categories", [""] * len(record.masks))
        rarity = np.array([frequencies.get(name, "") for name in categories])
        groups += [(name, np.asarray(rarity == letter)) for letter, name in RARITY.items()]
    return out | {name: recalls(ious_NM[:, members]).mean(axis=1) for name, members in groups}


def _between(areas: NDArray[Any], low: int, high: int) -> Bools:
    return np.asarray((areas >= low) & (areas <= high), np.bool_)


def _sums(rows: Sequence[Mapping[str, Floats]], figure: str) -> tuple[Floats, Floats]:
    """Sums and counts of masks per image."""
    return (
        np.array([row[figure].sum() for row in rows]),
        np.array([row[figure].size for row in rows], np.float64),
    )


def _result(
    name: str, rows: Sequence[Mapping[str, Floats]], config: ProposalsConfig, seconds: float
) -> SetResult:
    generator = np.random.default_rng(config.seed)
    numbers = {figure: bootstrap_ci(*_sums(rows, figure), generator) for figure in rows[0]}
    return SetResult(name, len(rows), _masks(rows), numbers, seconds)


def _masks(rows: Sequence[Mapping[str, Floats]]) -> int:
    """The total number of masks; the first figure, an AR, covers all masks."""
    return sum(next(iter(row.values())).size for row in rows)


def _mean(
    found: Mapping[str, Sequence[Mapping[str, Floats]]], config: ProposalsConfig, seconds: float
) -> SetResult:
    generator, figures = np.random.default_rng(config.seed), next(iter(found.values()))[0]
    numbers = {
        figure: mean_over_sets({name: _sums(rows, figure) for name, rows in found.items()}, generator)
        for figure in figures
    }
    rows = [row for some in found.values() for row in some]
    return SetResult("mean", len(rows), _masks(rows), numbers, seconds)
