"""The annotations of a COCO file, packed: columns of numbers instead of an object for each."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.files import budget
from anymask.formats import json_fields

__all__ = ["Rows", "key"]

Integers = NDArray[np.int64]
_MOST_DAMAGED = 10_000
"""If so many entries at the start are no annotations, none is searched for in the rest."""
_OTHERS = frozenset(("caption", "segments_info"))  # what annotations of captions and panoptic maps have
_CHECKED = 256  # annotations, after which the budget is checked
_LARGEST = (1 << 63) - 2  # of what labels are kept in, with room for one more


def key(number: object) -> int | str | None:
    """An id, the same for 1, 1.0 and "1"; None for what is none."""
    if type(number) is int:
        return number if -_LARGEST <= number <= _LARGEST else str(number)
    found = json_fields.whole(number)
    return found if found is not None else number if isinstance(number, str) else None


class Rows:
    """Annotations by number, in the order of the file."""

    def __init__(self) -> None:
        self.corners = array("d")
        """All coordinates of all polygons in a row."""
        self.categories: list[int | str | None] = []
        """The key of each row's category."""
        self.crowds = bytearray()
        self.areas = array("d")
        """The area that each row states, in pixels; NaN for none."""
        self.scores: dict[int, object] = {}
        """Of the rows that have one."""
        self.attributes: dict[int, object] = {}
        """Of the rows that have some."""
        self.keypoints: set[int] = set()
        """The rows that have keypoints besides."""
        self.shapes: dict[int, object] = {}
        """What is no list of polygons: run lengths, or whatever else there was."""
        self.boxes: dict[int, object] = {}
        """Of the rows without an outline."""
        self.others: Counter[str] = Counter()
        """Annotations of other kinds, which are no rows."""
        self.damaged = 0
        self._images: list[int | str | None] = []
        self._rings = array("q")  # coordinates of each polygon
        self._ring_ends = array("q")  # for each row
        self._by_image: dict[object, Integers] = {}
        self._strange: set[int] = set()

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.categories)

    def take(self, entries: Iterable[object]) -> None:
        """Pack annotations; what is no object is counted."""
        for entry in entries:
            if isinstance(entry, dict):
                self._add(entry)
                if len(self) % _CHECKED == 0:
                    budget.check("annotations", "entries", len(self))
                continue
            self.damaged += 1
            if self.damaged > _MOST_DAMAGED and not self.categories:
                raise FormatError(
                    f"annotations must be objects, got {entry!r:.40} and others. Write the file again."
                )
        budget.check("annotations", "entries", len(self))

    def _add(self, entry: dict[str, Any]) -> None:
        if "segmentation" not in entry and not _OTHERS.isdisjoint(entry):
            segments = entry.get("segments_info")
            self.others["caption" if segments is None else "panoptic segments"] += (
                len(segments) if isinstance(segments, list) else 1
            )
            return
        row = len(self.categories)
        self._images.append(key(entry.get("image_id")))
        self.categories.append(key(entry.get("category_id")))
        crowd = entry.get("iscrowd")
        self.crowds.append(crowd != 0 and _is_yes(crowd))
        self.areas.append(_area(entry.get("area")))
        if entry.get("score") is not None:
            self.scores[row] = entry["score"]
        if entry.get("attributes"):
            self.attributes[row] = entry["attributes"]
        if entry.get("keypoints"):
            self.keypoints.add(row)
        shape = entry.get("segmentation")
        if not self._add_polygons(shape):
            self.shapes[row] = _packed(shape)
            self.boxes[row] = entry.get("bbox")
        self._ring_ends.append(len(self._rings))

    def _add_polygons(self, shape: object) -> bool:
        """Add a list of lists of numbers; False for anything else."""
        if type(shape) is not list or not shape:
            return False
        corners, before, first = self.corners, len(self.corners), len(self._rings)
        try:
            for part in shape:
                corners.fromlist(part)  # what is no list is a TypeError
                self._rings.append(len(part))
        except (TypeError, OverflowError):
            del corners[before:], self._rings[first:]
            return False
        return True

    def of_image(self, number: int | str) -> Sequence[int]:
        """The rows of an image, in the order of the file."""
        if not self._by_image and self._images:
            self._group()
        return self._by_image.get(number, np.zeros(0, np.int64)).tolist()  # type: ignore[no-any-return]

    def _group(self) -> None:
        """Sort rows by their image."""
        numbers: dict[object, int] = {}
        of_row = np.array([numbers.setdefault(image, len(numbers)) for image in self._images], np.int64)
        order = np.argsort(of_row, kind="stable")
        ends = np.cumsum(np.bincount(of_row, minlength=len(numbers)))
        self._by_image = dict(zip(numbers, np.split(order, ends[:-1]), strict=True))
        rings = np.frombuffer(self._rings, np.int64) if len(self._rings) else np.zeros(0, np.int64)
        self.ring_counts = rings
        self.ring_ends = np.concatenate([[0], np.frombuffer(self._ring_ends, np.int64)])
        self.corner_ends = np.concatenate([[0], np.cumsum(rings)])
        self._row_ends = self.corner_ends[self.ring_ends]
        self.places = np.frombuffer(self.corners, np.float64) if len(self.corners) else np.zeros(0)
        bad = np.flatnonzero(~np.isfinite(self.places))
        strange = np.concatenate(
            [
                np.flatnonzero((rings % 2 != 0) | (rings < 6)),
                np.searchsorted(self.corner_ends, bad, side="right") - 1,
            ]
        )
        self._strange = {*(np.searchsorted(self.ring_ends, strange, side="right") - 1).tolist(), *self.shapes}

    def plain(self, rows: Sequence[int]) -> Sequence[int]:
        """Those of some rows that have polygons alone, all of three or more finite corners."""
        if not self._strange:
            return rows
        return [row for row in rows if row not in self._strange]

    def corners_of(self, rows: Sequence[int]) -> int:
        """The number of corners of the polygons of rows."""
        chosen = np.asarray(rows, np.int64)
        return int((self._row_ends[chosen + 1] - self._row_ends[chosen]).sum()) // 2

    def polygons(self, rows: Sequence[int]) -> tuple[NDArray[np.float64], Integers, list[int]]:
        """All coordinates of the polygons of rows, how many each polygon has, and its row."""
        chosen = np.asarray(rows, np.int64)
        rings = self.ring_ends[chosen + 1] - self.ring_ends[chosen]
        polygons = _ranges(self.ring_ends[chosen], rings)
        counts = self.ring_counts[polygons]
        places = self.places[_ranges(self.corner_ends[polygons], counts)]
        return places, counts, np.repeat(chosen, rings).tolist()

    def images(self) -> Counter[int | str | None]:
        """The number of rows of each image."""
        return Counter(self._images)

    def first_sizes(self) -> dict[int | str | None, object]:
        """The size of the first run lengths of each image that has some."""
        found: dict[int | str | None, object] = {}
        for row, image in enumerate(self._images):
            shape = self.shapes.get(row)
            found.setdefault(image, None)
            if found[image] is None and isinstance(shape, Mapping):
                found[image] = shape.get("size")
        return found


def _ranges(starts: Integers, counts: Integers) -> Integers:
    """start, start + 1, ... for each start, as many as its count."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if ends.size else 0) + np.repeat(starts - ends + counts, counts)


def _area(value: object) -> float:
    """A stated area, NaN for what is none."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
    return float(value) if usable else float("nan")  # type: ignore[arg-type]


def _is_yes(value: object) -> bool:
    """A flag, also as text."""
    if isinstance(value, str):
        return value.strip().lower() in ("1", "1.0", "true", "yes")
    return bool(value)


def _packed(shape: object) -> object:
    """Run lengths as an array where they are a list of whole numbers."""
    if isinstance(shape, Mapping) and isinstance(shape.get("counts"), list) and shape["counts"]:
        try:
            return {**shape, "counts": np.frombuffer(array("q", shape["counts"]), np.int64)}
        except (TypeError, OverflowError):
            return shape
    return shape
