"""SA-1B: one JSON file per image.

`{"image": {image_id, width, height, file_name}, "annotations": [{id, segmentation, bbox, area, predicted_iou,
stability_score, crop_box, point_coords}]}`; segmentation in COCO's run lengths, boxes xywh. Unknown fields
are left out. Added where known: `category`, `category_score` (the probability of that name), `kind` and
`parent` (an id or null) of an annotation, `dataset` of the image, `source`, and beside the annotations
`ignore`, the run lengths of the pixels that nobody labelled.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.files import write_atomic
from anymask.formats import json_fields
from anymask.formats.reading import PLAIN, Reading, attempt
from anymask.formats.writers import Outlines, Page
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["KEEPS", "decode", "encode", "from_document", "read", "to_document", "write"]

# a list in Record.meta with an entry for each mask, and the annotation's field that it is kept in
_FIELDS = {
    "ids": "id",
    "categories": "category",
    "category_scores": "category_score",
    "kinds": "kind",
    "parents": "parent",
    "crop_boxes": "crop_box",
    "point_coords": "point_coords",
}

KEEPS = frozenset({"id", "scores", "stability", "source", "dataset", "ignore", *_FIELDS})
"""Facts of a record that a file holds."""


def encode(record: Record, outlines: Outlines) -> Page:
    """The file of a record; run lengths whatever `outlines` says."""
    document = to_document(record)
    runs = [rle.from_coco(entry["segmentation"])[0] for entry in document["annotations"]]
    return Page(json_fields.to_json(document), runs)


def decode(data: bytes, path: Path, reading: Reading = PLAIN) -> Record:
    """The record in the file at `path`; its image is searched and read lazily."""
    document = json_fields.parse_object(data, path)
    header = json_fields.field(document, "image", dict, "the file")
    name = reading.named(path, json_fields.field(header, "file_name", str, "image"))
    return from_document(document, json_fields.find_image(path, name, reading.images))


def write(record: Record, path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Write a record's annotations. Raises OutputError as `files.write_atomic` does."""
    return write_atomic(path, json_fields.to_json(to_document(record)), force=force)


def read(path: str | os.PathLike[str]) -> Record:
    """Read one file, see `decode`. Raises FormatError."""
    return decode(json_fields.read_bytes(path), Path(path))


def to_document(record: Record) -> dict[str, Any]:
    """The JSON object of a record. The image's id is a number where the record's is."""
    h, w = record.masks.size
    number = int(record.id) if record.id.isdecimal() and str(int(record.id)) == record.id else record.id
    header = {"image_id": number, "width": w, "height": h, "file_name": json_fields.file_name(record)}
    if "dataset" in record.meta:
        header["dataset"] = record.meta["dataset"]
    document: dict[str, Any] = {"image": header, "annotations": _annotations(record)}
    if record.source != "import":
        document["source"] = record.source
    if record.ignore is not None:
        document["ignore"] = rle.to_coco(record.ignore, record.masks.size)
    return document


def _annotations(record: Record) -> list[dict[str, Any]]:
    """One entry per mask."""
    masks = record.masks
    columns: dict[str, Sequence[Any]] = {"id": range(1, len(masks) + 1)}
    columns["predicted_iou"] = masks.scores.tolist()
    if masks.stability is not None:
        columns["stability_score"] = masks.stability.tolist()
    for meta, field in _FIELDS.items():
        values = json_fields.per_mask(record, meta)
        if values is not None:
            columns[field] = values
    return [
        {**entry, **{field: _plain(values[i]) for field, values in columns.items()}}
        for i, entry in enumerate(json_fields.annotate(masks))
    ]


def _plain(value: object) -> object:
    """NumPy values as JSON takes them."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def from_document(
    document: Mapping[str, Any], image: NDArray[np.uint8] | Path, *, id: str | None = None
) -> Record:
    """Build the record of a JSON object and its image. Raises FormatError where it has no size.

    The record's id is the image's unless `id` is given. `meta` holds "file_name", "dataset" where known; a
    list for each field that every annotation has: "ids", "categories", "kinds", "crop_boxes", "point_coords".
    """
    header = json_fields.field(document, "image", dict, "the file")
    size = json_fields.read_size(header, "image")
    left_out: Counter[str] = Counter()
    found = [
        (attempt(left_out, partial(_runs, entry, size)), entry)
        for entry in json_fields.field(document, "annotations", list, "the file")
    ]
    entries = [entry for runs, entry in found if runs is not None]
    masks = Masks(
        size,
        [runs for runs, _ in found if runs is not None],
        json_fields.scores(entries, "predicted_iou", left_out),
        stability=json_fields.column(entries, "stability_score"),
    )
    meta = {key: header[key] for key in ("file_name", "dataset") if key in header}
    meta |= {
        name: [entry[field] for entry in entries]
        for name, field in _FIELDS.items()
        if _all_have(entries, field)
    }
    ignore = document.get("ignore")
    return Record(
        id=str(header.get("image_id", Path(meta.get("file_name", "")).stem)) if id is None else id,
        image=image,
        masks=masks,
        source=json_fields.source(document.get("source")),
        meta=meta,
        ignore=None
        if ignore is None
        else attempt(left_out, partial(json_fields.segmentation_runs, ignore, size)),
        left_out=dict(left_out),
    )


def _runs(entry: object, size: tuple[int, int]) -> rle.Runs:
    """Runs of one annotation."""
    return json_fields.segmentation_runs(json_fields.mapping(entry, "annotation").get("segmentation"), size)


def _all_have(entries: Sequence[Mapping[str, Any]], field: str) -> bool:
    """Whether every annotation (and at least one) has the field."""
    return bool(entries) and all(field in entry for entry in entries)
