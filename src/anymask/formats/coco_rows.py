"""The annotations of a COCO file, packed: columns of numbers instead of an object for each."""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.files import budget
from anymask.formats import json_fields

__all__ = ["Entry", "Rows", "key"]

Integers = NDArray[np.int64]
_MOST_DAMAGED = 10_000
"""If so many entries at the start are no annotations, none is searched for in the rest."""
_LARGEST = (1 << 63) - 2  # of what labels are kept in, with room for one more


def _keys(numbers: list[Any]) -> list[int | str | None]:
    """The key of each id."""
    plain = {type(one) for one in numbers} == {int} and -_LARGEST <= min(numbers) <= max(numbers) <= _LARGEST
    return numbers if plain else [key(one) for one in numbers]


def key(number: object) -> int | str | None:
    """An id, the same for 1, 1.0 and "1"; None for what is none."""
    if type(number) is int:
        return number if -_LARGEST <= number <= _LARGEST else str(number)
    found = json_fields.whole(number)
    return found if found is not None else number if isinstance(number, str) else None


class Entry(msgspec.Struct, gc=False):
    """An annotation, as far as it is read; of any types."""

    id: Any = None
    image_id: Any = None
    category_id: Any = None
    segmentation: Any = None
    iscrowd: Any = None
    area: Any = None
    bbox: Any = None
    score: Any = None
    attributes: Any = None
    track_id: Any = None
    keypoints: Any = None
    caption: Any = None
    segments_info: Any = None


def _entry(one: dict[str, Any]) -> Entry:
    return Entry(**{name: one[name] for name in Entry.__struct_fields__ if name in one})


class Rows:
    """Annotations by number, in the order of the file."""

    def __init__(self, *, ids: bool = False) -> None:
        """ids: whether the annotations' ids are kept."""
        self.ids: list[int | str | None] | None = [] if ids else None
        """The key of each row's id."""
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
        self.tracks: dict[int, int | str] = {}
        """The object of a video that each row is, of the rows that tell."""
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
        self._by_image: dict[object, list[int]] = {}
        self._corners: dict[object, int] = {}
        self._strange: set[int] = set()

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.categories)

    def take(self, blocks: Iterable[Sequence[Any]]) -> None:
        """Pack annotations: blocks of `Entry` alone, or of dictionaries; what is no object is counted."""
        for block in blocks:
            packed = bool(block) and type(block[0]) is Entry
            entries = block if packed else [_entry(one) for one in block if isinstance(one, dict)]
            self.damaged += len(block) - len(entries)
            if self.damaged > _MOST_DAMAGED and not self.categories:
                raise FormatError(
                    f"annotations must be objects, got {block[-1]!r:.40} and others. Write the file again."
                )
            self._add([one for one in entries if one.segmentation is not None or not self._is_other(one)])
            budget.check("annotations", "entries", len(self))

    def _is_other(self, entry: Entry) -> bool:
        """Whether an annotation without a segmentation is of a kind that never has one; it is counted."""
        if entry.caption is None and entry.segments_info is None:
            return False
        segments = entry.segments_info
        kind, count = ("caption", 1) if segments is None else ("panoptic segments", 1)
        self.others[kind] += len(segments) if isinstance(segments, list) else count
        return True

    def _add(self, entries: Sequence[Entry]) -> None:
        start = len(self.categories)
        self._images += _keys([one.image_id for one in entries])
        self.categories += _keys([one.category_id for one in entries])
        if self.ids is not None:
            self.ids += _keys([one.id for one in entries])
        crowds = [one.iscrowd for one in entries]
        self.crowds += bytes([crowd != 0 and _is_yes(crowd) for crowd in crowds])
        self.areas.fromlist(_areas([one.area for one in entries]))
        shapes = [one.segmentation for one in entries]
        if not self._add_rings(shapes):
            for row, (shape, entry) in enumerate(zip(shapes, entries, strict=True), start):
                if not self._add_polygons(shape):
                    self.shapes[row] = _packed(shape)
                    self.boxes[row] = entry.bbox
                self._ring_ends.append(len(self._rings))
        self.scores |= {row: one.score for row, one in enumerate(entries, start) if one.score is not None}
        self.attributes |= {row: one.attributes for row, one in enumerate(entries, start) if one.attributes}
        known = (
            (row, key(one.track_id)) for row, one in enumerate(entries, start) if one.track_id is not None
        )
        self.tracks |= {row: track for row, track in known if track is not None}
        self.keypoints |= {row for row, one in enumerate(entries, start) if one.keypoints}

    def _add_rings(self, shapes: Sequence[Any]) -> bool:
        """Add shapes that are a single polygon each, all at once; False if one is anything else."""
        if not all(type(shape) is list and len(shape) == 1 and type(shape[0]) is list for shape in shapes):
            return False
        first, places = len(self._rings), list[Any]()
        for (ring,) in shapes:
            places += ring
        try:
            self.corners.frombytes(_floats(places))
        except struct.error:
            return False
        self._rings.fromlist([len(ring) for (ring,) in shapes])
        self._ring_ends.fromlist(list(range(first + 1, len(self._rings) + 1)))
        return True

    def _add_polygons(self, shape: object) -> bool:
        """Add a list of lists of numbers; False for anything else."""
        if type(shape) is not list or not shape:
            return False
        corners, before, first = self.corners, len(self.corners), len(self._rings)
        try:
            for part in shape:
                corners.frombytes(_floats(part))
                self._rings.append(len(part))
        except (TypeError, struct.error):
            del corners[before:], self._rings[first:]
            return False
        return True

    def of_image(self, number: int | str) -> Sequence[int]:
        """The rows of an image, in the order of the file."""
        if not self._by_image and self._images:
            self._group()
        return self._by_image.get(number, ())

    def _group(self) -> None:
        """Sort rows by their image."""
        numbers: dict[object, int] = {}
        of_row = np.array([numbers.setdefault(image, len(numbers)) for image in self._images], np.int64)
        order = np.argsort(of_row, kind="stable")
        ends = np.cumsum(np.bincount(of_row, minlength=len(numbers)))
        bounds = [0, *ends.tolist()]
        self._by_image = {
            number: order[a:b].tolist() for number, a, b in zip(numbers, bounds, bounds[1:], strict=False)
        }
        rings = np.frombuffer(self._rings, np.int64) if len(self._rings) else np.zeros(0, np.int64)
        self.ring_counts = rings
        self.ring_ends = np.concatenate([[0], np.frombuffer(self._ring_ends, np.int64)])
        self.corner_ends = np.concatenate([[0], np.cumsum(rings)])
        of_rows = np.bincount(of_row, np.diff(self.corner_ends[self.ring_ends])) / 2
        self._corners = dict(zip(numbers, of_rows.astype(np.int64).tolist(), strict=True))
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

    def corners_of(self, number: int | str) -> int:
        """The number of corners of the polygons of an image."""
        return self._corners.get(number, 0)

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


def _floats(numbers: list[Any]) -> bytes:
    """Numbers as float64, faster than `array.fromlist`. Raises struct.error or TypeError for others."""
    if type(numbers) is not list:
        raise TypeError
    return struct.pack(f"{len(numbers)}d", *numbers)


def _areas(values: list[Any]) -> list[float]:
    """The area of each value, see `_area`."""
    plain = set(map(type, values)) <= {int, float} and max(values, default=0) <= _LARGEST
    return values if plain and min(values, default=0) >= -_LARGEST else [_area(one) for one in values]


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
