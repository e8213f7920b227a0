"""SAM, section 7.5: masks for texts, on the categories of COCO and LVIS.

The paper shows examples and gives no figures. Here each category of an image is a text; so are the other
categories of the data set (COCO), or those that LVIS says are not in the image, to count false alarms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anymask.evaluate.tables.coco_truth import CocoTruth
from anymask.evaluate.tables.models import PromptModel
from anymask.evaluate.tables.points import read_pixels
from anymask.evaluate.tables.table import Items, Row, TableSet, means
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["TEXT_SETS", "measure_texts"]

MOST_ABSENT = 100
"""Maximum number of texts for an image that name nothing in it, the first by number."""
FOUND = 0.5
"""IoU above which a text counts as found."""


@dataclass(frozen=True)
class Named:
    """An image with its masks, and names of categories that it does not show."""

    record: Record
    absent: tuple[str, ...]


def measure_texts(model: PromptModel, one: Named) -> Row:
    """For each text that the model takes: the IoU of all that it finds with all masks of the category.

    "found" is whether that is above a half; "false_alarms" whether a text of nothing finds anything.
    Ignored pixels do not count.
    """
    record = one.record
    names = list(record.meta.get("categories") or [])
    texts = [*dict.fromkeys(names), *one.absent]
    if not texts:
        return {}
    answers = model.texts(read_pixels(record), texts)
    ious: list[float] = []
    alarms: list[float] = []
    for text, answer in zip(texts, answers, strict=True):
        rows = [row for row, name in enumerate(names) if name == text]
        if answer is None:
            continue
        if rows:
            ious.append(_union_iou(answer, record.masks[rows], record.ignore))
        else:
            alarms.append(float(len(answer) > 0))
    return {"iou": ious, "found": [float(iou > FOUND) for iou in ious], "false_alarms": alarms}


def _union_iou(answer: Masks, truth: Masks, ignore: rle.Runs | None) -> float:
    """IoU of the unions, without ignored pixels; 0 where both are empty."""
    size = truth.size
    found, true = (rle.decode(rle.union(one.rles, size), size) for one in (answer, truth))
    seen = np.ones(size, np.bool_) if ignore is None else ~rle.decode(ignore, size)
    either = np.count_nonzero((found | true) & seen)
    return np.count_nonzero(found & true & seen) / either if either else 0.0


def _open(truth: str) -> Callable[[Path], Items]:
    def open_(root: Path) -> Items:
        file = CocoTruth(root / truth, root)
        names = file.categories("name")

        def read(place: int) -> Named:
            record = file.record(place)
            asked: Sequence[int] = list(names)
            if "neg_category_ids" in file.image(place):
                asked = [one for one in file.listed(place, "neg_category_ids") if one in names]
            shown = set(record.meta.get("categories") or ())
            others = [names[one] for one in asked if names[one] not in shown]
            return Named(record, tuple(others[:MOST_ABSENT]))

        return file.items(read)

    return open_


_TERMS = "CC BY 4.0; images of Flickr's terms"
TEXT_SETS = (
    TableSet(
        name="COCO val2017",
        home="cocodataset.org",
        size="1 GB",
        licence=_TERMS,
        folders=("coco", "COCO", "."),
        needs=("annotations/instances_val2017.json", "val2017"),
        open=_open("annotations/instances_val2017.json"),
        measure=measure_texts,
        figures=means,
    ),
    TableSet(
        name="LVIS v1 val",
        home="lvisdataset.org; images: cocodataset.org (val2017, train2017)",
        size="0.2 GB, images 19 GB",
        licence=_TERMS,
        folders=("LVIS", "lvis", "coco", "."),
        needs=("lvis_v1_val.json", "val2017"),
        open=_open("lvis_v1_val.json"),
        measure=measure_texts,
        figures=means,
        note="False alarms only for the categories that LVIS says are not in an image.",
    ),
)
