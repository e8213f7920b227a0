"""COCO: one JSON file for many pictures.

`{"images": [{id, width, height, file_name}], "annotations": [{id, image_id, category_id, segmentation, area,
bbox, iscrowd}], "categories": [{id, name}]}`. Read are run lengths and polygons, written are run lengths.
Crowds (iscrowd 1) become a record's `ignore`. Added where known: `score` of an annotation; `dataset`, `name`
(an id that is no number) and `ignore` of an image.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from anymask import rle
from anymask.errors import FormatError
from anymask.files import write_atomic
from anymask.formats import entries as common
from anymask.types import Masks, Record

__all__ = ["CocoFile", "read", "to_document", "write"]

_NAMELESS = "object"  # the category of masks that nobody named


def write(records: Sequence[Record], path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write the annotations of records. Raises OutputError as `files.write_atomic` does."""
    return write_atomic(path, json.dumps(to_document(records)).encode(), force=force)


def read(path: str | os.PathLike[str], pictures: str | os.PathLike[str] | None = None) -> list[Record]:
    """Read all records of a file; see `CocoFile`."""
    return CocoFile(path, pictures).records()


def to_document(records: Sequence[Record]) -> dict[str, Any]:
    """The JSON object of records. Image ids are the records' where all are numbers, else 1, 2, ..."""
    numbers = _image_numbers(records)
    categories = _category_numbers(records)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for record, number in zip(records, numbers, strict=True):
        images.append(_image(record, number))
        names = _names(record)
        for i, entry in enumerate(common.annotate(record.masks)):
            entry |= {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": categories[names[i]],
                "iscrowd": 0,
            }
            if record.masks.scores[i] != 1:
                entry["score"] = float(record.masks.scores[i])
            annotations.append(entry)
    kinds = [{"id": number, "name": name} for name, number in categories.items()]
    return {"images": images, "annotations": annotations, "categories": kinds}


def _image_numbers(records: Sequence[Record]) -> list[int]:
    """A number for each record."""
    ids = [record.id for record in records]
    if all(id.isdecimal() and str(int(id)) == id for id in ids) and len(set(ids)) == len(ids):
        return [int(id) for id in ids]
    return list(range(1, len(ids) + 1))


def _image(record: Record, number: int) -> dict[str, Any]:
    """The entry of a picture."""
    h, w = record.masks.size
    entry: dict[str, Any] = {"id": number, "width": w, "height": h, "file_name": common.file_name(record)}
    if record.id != str(number):
        entry["name"] = record.id
    if "dataset" in record.meta:
        entry["dataset"] = record.meta["dataset"]
    if record.ignore is not None:
        entry["ignore"] = rle.to_coco(record.ignore, (h, w))
    return entry


def _names(record: Record) -> Sequence[str]:
    """A category's name for each mask."""
    names = common.per_mask(record, "categories")
    if names is not None:
        return [str(name) for name in names]
    labels = record.masks.labels
    return (
        [_NAMELESS] * len(record.masks) if labels is None else [f"class {label}" for label in labels.tolist()]
    )


def _category_numbers(records: Sequence[Record]) -> dict[str, int]:
    """A number for each category: the masks' labels where these name one category each, else 1, 2, ..."""
    pairs: dict[str, set[int]] = {}
    for record in records:
        labels = record.masks.labels
        numbers = [-1] * len(record.masks) if labels is None else labels.tolist()
        for name, number in zip(_names(record), numbers, strict=True):
            pairs.setdefault(name, set()).add(number)
    known = [number for numbers in pairs.values() for number in numbers]
    if len(known) == len(pairs) == len(set(known)) and all(number >= 0 for number in known):
        return dict(zip(pairs, known, strict=True))
    return {name: i for i, name in enumerate(pairs, start=1)}


class CocoFile:
    """A COCO file with its annotations sorted by picture; records are built one at a time."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        pictures: str | os.PathLike[str] | None = None,
        *,
        document: Mapping[str, Any] | None = None,
    ) -> None:
        """Read the JSON, or take it as `document`. Pictures are looked for in `pictures`, or near the file.

        Raises FormatError.
        """
        self.path = Path(path)
        document = common.load_json(path) if document is None else document
        self._pictures = None if pictures is None else Path(pictures)
        self._images = common.field(document, "images", list, "the file")
        self._categories = _category_names(_listed(document, "categories"))
        self._annotations: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
        for entry in _listed(document, "annotations"):
            number = entry.get("image_id") if isinstance(entry, Mapping) else None
            if not isinstance(number, (int, str)):
                raise FormatError(f"annotation must have an image_id, got {entry!r:.60}. Write {path} again.")
            self._annotations[number].append(entry)
        self.ids = [_record_id(image) for image in self._images]

    def __len__(self) -> int:
        """The number of pictures."""
        return len(self._images)

    def records(self) -> list[Record]:
        """Build all records."""
        return [self.record(index) for index in range(len(self))]

    def picture(self, index: int) -> Path:
        """Where the picture of an index is, or ought to be."""
        name = common.field(self._images[index], "file_name", str, "image")
        if self._pictures is None:
            return common.find_picture(self.path, name)
        whole = self._pictures / name
        return whole if whole.is_file() else self._pictures / Path(name).name

    def record(self, index: int) -> Record:
        """Build a record, its picture still unread. Raises FormatError naming the annotation at fault."""
        image = self._images[index]
        size = common.read_size(image, "image")
        entries = self._annotations.get(image["id"], [])
        runs = [_runs(entry, size) for entry in entries]
        crowd = [one for one, entry in zip(runs, entries, strict=True) if entry.get("iscrowd")]
        things = [(one, entry) for one, entry in zip(runs, entries, strict=True) if not entry.get("iscrowd")]
        if image.get("ignore") is not None:
            crowd.append(common.segmentation_runs(image["ignore"], size))
        kept = [entry for _, entry in things]
        labels = [common.field(entry, "category_id", int, f"annotation {entry.get('id')}") for entry in kept]
        meta = {key: image[key] for key in ("file_name", "dataset") if key in image}
        meta["categories"] = [self._categories.get(label, f"class {label}") for label in labels]
        return Record(
            id=self.ids[index],
            image=self.picture(index),
            masks=Masks(size, [one for one, _ in things], common.scores(kept, "score"), labels=labels),
            meta=meta,
            ignore=rle.union(crowd, size) if crowd else None,
        )


def _record_id(image: object) -> str:
    """A record's id: the image's number, or the name it had before it was given one."""
    number = image.get("id") if isinstance(image, Mapping) else None
    if not isinstance(image, Mapping) or not isinstance(number, (int, str)):
        raise FormatError(f"image must have an id, got {image!r:.60}. Write the file again.")
    return str(image.get("name", number))


def _listed(document: Mapping[str, Any], name: str) -> list[Any]:
    """A list that may be missing."""
    entries = document.get(name, [])
    if not isinstance(entries, list):
        raise FormatError(f"{name} must be a list, got {entries!r:.60}. Write the file again.")
    return entries


def _category_names(categories: list[Any]) -> dict[int, str]:
    """Names by number."""
    return {
        common.field(entry, "id", int, "category"): common.field(entry, "name", str, "category")
        for entry in categories
    }


def _runs(entry: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    """Runs of one annotation."""
    try:
        return common.segmentation_runs(entry.get("segmentation"), size)
    except FormatError as error:
        raise FormatError(f"annotation {entry.get('id')} must hold a mask of its image. {error}") from None
