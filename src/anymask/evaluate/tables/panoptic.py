"""SegGPT, table 6: panoptic quality on COCO, of predictions in COCO's panoptic form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.panoptic import Segment, Segments, match_segments, quality, segment_pixels
from anymask.evaluate.tables.stated_areas import ODD_AREAS
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet
from anymask.formats import json_fields
from anymask.images.read import open_image, read_image

__all__ = ["PREDICTED", "TRUTH", "by_image", "categories_of", "figures", "matches", "segments_of"]

TRUTH, FOUND = "annotations/panoptic_val2017", "predictions/panoptic_val2017"


@dataclass(frozen=True)
class Pair:
    """The annotation and the prediction of an image."""

    truth: Segments
    found: Segments
    things: tuple[int, ...]


def _open(root: Path) -> Items:
    path, predicted = root / f"{TRUTH}.json", root / f"{FOUND}.json"
    document = json_fields.load_json(path)
    categories = categories_of(document, path)
    truths = by_image(document, path)
    found = by_image(json_fields.load_json(predicted), predicted)
    lacking = sorted(truths.keys() ^ found.keys())
    if lacking:
        lacks = predicted if lacking[0] in truths else path
        raise FormatError(
            f"{predicted} must have a prediction of every image and of no other, got image_id {lacking[0]}, "
            f"which is not in {lacks}. Give the predictions of this data set."
        )
    things = tuple(number for number, is_thing in categories.items() if is_thing)
    ids = sorted(truths)

    def read(index: int) -> Pair:
        truth, answer = (
            segments_of(one[ids[index]], root / folder, categories, f"image_id {ids[index]} of {file}")
            for one, folder, file in ((truths, TRUTH, path), (found, FOUND, predicted))
        )
        return Pair(truth, answer, things)

    return Items([str(id) for id in ids], read)


def categories_of(document: Mapping[str, Any], path: Path) -> dict[int, bool]:
    """Whether each class has instances."""
    owner = f"category of {path}"
    entries = json_fields.field(document, "categories", list, str(path))
    return {json_fields.field(one, "id", int, owner): bool(one.get("isthing", 1)) for one in entries}


def by_image(document: Mapping[str, Any], path: Path) -> dict[int, Mapping[str, Any]]:
    """The entries of a panoptic file by their images. Raises FormatError for an image that has two."""
    entries = json_fields.field(document, "annotations", list, str(path))
    found: dict[int, Mapping[str, Any]] = {}
    for one in entries:
        image = json_fields.field(one, "image_id", int, f"annotation of {path}")
        if image in found:
            raise FormatError(
                f"{path} must have one annotation of each image, got two of image_id {image}. Write it again."
            )
        found[image] = one
    return found


def segments_of(
    entry: Mapping[str, Any], folder: Path, categories: Mapping[int, bool], owner: str
) -> Segments:
    """The segments of an image, whose PNG lies in a folder. Raises FormatError that names the owner."""
    path = folder / json_fields.inner_path(json_fields.field(entry, "file_name", str, owner))
    of_number = {}
    for info in json_fields.field(entry, "segments_info", list, owner):
        number = json_fields.field(info, "id", int, f"segment of {owner}")
        if number in of_number:
            raise FormatError(
                f"segment {number} of {owner} must be listed once, got it twice. Write it again."
            )
        category = info.get("category_id")
        if json_fields.whole(category) not in categories:
            raise FormatError(
                f"category_id of segment {number} of {owner} must be a category of the annotations, got "
                f"{category!r:.40}. Write it again."
            )
        area = json_fields.field({"area": 1, **info}, "area", int, f"segment {number} of {owner}")
        if area < 1:
            raise FormatError(
                f"area of segment {number} of {owner} must be from 1 on, got {area}. Get it again."
            )
        of_number[number] = Segment(int(category), area, bool(info.get("iscrowd", 0)))
    return Segments(_numbers(path), of_number, str(path))


def _numbers(path: Path) -> NDArray[np.int64]:
    """The number of each pixel's segment, from its colour. Raises FormatError for a grey or palette image."""
    with open_image(path) as opened:
        if opened.mode not in ("RGB", "RGBA"):
            raise FormatError(
                f"segments must be an RGB PNG, got {opened.mode} in {path}. Save ids as R + 256 G + 65536 B."
            )
    return np.asarray(read_image(path).astype(np.int64) @ np.array([1, 256, 65536]))


def matches(truth: Segments, found: Segments, things: Iterable[int]) -> Row:
    """The matches of an image by class, for `figures`, and stated areas that differ from the PNG."""
    row = {**match_segments(truth, found), "things": list(things)}
    pixels = segment_pixels(truth)
    odd = [
        f"segment {number} of {truth.name}: {one.area} for {pixels[number]} pixels"
        for number, one in truth.of_number.items()
        if one.area != pixels[number]
    ]
    return {**row, ODD_AREAS: odd} if odd else row


def figures(rows: Sequence[Row]) -> Figures:
    """PQ, SQ and RQ."""
    things = frozenset(rows[0]["things"])
    return lambda weights: quality(rows, things, weights)


PREDICTED = TableSet(
    name="COCO panoptic val2017, predicted PNGs",
    home="cocodataset.org (panoptic annotations of 2017)",
    size="830 MB",
    licence="CC BY 4.0",
    folders=("coco", "COCO", "datasets/coco", "."),
    needs=(f"{TRUTH}.json", TRUTH, f"{FOUND}.json", FOUND),
    open=_open,
    measure=lambda _, pair: matches(pair.truth, pair.found, pair.things),
    figures=figures,
    note="Predictions of any method in COCO's panoptic form; the model is not used.",
    resamples=50,
)
