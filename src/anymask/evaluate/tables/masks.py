"""SAM, tables 3, 4 and 5: edges on BSDS500, proposals on LVIS, instances from a detector's boxes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.coco_ap import AveragePrecision, Detections, Truths, match
from anymask.evaluate.edge_matching import require_scipy
from anymask.evaluate.edges import AnnotatedEdges, EdgeFolder, EdgesConfig, canny, counts, figures, sobel
from anymask.evaluate.proposals import image_recalls
from anymask.evaluate.tables.coco_truth import CocoTruth, read_boxes
from anymask.evaluate.tables.models import PromptModel
from anymask.evaluate.tables.points import read_pixels
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet, Weights, means
from anymask.geometry import rle
from anymask.types import Masks, Prompt, Record

__all__ = ["EDGE_SETS", "INSTANCE_SETS", "PROPOSAL_SETS", "Pictured", "measure_proposals"]

PROPOSALS = 1000
"""Proposals for each image."""


# Edges


def _open_edges(root: Path) -> Items:
    require_scipy("sparse")
    folder = EdgeFolder(root)
    return Items([image.stem for image, _ in folder.pairs], folder.__getitem__)


def _edge_row(strength: NDArray[np.float32], one: AnnotatedEdges) -> Row:
    return {"counts": counts(strength, one.annotated, EdgesConfig()).tolist()}


def _edge_figures(rows: Sequence[Row]) -> Figures:
    counts_IT4 = np.array([row["counts"] for row in rows], np.float64)
    return lambda weights: figures(counts_IT4, weights)


def _edge_set(name: str, measure: Callable[[PromptModel, AnnotatedEdges], Row]) -> TableSet:
    return TableSet(
        name=name,
        home="eecs.berkeley.edu/Research/Projects/CS/vision/grouping (BSR_bsds500.tgz)",
        size="70 MB",
        licence="research only",
        folders=("BSR/BSDS500", "BSDS500", "BSDS"),
        needs=("data/images/test/*.jpg", "data/groundTruth/test/*.mat"),
        open=_open_edges,
        measure=measure,
        figures=_edge_figures,
        resamples=200,
    )


EDGE_SETS = (
    _edge_set("BSDS500", lambda model, one: _edge_row(model.edges(one.image), one)),
    _edge_set("BSDS500, Sobel", lambda _, one: _edge_row(sobel(one.image), one)),
    _edge_set("BSDS500, Canny", lambda _, one: _edge_row(canny(one.image), one)),
)


# Proposals


@dataclass(frozen=True)
class Pictured:
    """An image with its masks, and how frequent its categories are."""

    record: Record
    frequencies: Mapping[str, str]


def _open_lvis(root: Path) -> Items:
    truth = CocoTruth(root / "lvis_v1_val.json", root, areas=True)
    names, letters = truth.categories("name"), truth.categories("frequency")
    frequencies = {names[number]: letter for number, letter in letters.items()}
    return truth.items(lambda place: Pictured(truth.record(place), frequencies))


def measure_proposals(model: PromptModel, one: Pictured) -> Row:
    """The recall of each annotated mask, by group."""
    record = one.record
    if not len(record.masks):
        return {}
    found = model.proposals(read_pixels(record), PROPOSALS)
    ious = rle.iou(found.rles, record.masks.rles, record.masks.size)
    recalled = image_recalls(ious, record, PROPOSALS, one.frequencies)
    return {name: values.tolist() for name, values in recalled.items()}


PROPOSAL_SETS = (
    TableSet(
        name="LVIS v1 val",
        home="lvisdataset.org; images: cocodataset.org (val2017, train2017)",
        size="0.2 GB, images 19 GB",
        licence="CC BY 4.0; images of Flickr's terms",
        folders=("LVIS", "lvis", "coco", "."),
        needs=("lvis_v1_val.json", "val2017"),
        open=_open_lvis,
        measure=measure_proposals,
        figures=means,
    ),
)


# Instances from boxes


@dataclass(frozen=True)
class _Boxes:
    """An image with its truth and the boxes of a detector, highest score first."""

    record: Record
    boxes_xywh: NDArray[np.float32]
    scores: NDArray[np.float64]
    categories: NDArray[np.int64]
    unjudged: frozenset[int] = frozenset()


def measure_instances(model: PromptModel, one: _Boxes, most: int | None) -> Row:
    """Masks of all boxes, refined once with the mask and the box (appendix D.4), and their matches."""
    record, size = one.record, one.record.masks.size
    corners = np.concatenate([one.boxes_xywh[:, :2], one.boxes_xywh[:, :2] + one.boxes_xywh[:, 2:]], axis=1)
    found = _refined(model, record, corners) if len(corners) else Masks(size, ())
    labels = np.zeros(0, np.int64) if record.masks.labels is None else record.masks.labels
    truths = Truths(
        runs=record.masks.rles,
        categories=labels,
        areas=np.asarray(record.meta.get("areas", record.masks.areas), np.float64),
        crowds=np.asarray(record.meta.get("crowds", [False] * len(labels)), np.bool_),
    )
    detections = Detections(found.rles, one.categories, one.scores)
    return {"classes": match(truths, detections, most=most, unjudged=one.unjudged)}


def _refined(model: PromptModel, record: Record, corners: NDArray[np.float32]) -> Masks:
    session = model.open(read_pixels(record))
    first = session([Prompt(box=box) for box in corners], multimask=False)
    if first.logits is None:
        return first
    prompts = [Prompt(box=box, mask=mask) for box, mask in zip(corners, first.logits, strict=True)]
    return session(prompts, multimask=False)


def _ap_figures(rows: Sequence[Row]) -> Figures:
    measure = AveragePrecision([row["classes"] for row in rows])

    def of(weights: Weights) -> Mapping[str, float]:
        found = measure(weights)
        return {"ap": found.pop("all"), **found}

    return of


def _open_boxes(truth: str, detections: str, *, per_image: int | None) -> Callable[[Path], Items]:
    def open_(root: Path) -> Items:
        file = CocoTruth(root / truth, root, crowds=True, areas=True)
        found = read_boxes(root / detections, file.numbers, file.categories("name"))

        def read(place: int) -> _Boxes:
            record, own = file.record(place), found.of_image.get(file.numbers[place], [])
            unjudged = frozenset[int]()
            if "neg_category_ids" in file.image(place):  # LVIS: classes that nobody looked for do not count
                labels = [] if record.masks.labels is None else record.masks.labels.tolist()
                judged = {*file.listed(place, "neg_category_ids"), *labels}
                own = [one for one in own[:per_image] if one.category in judged]
                unjudged = frozenset(file.listed(place, "not_exhaustive_category_ids"))
            return _Boxes(
                record,
                np.array([one.xywh for one in own], np.float32).reshape(-1, 4),
                np.array([one.score for one in own], np.float64),
                np.array([one.category for one in own], np.int64),
                unjudged,
            )

        return file.items(read, found.notes)

    return open_


INSTANCE_SETS = (
    TableSet(
        name="COCO val2017",
        home="cocodataset.org; detections: of ViTDet-H, from a run of detectron2",
        size="1 GB",
        licence="CC BY 4.0; images of Flickr's terms",
        folders=("coco", "COCO", "."),
        needs=("annotations/instances_val2017.json", "val2017", "detections/coco_val2017.json"),
        open=_open_boxes(
            "annotations/instances_val2017.json", "detections/coco_val2017.json", per_image=None
        ),
        measure=lambda model, one: measure_instances(model, one, 100),
        figures=_ap_figures,
        resamples=50,
    ),
    replace(
        PROPOSAL_SETS[0],
        needs=("lvis_v1_val.json", "val2017", "detections/lvis_v1_val.json"),
        open=_open_boxes("lvis_v1_val.json", "detections/lvis_v1_val.json", per_image=300),
        measure=lambda model, one: measure_instances(model, one, None),
        figures=_ap_figures,
        resamples=20,
    ),
)
