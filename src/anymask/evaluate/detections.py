"""An object detector compared with annotated masks: recall and precision of its boxes.

Protocol, for each image: the boxes of the detector in the whole image, best first, and those of the annotated
masks to be found (`choose_targets`); without classes.
- "ar_10", "ar_100": share of annotated boxes that are matched by one of the 10 or 100 best boxes of an image,
  mean over the IoUs 0.5, 0.55, .. 0.95; "recall_50": the share at 0.5 with 100 boxes.
- "ap", "ap_50": average precision over the same IoUs, and at 0.5, with 100 boxes, as of the COCO API. Since
  not every object is annotated, it serves to compare detectors only.
Figures are means over annotated boxes; the mean over data sets is the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import InputError
from anymask.evaluate.coco_ap import AveragePrecision, Detections, Matches, Truths, match
from anymask.evaluate.proposals import recalls
from anymask.evaluate.records import Records
from anymask.evaluate.simulated_clicks import read_targets
from anymask.geometry import rle
from anymask.inference.mask_generation.objects import detect_objects
from anymask.inference.promptable.predict import embed
from anymask.models.protocol import ObjectDetector, Promptable

__all__ = ["FIGURES", "run"]

FIGURES = ("ap", "ap_50", "ar_10", "ar_100", "recall_50")
MOST = 100
"""Boxes of an image."""
FEW = 10
Found: TypeAlias = tuple[list[Matches], NDArray[np.bool_], NDArray[np.bool_]]
"""The matches of an image, and which annotated boxes (M, 10) are found by 10 and by 100 boxes at each IoU."""


def run(
    model: Promptable,
    detector: ObjectDetector,
    datasets: Mapping[str, Records],
    most_images: int | None = None,
) -> dict[str, dict[str, float]]:
    """The figures of each data set, and of "mean" (protocol: see the module).

    Corrupt images and those without a suitable mask are skipped. Raises InputError if none remains.
    """
    figures = {}
    for name, records in datasets.items():
        total = len(records) if most_images is None else min(len(records), most_images)
        images = [_of_image(model, detector, records, index) for index in range(total)]
        kept = [image for image in images if image is not None]
        if kept:
            figures[name] = _figures(kept)
    if not figures:
        raise InputError(
            f"datasets must hold a mask that counts, got none in {', '.join(sorted(datasets))}. Give others."
        )
    means = {name: float(np.mean([one[name] for one in figures.values()])) for name in FIGURES}
    return {**figures, "mean": means}


def _of_image(model: Promptable, detector: ObjectDetector, records: Records, index: int) -> Found | None:
    found = read_targets(records, index)
    if found is None:
        return None
    record, image, targets = found
    truths, size = targets.truths, record.masks.size
    boxes, scores = detect_objects(detector, embed(model, image), MOST)
    given, own = [_rectangle(box, size) for box in boxes], [_rectangle(_box(mask), size) for mask in truths]
    ious_NM = rle.iou(given, own)
    one, each = np.zeros(len(given), np.int64), np.zeros(len(own), np.int64)
    areas = np.array([rle.area(runs) for runs in own], np.float64)
    pair = Truths(own, each, areas, each > 0), Detections(given, one, scores.astype(np.float64))
    return match(*pair, most=MOST), recalls(ious_NM[:FEW]), recalls(ious_NM)


def _box(truth: NDArray[np.bool_]) -> list[int]:
    rows, columns = (np.flatnonzero(truth.any(axis=axis)) for axis in (1, 0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def _rectangle(box: ArrayLike, size: tuple[int, int]) -> rle.Runs:
    """A box as a mask, so that boxes are matched by the rules for masks."""
    x0, y0, x1, y1 = np.rint(box).astype(int)
    return rle.encode_region(np.ones((y1 - y0, x1 - x0), np.bool_), (x0, y0), size)


def _figures(images: Sequence[Found]) -> dict[str, float]:
    precision = AveragePrecision([matches for matches, _, _ in images])()
    few, many = (np.concatenate([image[place] for image in images]) for place in (1, 2))
    return {
        "ap": precision["all"],
        "ap_50": precision["ap_50"],
        "ar_10": float(few.mean()),
        "ar_100": float(many.mean()),
        "recall_50": float(many[:, 0].mean()),
    }
