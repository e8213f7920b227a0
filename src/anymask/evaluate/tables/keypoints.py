"""Painter, table 1: keypoints of COCO, found in the boxes of a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.coco_ap import AveragePrecision
from anymask.evaluate.keypoints import (
    COUNT,
    CROP_HW,
    PERSON,
    Crop,
    Pose,
    Truth,
    both_sides,
    heat_maps,
    match_poses,
    pose,
    suppress,
)
from anymask.evaluate.tables.coco_truth import Box, read_boxes
from anymask.evaluate.tables.painter import example, nearest_pixels, painted
from anymask.evaluate.tables.stated_areas import note
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet, Weights
from anymask.formats import json_fields
from anymask.formats.coco_rows import key
from anymask.images.read import read_image
from anymask.models import InContext
from anymask.types import Context

__all__ = ["KEYPOINT_SETS"]

TRUTH = "coco/annotations/person_keypoints_val2017.json"
BOXES = "coco_pose/person_detection_results/COCO_val2017_detections_AP_H_56_person.json"
EXAMPLE = "coco_pose/data_pair/train_256x192_aug0/000000000165_box0"
"""The example of the released evaluation: a person in 256 x 192 pixels, and the keypoints as colours."""


@dataclass(frozen=True)
class Persons:
    """An image with its annotated persons, the boxes of a detector, and the example."""

    image: Path
    truths: tuple[Truth, ...]
    boxes: tuple[Box, ...]
    example: Path


def measure_keypoints(model: InContext, one: Persons) -> Row:
    """The matches of the persons of an image: each box is painted twice, the second time mirrored."""
    found: list[Pose] = []
    if one.boxes:
        image, shown = read_image(one.image), example(model, *_example(one.example))
        found = [_pose(model, image, box, shown) for box in one.boxes]
    return {"classes": [match_poses(suppress(found), one.truths)]}


def _pose(model: InContext, image: NDArray[np.uint8], box: Box, shown: Context) -> Pose:
    crop = Crop.around(np.array(box.xywh))
    plain, mirrored = (
        heat_maps(_painted(model, part.cut(image), shown)) for part in (crop, crop.mirror(image.shape[1]))
    )
    return pose(both_sides(plain, mirrored), crop, box.score)


def _painted(model: InContext, pixels: NDArray[np.uint8], shown: Context) -> NDArray[np.uint8]:
    """What the model paints at the crop's size, truncated to 8 bits."""
    colours = np.clip(painted(model, pixels, shown), 0, 255)
    return nearest_pixels(colours, CROP_HW).astype(np.uint8)


@lru_cache(1)
def _example(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A person and its keypoints as colours."""
    image, label = (read_image(path.with_name(f"{path.name}_{kind}.png")) for kind in ("image", "label"))
    return image, label


def _figures(rows: Sequence[Row]) -> Figures:
    measure = AveragePrecision([row["classes"] for row in rows])

    def of(weights: Weights) -> Mapping[str, float]:
        found = measure(weights)
        return {"ap": found["all"], **{name: found[name] for name in ("ap_50", "ap_75", "medium", "large")}}

    return of


def _open(root: Path) -> Items:
    path = root / TRUTH
    document = json_fields.load_json(path)
    images = {
        json_fields.field(one, "id", int, f"image of {path.name}"): one
        for one in json_fields.field(document, "images", list, path.name)
    }
    truths, odd = _truths(document, path, images)
    boxes = read_boxes(root / BOXES, images, range(1, 91))
    ids = sorted(images)

    def read(index: int) -> Persons:
        id = ids[index]
        name = json_fields.field(images[id], "file_name", str, f"image {id} of {path.name}")
        return Persons(
            root / "coco/val2017" / json_fields.inner_path(name),
            tuple(truths.get(id, ())),
            tuple(one for one in boxes.of_image.get(id, ()) if one.category == PERSON),
            root / EXAMPLE,
        )

    return Items([str(id) for id in ids], read, (*boxes.notes, *([note(odd)] if odd else [])))


def _truths(
    document: Mapping[str, Any], path: Path, images: Mapping[int, Any]
) -> tuple[dict[int, list[Truth]], list[str]]:
    """The annotated persons by image, and the areas that are larger than their boxes, or 0.

    Raises FormatError that names the annotation.
    """
    found, ids, odd = dict[int, list[Truth]](), set[object](), list[str]()
    for one in json_fields.field(document, "annotations", list, path.name):
        owner = f"annotation {one.get('id') if isinstance(one, dict) else one} of {path.name}"
        image = json_fields.field(one, "image_id", int, owner)
        if image not in images:
            raise FormatError(
                f"{owner} must be of an image of the file, got image_id {image}. Write it again."
            )
        number = key(one.get("id"))
        if number in ids:
            raise FormatError(f"{owner} must have an id of its own, got one that another has. Get it again.")
        ids |= set() if number is None else {number}
        person = _truth(one, owner)
        found.setdefault(image, []).append(person)
        box = float(np.prod(person.box_xywh[2:]))
        if person.counted and not 0 < person.area <= 2 * box:
            odd.append(f"{owner}: {person.area:g} in a box of {box:g} pixels")
    return found, odd


def _truth(entry: Mapping[str, Any], owner: str) -> Truth:
    points = _numbers(entry, "keypoints", 3 * COUNT, owner).reshape(COUNT, 3)
    return Truth(
        keypoints=points,
        box_xywh=_numbers(entry, "bbox", 4, owner),
        area=_area(entry, owner),
        crowd=bool(entry.get("iscrowd", 0)),
        counted=bool(entry.get("num_keypoints", (points[:, 2] > 0).sum())),
    )


def _area(entry: Mapping[str, Any], owner: str) -> float:
    area = json_fields.number(entry.get("area"), f"area of {owner}")
    if area < 0:
        raise FormatError(f"area of {owner} must be from 0 on, got {area:g}. Write the file again.")
    return area


def _numbers(entry: Mapping[str, Any], name: str, count: int, owner: str) -> NDArray[np.float64]:
    values = json_fields.field(entry, name, list, owner)
    if len(values) != count:
        raise FormatError(
            f"{name} of {owner} must be {count} numbers, got {len(values)}. Write the file again."
        )
    return np.array([json_fields.number(value, f"{name} of {owner}") for value in values])


KEYPOINT_SETS = (
    TableSet(
        name="COCO keypoints",
        home="cocodataset.org; boxes and example prepared as Painter's docs/DATA.md says",
        size="1 GB",
        licence="CC BY 4.0; images of Flickr's terms",
        folders=("datasets", "."),
        needs=(TRUTH, "coco/val2017", BOXES, f"{EXAMPLE}_image.png", f"{EXAMPLE}_label.png"),
        open=_open,
        measure=measure_keypoints,
        figures=_figures,
        note="The example's crop is drawn at random by Painter's scripts, so that yours is not the paper's.",
        resamples=100,
    ),
)
