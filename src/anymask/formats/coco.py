"""COCO: one JSON file for many images.

`{"images": [{id, width, height, file_name}], "annotations": [{id, image_id, category_id, segmentation, area,
bbox, iscrowd}], "categories": [{id, name}]}`. Read are run lengths and polygons; written are run lengths, or
polygons on request, which hold parts but no holes: holes are opened by zero-width cuts. Masks that
`meta["crowds"]` marks are written as crowds (iscrowd 1). Added where known: `score`, `attributes` and
`track_id` (from `meta["ids"]`) of an annotation; `dataset`, `name` (an id that is no number) and `ignore` of
an image. `coco_file` reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from anymask.files import staged
from anymask.formats import attributes, json_fields
from anymask.formats.coco_file import CocoFile
from anymask.formats.polygons.rings import bridge
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.geometry import rle
from anymask.types import Record

__all__ = ["KEEPS", "CocoFile", "CocoWriter", "read", "to_document", "write"]

KEEPS = frozenset((
    "id", "ids", "scores", "labels", "categories", "crowds", "attributes", "dataset", "ignore",
))  # fmt: skip
"""Facts of a record that a file holds; of labels their grouping, see `to_document`."""
_NAMELESS = "object"  # the category of masks that nobody named


def write(records: Iterable[Record], path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write the annotations of records. Raises OutputError as `files.staged` does."""
    with staged(path, force=force) as place:
        writer = CocoWriter(place)
        for record in records:
            writer.add(record)
        writer.close()
    return Path(path)


def read(path: str | os.PathLike[str], images: str | os.PathLike[str] | None = None) -> list[Record]:
    """Read all records of a file; see `CocoFile`."""
    return CocoFile(path, images).records()


def to_document(records: Sequence[Record]) -> dict[str, Any]:
    """The JSON object of records. Image ids are the records' where all are numbers, else 1, 2, ...

    Category ids are the masks' labels where these name one category each, else 1, 2, ...
    """
    pages = [_page(record, Outlines())[0] for record in records]
    images, annotations, categories = _numbered(lambda: iter(pages))
    return {"images": list(images), "annotations": list(annotations), "categories": categories}


class CocoWriter:
    """Writes a file record by record; annotations wait on disk until all ids and categories are known."""

    def __init__(self, place: Path, outlines: Outlines | None = None) -> None:
        self._place = place
        self._outlines = outlines or Outlines()
        self._spool = place.with_name("spool")
        self._spool.touch()

    def add(self, record: Record) -> Page:
        """Take a record."""
        page, runs, notes = _page(record, self._outlines)
        data = json_fields.to_json(page)
        with self._spool.open("ab") as spool:
            spool.write(data + b"\n")
        return Page(data, runs, notes)

    def close(self) -> None:
        """Write the file."""
        images, annotations, categories = _numbered(self._pages)
        with self._place.open("wb") as file:
            for name, entries in (
                ("images", images),
                ("annotations", annotations),
                ("categories", categories),
            ):
                file.write(b"{" if name == "images" else b", ")
                file.write(f'"{name}": ['.encode())
                for i, entry in enumerate(entries):
                    file.write((b",\n" if i else b"\n") + json_fields.to_json(entry))
                file.write(b"]")
            file.write(b"}\n")
        self._spool.unlink()

    def _pages(self) -> Iterator[dict[str, Any]]:
        with self._spool.open("rb") as spool:
            yield from map(json.loads, spool)


_Notes = dict[int, tuple[str, ...]]


def _page(record: Record, outlines: Outlines) -> tuple[dict[str, Any], list[rle.Runs], _Notes]:
    """One image without ids; its masks as read back, and notes on what was changed."""
    masks, notes = record.masks, _Notes()
    entries = json_fields.annotate(masks)
    crowds = json_fields.per_mask(record, "crowds") or [False] * len(masks)
    known = attributes.of_record(record)
    ids = json_fields.per_mask(record, "ids")
    for i, entry in enumerate(entries):
        entry["iscrowd"] = int(bool(crowds[i]))
        if outlines.polygons and not crowds[i] and entry["area"]:  # no polygon at all would be no mask
            entry["segmentation"], notes[i] = _flat_polygons(record, i, outlines)
        if known[i]:
            entry["attributes"] = dict(known[i])
        if ids is not None:
            entry["track_id"] = ids[i]
        if masks.scores[i] != 1:
            entry["score"] = float(masks.scores[i])
    runs = [json_fields.segmentation_runs(entry["segmentation"], masks.size) for entry in entries]
    labels = None if masks.labels is None else masks.labels.tolist()
    page = {
        "id": record.id,
        "image": _image(record),
        "annotations": entries,
        "names": json_fields.names(record, _NAMELESS),
        "labels": labels,
    }
    return page, runs, notes


def _flat_polygons(record: Record, i: int, outlines: Outlines) -> tuple[list[list[float]], tuple[str, ...]]:
    """A mask's parts as [x0, y0, x1, y1, ...] each, its holes opened by cuts."""
    parts = outlines.of(record, i)
    flat = [bridge([part]).round(2).ravel().tolist() for part in parts]
    return flat, (*cut_notes(parts, parts=False), *outlines.notes)


def _image(record: Record) -> dict[str, Any]:
    """The entry of an image, without its id."""
    h, w = record.masks.size
    entry: dict[str, Any] = {"width": w, "height": h, "file_name": json_fields.file_name(record)}
    if "dataset" in record.meta:
        entry["dataset"] = record.meta["dataset"]
    if record.ignore is not None:
        entry["ignore"] = rle.to_coco(record.ignore, (h, w))
    return entry


_Entries = Iterable[dict[str, Any]]


def _numbered(pages: Callable[[], Iterator[dict[str, Any]]]) -> tuple[_Entries, _Entries, _Entries]:
    """Images, annotations and categories with their numbers, from pages that can be gone through again."""
    ids: list[str] = []
    pairs: dict[str, set[int]] = {}
    for page in pages():
        ids.append(page["id"])
        labels = page["labels"] or [-1] * len(page["names"])
        for name, label in zip(page["names"], labels, strict=True):
            pairs.setdefault(name, set()).add(label)
    numbers, categories = _image_numbers(ids), _category_numbers(pairs)
    images = (_headed(page, number) for page, number in zip(pages(), numbers, strict=True))
    kinds = [{"id": number, "name": name} for name, number in categories.items()]
    return images, _annotations(pages, numbers, categories), kinds


def _headed(page: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The entry of an image with its id, and its name if that differs from the id."""
    name = {} if page["id"] == str(number) else {"name": page["id"]}
    return {"id": number, **page["image"], **name}


def _annotations(
    pages: Callable[[], Iterator[dict[str, Any]]], numbers: Sequence[int], categories: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    """All annotations with their numbers."""
    count = 0
    for page, number in zip(pages(), numbers, strict=True):
        for entry, name in zip(page["annotations"], page["names"], strict=True):
            count += 1
            yield {
                **entry,
                "id": count,
                "image_id": number,
                "category_id": categories[name],
            }


def _image_numbers(ids: Sequence[str]) -> list[int]:
    """A number for each record."""
    if all(id.isdecimal() and str(int(id)) == id for id in ids) and len(set(ids)) == len(ids):
        return [int(id) for id in ids]
    return list(range(1, len(ids) + 1))


def _category_numbers(pairs: Mapping[str, set[int]]) -> dict[str, int]:
    """A number for each category, from the labels that it came with (-1: none)."""
    known = [number for numbers in pairs.values() for number in numbers]
    if len(known) == len(pairs) == len(set(known)) and all(number >= 0 for number in known):
        return dict(zip(pairs, known, strict=True))
    return {name: i for i, name in enumerate(pairs, start=1)}
