"""Annotation images of published data sets as Records: the meaning of their numbers or colours.

Each reader is a value that is called with an Item and reads only then. Pixels that are neither a segment nor
background are ignored: they go to `Record.ignore`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.data.published.classes import CITYSCAPES, CITYSCAPES_THINGS, ISAID, ISAID_COLOURS
from anymask.errors import FormatError
from anymask.geometry import rle
from anymask.images.read import read_image, read_map
from anymask.types import Masks, Record

Numbers = NDArray[Any]


@dataclass(frozen=True)
class Item:
    """An image and its annotation files."""

    id: str
    image: Path
    files: tuple[Path, ...]


class Segment(NamedTuple):
    """The meaning of a number in an annotation image."""

    label: int
    category: str
    kind: str


Reader: TypeAlias = Callable[[Item], Record]


def to_record(
    item: Item, numbers: Numbers, segments: Mapping[int, Segment], background: Collection[int] = ()
) -> Record:
    """A mask for each number (H, W) that is among `segments`, in their order by number."""
    present = np.unique(numbers).tolist()
    shown = [number for number in present if number in segments]
    strange = [number for number in present if number not in segments and number not in background]
    runs = [rle.encode(numbers == number) for number in shown]
    chosen = [segments[number] for number in shown]
    return Record(
        id=item.id,
        image=item.image,
        masks=Masks((numbers.shape[0], numbers.shape[1]), runs, labels=[one.label for one in chosen]),
        meta={"categories": [one.category for one in chosen], "kinds": [one.kind for one in chosen]},
        ignore=rle.encode(np.isin(numbers, strange)) if strange else None,
    )


@dataclass(frozen=True)
class ClassMap:
    """A grey or palette image with the number of a class in each pixel."""

    names: Mapping[int, str]
    kind: str = "semantic"
    background: tuple[int, ...] = (0,)

    def __call__(self, item: Item) -> Record:
        """Read the item's one file."""
        segments = {number: Segment(number, name, self.kind) for number, name in self.names.items()}
        return to_record(item, read_map(item.files[0]), segments, self.background)


@dataclass(frozen=True)
class ObjectMaps:
    """Pascal VOC's pair of palette images: classes, and objects numbered from 1; 255 is ignored."""

    names: Mapping[int, str]

    def __call__(self, item: Item) -> Record:
        """Read both files. Raises FormatError where they do not fit each other."""
        classes, objects = (read_map(file) for file in item.files)
        if classes.shape != objects.shape:
            raise FormatError(
                f"objects must have the size of the classes {classes.shape}, got {objects.shape} in "
                f"{item.files[1].name}. Get the files again."
            )
        numbers = [number for number in np.unique(objects).tolist() if number not in (0, 255)]
        of_object = {number: _commonest(classes[objects == number]) for number in numbers}
        segments = {
            number: Segment(label, self.names[label], "instance")
            for number, label in of_object.items()
            if label in self.names
        }
        return to_record(item, objects, segments, background=(0,))


def _commonest(numbers: Numbers) -> int:
    return int(np.bincount(numbers).argmax())


def cityscapes(item: Item) -> Record:
    """Read `*_gtFine_instanceIds.png`: 1000 x class + n for objects, the number of the class for the rest.

    Crowds (the class of an object without n) and void pixels are ignored.
    """
    numbers = read_map(item.files[0])
    segments = {}
    for number in np.unique(numbers).tolist():
        label, single = (number // 1000, True) if number >= 1000 else (number, False)
        if label in CITYSCAPES and single == (label in CITYSCAPES_THINGS):
            segments[number] = Segment(label, CITYSCAPES[label], "instance" if single else "semantic")
    return to_record(item, numbers, segments)


def isaid(item: Item) -> Record:
    """Read `*_instance_color_RGB.png`: a colour for each class, black elsewhere."""
    segments = {
        _pack(np.array(colour)).item(): Segment(label, ISAID[label], "semantic")
        for colour, label in ISAID_COLOURS.items()
    }
    return to_record(item, _pack(read_image(item.files[0])), segments, background=(0,))


def vessels(item: Item) -> Record:
    """Read an image that is white on vessels and, if given, one that is black outside the annotated field."""
    white, *field = [read_image(file)[..., 0] > 127 for file in item.files]
    return Record(
        id=item.id,
        image=item.image,
        masks=Masks.from_dense(white[None], labels=[1]),
        meta={"categories": ["vessel"], "kinds": ["semantic"]},
        ignore=rle.encode(~field[0]) if field else None,
    )


def panoptic(
    item: Item, infos: Sequence[Mapping[str, Any]], categories: Mapping[int, tuple[str, bool]]
) -> Record:
    """Read COCO's panoptic PNG: R + 256 G + 65536 B is the id of a segment, 0 is ignored.

    infos: the annotation's `segments_info`; categories: name, and whether the class has instances.
    Crowds are ignored. Raises FormatError for an unknown category.
    """
    segments = {}
    for info in infos:
        label = info["category_id"]
        if label not in categories:
            raise FormatError(f"category_id must be one of the file's, got {label!r}. Get the file again.")
        name, has_instances = categories[label]
        if not info.get("iscrowd"):
            segments[info["id"]] = Segment(label, name, "instance" if has_instances else "semantic")
    return to_record(item, _pack(read_image(item.files[0])), segments)


def _pack(rgb: NDArray[Any]) -> NDArray[np.int32]:
    """(..., 3) RGB as one number each."""
    return np.asarray(rgb.astype(np.int32) @ np.array([1, 256, 65536], np.int32))
