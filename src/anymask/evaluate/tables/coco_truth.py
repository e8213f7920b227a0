"""COCO files and results as tables read them: what does not fit is told with the file and the id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anymask.errors import FormatError
from anymask.evaluate.tables.named_file import named_file
from anymask.evaluate.tables.stated_areas import ODD_AREAS, odd_areas
from anymask.evaluate.tables.table import Items
from anymask.formats import json_fields
from anymask.formats.coco import CocoFile
from anymask.types import Record

__all__ = ["Box", "Boxes", "CocoTruth", "open_coco", "read_boxes"]


def open_coco(path: Path, images: Path, *, crowds: bool = False) -> CocoFile:
    """A COCO file. Raises FormatError that names it, also where two annotations have one id."""
    with named_file(path):
        file = CocoFile(path, images, crowds=crowds, ids=True)
    if file.repeated:
        raise FormatError(
            f"{path} must have an id of its own for every annotation, got {file.repeated[0]} more than once. "
            "Get the data set again."
        )
    return file


class CocoTruth:
    """The annotated images of a COCO or LVIS file, in the order of their ids, which decides equal scores.

    Raises FormatError for a file without annotations of its images, for categories that it does not name and
    for annotations with one id.
    """

    def __init__(self, path: Path, images: Path, *, crowds: bool = False, areas: bool = False) -> None:
        """areas: whether figures follow the areas that the file states."""
        self._file = open_coco(path, images, crowds=crowds)
        self.path, self._areas = path, areas
        strangers, left_out = self._file.strangers, self._file.left_out
        if not len(self._file):
            raise FormatError(f"{path} must hold images, got none. Get the data set again.")
        if self._file.unnamed:
            raise FormatError(
                f"{path} must name the category of every annotation, got none with the id "
                f"{self._file.unnamed[0]}. Get the data set again."
            )
        self.notes = [f"{path}: {count} x {kind}, left out" for kind, count in left_out.items()]
        if strangers:
            self.notes[0] += f", first of image_id {strangers[0]}"
        self._entries = [json_fields.mapping(one, f"image of {path}") for one in self._file.images]
        numbers = [json_fields.field(one, "id", int, f"image of {path}") for one in self._entries]
        self._order = sorted(range(len(numbers)), key=numbers.__getitem__)
        self.numbers = [numbers[index] for index in self._order]

    def image(self, place: int) -> Mapping[str, Any]:
        """The entry of an image."""
        return self._entries[self._order[place]]

    def record(self, place: int) -> Record:
        """An image with its masks; areas that they cannot have are in the meta `ODD_AREAS`."""
        with named_file(self.path):
            record = self._file.record(self._order[place])
        odd = self._odd_areas(record) if self._areas else []
        return replace(record, meta={**record.meta, ODD_AREAS: odd}) if odd else record

    def _odd_areas(self, record: Record) -> list[str]:
        masks, stated = record.masks, record.meta.get("areas")
        if stated is None:
            return [f"image {record.id} of {self.path.name}: none for a mask"] if len(masks) else []
        names = [f"annotation {id} of {self.path.name}" for id in record.meta["annotation_ids"]]
        return odd_areas(names, stated, masks.areas.tolist(), masks.size[0] * masks.size[1])

    def categories(self, name: str) -> dict[int, str]:
        """A text of each category by its id, such as its name."""
        owner = f"category {{}} of {self.path}"
        return {
            json_fields.field(one, "id", int, owner.format("")): json_fields.field(
                one, name, str, owner.format(one["id"])
            )
            for one in self._file.categories
        }

    def listed(self, place: int, name: str) -> list[int]:
        """The ids of categories in a list of an image, such as "neg_category_ids"."""
        owner = f"image {self.numbers[place]} of {self.path}"
        values = json_fields.field(self.image(place), name, list, owner)
        return [json_fields.field({name: value}, name, int, owner) for value in values]

    def items(self, read: Callable[[int], Any], notes: Iterable[str] = ()) -> Items:
        """Items for a reader of the image at a place."""
        return Items([str(number) for number in self.numbers], read, (*self.notes, *notes))


@dataclass(frozen=True)
class Box:
    """A box of a detector."""

    xywh: tuple[float, float, float, float]
    score: float
    category: int


@dataclass(frozen=True)
class Boxes:
    """The boxes of a detector."""

    of_image: Mapping[int, list[Box]]
    """By image, highest score first."""
    notes: tuple[str, ...] = ()
    """Boxes that are there twice, which are kept."""


def read_boxes(path: Path, images: Iterable[int], categories: Iterable[int]) -> Boxes:
    """The boxes of a detector, from COCO's results JSON.

    Raises FormatError for images and categories that the annotations do not have, and for an entry without a
    box or a score.
    """
    entries = json_fields.parse_json(json_fields.read_bytes(path), path)
    if not isinstance(entries, list) or not entries:
        raise FormatError(f"{path} must hold a list of results, got none. Give a detector's results.")
    known, classes, found = set(images), set(categories), dict[int, list[Box]]()
    seen, twice = set[tuple[int, Box]](), list[str]()
    for number, entry in enumerate(entries):
        owner = f"result {number} of {path.name}"
        image = json_fields.field(entry, "image_id", int, owner)
        if image not in known:
            raise FormatError(
                f"{owner} must be of an image of the annotations, got image_id {image}. "
                "Give the results of this data set."
            )
        box = _box(entry, owner, classes)
        found.setdefault(image, []).append(box)
        if (image, box) in seen:
            twice.append(f"{owner}, of image {image}")
        seen.add((image, box))
    sorted_ = {image: sorted(some, key=lambda one: -one.score) for image, some in found.items()}
    told = f"{len(twice)} x box listed again, counted again as in the official tool, first "
    return Boxes(sorted_, (told + twice[0],) if twice else ())


def _box(entry: Mapping[str, Any], owner: str, classes: set[int]) -> Box:
    category = json_fields.field(entry, "category_id", int, owner)
    if category not in classes:
        raise FormatError(
            f"{owner} must be of a category of the annotations, got category_id {category}. "
            "Give the results of this data set."
        )
    sides = json_fields.field(entry, "bbox", list, owner)
    if len(sides) != 4:
        raise FormatError(f"bbox of {owner} must be x, y, width, height, got {sides!r:.60}. Write it again.")
    x, y, w, h = (json_fields.number(side, f"bbox of {owner}") for side in sides)
    if min(w, h) < 0:
        raise FormatError(f"bbox of {owner} must have a size from 0 on, got {w:g} x {h:g}. Write it again.")
    return Box((x, y, w, h), json_fields.number(entry.get("score"), f"score of {owner}"), category)
