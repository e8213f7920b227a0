"""Reading of COCO's JSON: annotations are kept packed and sorted by image; records are built one at a time.

Also read are lists of results ([{image_id, category_id, segmentation, score}]), which name no images.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.files import open_regular
from anymask.formats import attributes, json_fields
from anymask.formats.coco_polygons import PlainPolygons
from anymask.formats.coco_rows import Entry, Rows, key
from anymask.formats.image_files import ImageFiles, of_number
from anymask.formats.json_stream import JsonStream
from anymask.formats.polygons.rasterise import draw
from anymask.formats.reading import NoMaskError, Reading, as_images, attempt
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["CocoFile"]

_ADDRESS = re.compile(r"(https?|s3|gs)://", re.IGNORECASE)
_KEPT = ("images", "categories", "info")
NO_IMAGE = "annotation of no image"
NO_OBJECT = "damaged: annotation must be an object"
NO_OUTLINE = "annotation without an outline"
BOX = "box without an outline"
KEYPOINTS = "keypoints of a mask"
CROWD = "crowd as ignored pixels"


class CocoFile:
    """A COCO file with its annotations sorted by image."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        images: str | os.PathLike[str] | Mapping[str, Path] | None = None,
        *,
        document: Mapping[str, Any] | None = None,
        crowds: bool = False,
        boxes: bool = False,
        ids: bool = False,
    ) -> None:
        """Read the JSON, or take it as `document`. Images are searched in `images`, or near the file.

        crowds: whether crowds are masks, marked in `meta["crowds"]`, and not ignored pixels. boxes: whether
        annotations that are only a box become masks. ids: whether `meta["annotation_ids"]` has the ids of
        annotations. Raises FormatError.
        """
        self.path = Path(path)
        self._crowds = crowds
        self._reading = Reading(as_images(images), boxes)
        self._rows = Rows(ids=ids)
        self.left_out: Counter[str] = Counter()
        """What belongs to no image, by kind."""
        self.strangers: list[object] = []
        """Numbers of images that annotations name and the file does not have."""
        self.categories: list[Any] = []
        """The entries of the categories."""
        self.unnamed: list[int] = []
        """Numbers of categories that annotations have and the file does not name."""
        parts = _read(self.path, self._rows) if document is None else self._parts(document)
        self._sort(parts)

    def _parts(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The lists of a document; its annotations are taken."""
        self._rows.take([_listed(document, "annotations")])
        return {name: document[name] for name in _KEPT if name in document}

    def _sort(self, parts: Mapping[str, Any]) -> None:
        """Number images and categories, and count the annotations of none."""
        self._images: list[Any]
        if "results" in parts:
            self._images = _images_of_results(self.path, self._rows, self._reading)
        else:
            self._images = json_fields.field(parts, "images", list, "the file")
        self.categories = _listed(parts, "categories")
        self._polygons = PlainPolygons(self._rows, self._images)
        self._times = Counter(number for _, number in self._polygons.headers if number is not None)
        self._labels, self._categories = _categories(self.categories)
        named = set(self._labels.values())
        for category in {one for one in self._rows.categories if isinstance(one, int)}:
            self._labels.setdefault(category, category)  # one that the file does not name has its number
        self._are_brushes = _marks_brushes(parts.get("info"), self._images)
        self.unnamed = sorted(set(self._labels.values()) - named)
        alone = {number: count for number, count in self._rows.images().items() if number not in self._times}
        self.strangers = list(alone)
        self.left_out.update(
            {NO_IMAGE: sum(alone.values()), NO_OBJECT: self._rows.damaged, **self._rows.others}
        )
        if self._rows.others and not len(self._rows):
            told = ", ".join(f"{count} {kind}" for kind, count in self._rows.others.items())
            raise FormatError(
                f"annotations must be outlines, got {told} in {self.path}. Give the file of the instances."
            )
        self.left_out += Counter()  # without zeros
        self.ids = _record_ids(self._images)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._images)

    @property
    def images(self) -> Sequence[Any]:
        """The entries of the images, in the order of `ids`."""
        return self._images

    @property
    def repeated(self) -> list[int | str]:
        """Ids that several annotations have; none without `ids`."""
        times = Counter(self._rows.ids or ())
        return [number for number, count in times.items() if number is not None and count > 1]

    def records(self) -> list[Record]:
        """Build all records."""
        return [self.record(index) for index in range(len(self))]

    @cached_property
    def _files(self) -> ImageFiles:
        names = [_file_name(image) for image in self._images if _named(image)]
        return ImageFiles(self.path, self._reading.images, names)

    def image_path(self, index: int) -> Path:
        """The path of the image at an index, or where it is expected."""
        return self._files.find(_file_name(self._images[index]))

    def record(self, index: int) -> Record:
        """Build a record without reading its image. Raises FormatError for an incomplete image entry."""
        image = json_fields.mapping(self._images[index], "image")
        size, number = self._polygons.headers[index]
        if number is None:
            raise FormatError(f"image must have an id, got {image!r:.60}. Write the file again.")
        if self._times[number] > 1:
            raise FormatError(
                f"image must have an id of its own, got {number!r}, which {self._times[number]} have. "
                "Write the file again."
            )
        file_name = _file_name(image)
        image_path = self._files.find(file_name)
        size = size or json_fields.size_beside(image, ("height", "width"), image_path)
        left_out: Counter[str] = Counter()
        rows = self._rows.of_image(number)
        runs = self._masks(index, rows, size, left_out)
        hidden = [] if self._crowds or self._are_brushes else self._crowds_of(rows)
        ignored = [runs.pop(row) for row in hidden if row in runs]
        if ignored:
            left_out[CROWD] += len(ignored)
        if image.get("ignore") is not None:
            nobody = attempt(left_out, partial(json_fields.segmentation_runs, image["ignore"], size))
            ignored += [nobody] if nobody is not None else []
        kept = [row for row in rows if row in runs]
        if self._rows.keypoints and (posed := self._rows.keypoints.intersection(kept)):
            left_out[KEYPOINTS] += len(posed)
        labels = [self._labels[self._rows.categories[row]] for row in kept]
        return Record(
            id=self.ids[index],
            image=image_path,
            masks=Masks(size, [runs[row] for row in kept], self._scores(kept, left_out), labels=labels),
            meta=self._meta(image, file_name, labels, kept),
            ignore=rle.union(ignored, size) if ignored else None,
            left_out=dict(left_out),
        )

    def _crowds_of(self, rows: Sequence[int]) -> list[int]:
        """Those of some rows that are crowds."""
        flags = self._rows.crowds
        return [row for row in rows if flags[row]]

    def _scores(self, rows: Sequence[int], left_out: Counter[str]) -> NDArray[np.float32] | None:
        """The scores of rows, None where there is none."""
        given = self._rows.scores
        if not given:
            return None
        return json_fields.scores([{"score": given.get(row)} for row in rows], "score", left_out)

    def _meta(
        self, image: Mapping[str, Any], file_name: str, labels: Sequence[int], rows: Sequence[int]
    ) -> dict[str, Any]:
        meta: dict[str, Any] = {name: image[name] for name in ("dataset",) if name in image}
        meta["file_name"] = file_name
        meta["categories"] = [self._categories.get(label) or f"class {label}" for label in labels]
        crowds = [self._rows.crowds[row] for row in rows]
        areas = [self._rows.areas[row] for row in rows]
        if any(crowds):
            meta["crowds"] = list(map(bool, crowds))
        if self._rows.ids is not None:
            meta["annotation_ids"] = [self._rows.ids[row] for row in rows]
        if self._rows.attributes:
            meta |= attributes.as_meta(self._rows.attributes.get(row) for row in rows)
        if rows and all(row in self._rows.tracks for row in rows):
            meta["ids"] = [self._rows.tracks[row] for row in rows]
        if rows and all(map(math.isfinite, areas)):
            meta["areas"] = areas
        return meta

    def _masks(
        self, index: int, rows: Sequence[int], size: tuple[int, int], left_out: Counter[str]
    ) -> dict[int, rle.Runs]:
        """Runs of those rows of an image that are masks."""
        categories, labels = self._rows.categories, self._labels
        known = [row for row in rows if categories[row] in labels]
        if len(known) < len(rows):
            for category in [categories[row] for row in rows if categories[row] not in labels]:
                left_out[f"damaged: category_id must be a number, got {category!r:.40}"] += 1
        found = self._polygons.of_image(index, known, size)
        for row in known if len(found) < len(known) else ():
            runs = found[row] if row in found else attempt(left_out, partial(self._runs, row, size))
            found |= {} if runs is None else {row: runs}
        return found

    def _runs(self, row: int, size: tuple[int, int]) -> rle.Runs:
        """Runs of a row that has no valid polygons alone. Raises NoMaskError, FormatError."""
        if row not in self._rows.shapes:
            return _checked_runs(self._rows, row, size)
        return _other_runs(self._rows.shapes[row], self._rows.boxes[row], size, self._reading)


def _read(path: Path, rows: Rows) -> dict[str, Any]:
    """The parts of a file other than its annotations, which are packed as they are read."""
    try:
        with open_regular(path) as file:
            stream = JsonStream(file, path)
            parts: dict[str, Any] = {}
            if stream.is_list():
                rows.take(stream.blocks(Entry))
                parts["results"] = True
            else:
                for name in stream.members():
                    if name == "annotations" and stream.is_list():
                        rows.take(stream.blocks(Entry))
                        continue
                    value = stream.value()
                    if name == "annotations" and value is not None:
                        raise FormatError(
                            f"annotations must be a list, got {value!r:.60}. Write the file again."
                        )
                    parts |= {name: value} if name in _KEPT else {}
            stream.close()
            return parts
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        if isinstance(error, FormatError):
            raise
        raise json_fields.unreadable(path, error) from None


def _rings(rows: Rows, row: int) -> list[NDArray[np.float64]]:
    """The polygons of a row, without those of one or two corners, which have no pixels."""
    first, past = rows.ring_ends[row : row + 2].tolist()
    ends = rows.corner_ends[first : past + 1].tolist()
    return [rows.places[a:b] for a, b in pairwise(ends) if b - a >= 6]


def _checked_runs(rows: Rows, row: int, size: tuple[int, int]) -> rle.Runs:
    """The runs of a row with polygons that may be damaged. Raises NoMaskError, FormatError."""
    first, past = rows.ring_ends[row : row + 2].tolist()
    counts = rows.ring_counts[first:past]
    rings = _rings(rows, row)
    if not counts.any():
        raise NoMaskError(NO_OUTLINE)
    if (counts % 2).any():
        raise FormatError("polygon must be corners x, y, got an odd number of coordinates. Leave it out.")
    if not rings:
        raise FormatError(
            f"polygon must be 3 or more corners x, y as finite numbers, got {counts.max()} numbers. "
            "Leave such polygons out."
        )
    if not all(np.isfinite(ring).all() for ring in rings):
        raise FormatError("polygon must be corners x, y as finite numbers, got others. Leave it out.")
    lengths = np.array([len(ring) // 2 for ring in rings])
    return rle.union(draw(np.concatenate(rings).reshape(-1, 2), lengths, size), size)


def _other_runs(shape: object, box: object, size: tuple[int, int], reading: Reading) -> rle.Runs:
    """Runs of run lengths, or of a box. Raises FormatError, NoMaskError."""
    if shape is None or shape == []:
        if not isinstance(box, Sequence) or len(box) != 4:
            raise NoMaskError(NO_OUTLINE)
        if not reading.boxes:
            raise NoMaskError(BOX)
        x, y, w, h = (json_fields.number(side, "bbox") for side in box)
        ring = np.array([[x, y], [x, y + h], [x + w, y + h], [x + w, y]])
        return draw(ring, np.array([4]), size)[0]
    if isinstance(shape, list):
        raise FormatError("segmentation must be a list of lists of numbers, got another list. Nest it.")
    return json_fields.segmentation_runs(shape, size)


def _named(image: object) -> bool:
    return isinstance(image, Mapping) and isinstance(image.get("file_name"), str)


def _file_name(image: Mapping[str, Any]) -> str:
    """The name of an image's file; LVIS has its address alone, others have it as the name."""
    if "file_name" not in image and "coco_url" in image:
        return str(image["coco_url"]).rpartition("/")[2]
    name = str(json_fields.field(image, "file_name", str, "image"))
    return unquote(urlsplit(name).path).lstrip("/") if _ADDRESS.match(name) else name


def _record_ids(images: Sequence[object]) -> list[str]:
    """The records' ids: the images' numbers, or names that they had before they were given one."""
    own = [image.get("name") if isinstance(image, Mapping) else None for image in images]
    times = Counter(name for name in own if isinstance(name, str))
    ids = []
    for i, (image, name) in enumerate(zip(images, own, strict=True)):
        number = image.get("id") if isinstance(image, Mapping) else None
        fallback = f"image {i}" if number is None else str(number)
        ids.append(name if isinstance(name, str) and times[name] == 1 else fallback)
    return ids


def _listed(document: Mapping[str, Any], name: str) -> list[Any]:
    """A list that may be missing."""
    entries = document.get(name) or []
    if not isinstance(entries, list):
        raise FormatError(f"{name} must be a list, got {entries!r:.60}. Write the file again.")
    return entries


def _categories(entries: Sequence[Any]) -> tuple[dict[object, int], dict[int, str]]:
    """Labels by category id, and names by label: the ids where these are numbers, else numbers after them."""
    labels: dict[object, int] = {}
    names: dict[int, str] = {}
    given = {key(json_fields.mapping(entry, "category").get("id")) for entry in entries}
    free = max([0, *(one for one in given if isinstance(one, int))])
    for entry in entries:
        number = key(entry.get("id"))
        if number is None:
            raise FormatError(f"category must have an id, got {entry!r:.60}. Write the file again.")
        if not isinstance(number, int):
            free += 1
        labels[number] = number if isinstance(number, int) else free
        names[labels[number]] = json_fields.field(entry, "name", str, "category")
    return labels, names


def _marks_brushes(info: object, images: Sequence[object]) -> bool:
    """Whether CVAT (by datumaro) wrote the file: there `iscrowd` says that a mask was drawn by brush."""
    blank = {"contributor", "date_created", "description", "url", "version", "year"}
    first = images[0] if images else None
    return (
        isinstance(info, Mapping)
        and blank == set(info)
        and not any(info.values())
        and isinstance(first, Mapping)
        and first.get("date_captured") == 0
    )


def _images_of_results(path: Path, rows: Rows, reading: Reading) -> list[dict[str, Any]]:
    """Entries for the images that results are of, their size from run lengths."""
    files = ImageFiles(path, reading.images)
    images = []
    for number, size in rows.first_sizes().items():
        h, w = size if isinstance(size, list) and len(size) == 2 else (None, None)
        name = of_number(number, files) if isinstance(number, int) else None
        if number is not None:
            images.append({"id": number, "height": h, "width": w, "file_name": name or f"{number}.jpg"})
    return images
