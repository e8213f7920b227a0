"""SegGPT, table 6: panoptic quality on COCO, of predictions in COCO's panoptic form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError
from anymask.evaluate.panoptic import Segment, Segments, match_segments, quality
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet
from anymask.formats import json_fields
from anymask.images.read import read_image

__all__ = ["PANOPTIC_SETS"]

TRUTH, FOUND = "annotations/panoptic_val2017", "predictions/panoptic_val2017"


@dataclass(frozen=True)
class Pair:
    """The annotation and the prediction of an image."""

    truth: Segments
    found: Segments
    things: tuple[int, ...]


def _open(root: Path) -> Items:
    document = json_fields.load_json(root / f"{TRUTH}.json")
    categories = {one["id"]: bool(one.get("isthing", 1)) for one in document.get("categories", [])}
    truths = _by_image(document, root / f"{TRUTH}.json")
    path = root / f"{FOUND}.json"
    found = _by_image(json_fields.load_json(path), path)
    lacking = sorted(truths.keys() ^ found.keys())
    if lacking:
        raise FormatError(
            f"{path} must have a prediction of every image and of no other, got image_id {lacking[0]} on one "
            "side only. Give the predictions of this data set."
        )
    things = tuple(number for number, is_thing in categories.items() if is_thing)
    ids = sorted(truths)

    def read(index: int) -> Pair:
        pair = [
            _segments(one[ids[index]], root / folder, categories)
            for one, folder in ((truths, TRUTH), (found, FOUND))
        ]
        return Pair(pair[0], pair[1], things)

    return Items([str(id) for id in ids], read)


def _by_image(document: Mapping[str, Any], path: Path) -> dict[int, Mapping[str, Any]]:
    entries = json_fields.field(document, "annotations", list, path.name)
    return {json_fields.field(one, "image_id", int, f"annotation of {path.name}"): one for one in entries}


def _segments(entry: Mapping[str, Any], folder: Path, categories: Mapping[int, bool]) -> Segments:
    path = folder / json_fields.inner_path(json_fields.field(entry, "file_name", str, "annotation"))
    colours = read_image(path).astype(np.int64)
    of_number = {}
    for info in json_fields.field(entry, "segments_info", list, f"annotation of {path.name}"):
        category = info.get("category_id")
        if category not in categories:
            raise FormatError(
                f"category_id of segment {info.get('id')} of {path} must be known, got {category}."
            )
        of_number[int(info["id"])] = Segment(category, int(info.get("area", 0)), bool(info.get("iscrowd", 0)))
    return Segments(colours @ np.array([1, 256, 65536]), of_number, str(path))


def measure(_: object, pair: Pair) -> Row:
    """The matches of an image by class."""
    return {**match_segments(pair.truth, pair.found), "things": list(pair.things)}


def figures(rows: Sequence[Row]) -> Figures:
    """PQ, SQ and RQ."""
    things = frozenset(rows[0]["things"])
    return lambda weights: quality(rows, things, weights)


PANOPTIC_SETS = (
    TableSet(
        name="COCO panoptic val2017, predicted PNGs",
        home="cocodataset.org (panoptic annotations of 2017)",
        size="830 MB",
        licence="CC BY 4.0",
        folders=("coco", "COCO", "datasets/coco", "."),
        needs=(f"{TRUTH}.json", TRUTH, f"{FOUND}.json", FOUND),
        open=_open,
        measure=measure,
        figures=figures,
        note="Predictions of any method in COCO's panoptic form; painting and merging by Painter's palettes "
        "is not part of the command.",
        resamples=50,
    ),
)
