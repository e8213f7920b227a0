"""Masks of COCO's polygons, drawn for many images at once while images are read in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from anymask.errors import FormatError
from anymask.formats import json_fields
from anymask.formats.coco_rows import Rows, key
from anymask.formats.polygons.rasterise import draw
from anymask.geometry import rle

__all__ = ["PlainPolygons"]

_MOST_CORNERS = 1 << 12  # of polygons that are drawn before their image is asked for

_Size: TypeAlias = tuple[int, int]


class PlainPolygons:
    """Draws the rows that have valid polygons alone."""

    def __init__(self, rows: Rows, images: Sequence[object]) -> None:
        """rows: all annotations; images: the image entries of the file."""
        self._rows, self._images = rows, images
        self._ready: dict[int, rle.Runs] = {}
        self._next = 0  # the image that is read next if images are read in order

    def of_image(self, index: int, rows: Sequence[int], size: _Size) -> dict[int, rle.Runs]:
        """Runs of those of the rows of an image that are plain. size: (H, W) of the image."""
        plain = self._rows.plain(rows)
        ready = self._ready
        if plain and plain[0] not in ready:
            groups: dict[_Size, Sequence[int]] = {size: plain}
            for other, more in self._following(index) if index == self._next else ():
                groups[other] = [*groups.get(other, ()), *more]
            ready = {}
            for one, members in groups.items():
                ready |= self._drawn(members, one)
            self._ready = ready
        self._next = index + 1
        return {row: ready[row] for row in plain}

    def _following(self, index: int) -> Iterator[tuple[_Size, Sequence[int]]]:
        """Sizes and plain rows of the images after one, up to a number of corners."""
        corners = 0
        for later in range(index + 1, len(self._images)):
            size, number = _header(self._images[later])
            if size is None or number is None:
                continue
            rows = self._rows.plain(self._rows.of_image(number))
            corners += self._rows.corners_of(rows)
            if corners > _MOST_CORNERS:
                return
            yield size, rows

    def _drawn(self, rows: Sequence[int], size: _Size) -> dict[int, rle.Runs]:
        """The runs of each row, the union of its polygons."""
        places, counts, owners = self._rows.polygons(rows)
        runs = draw(places.reshape(-1, 2), counts // 2, size)
        found = dict(zip(owners, runs, strict=True))
        if len(found) == len(owners):
            return found
        parts: dict[int, list[rle.Runs]] = {}
        for row, one in zip(owners, runs, strict=True):
            parts.setdefault(row, []).append(one)
        return {row: rle.union(several, size) for row, several in parts.items()}


def _header(image: object) -> tuple[_Size | None, int | str | None]:
    """The size and the id of an image, None where the entry has no valid one."""
    try:
        entry = json_fields.mapping(image, "image")
        return json_fields.read_size(entry, "image"), key(entry.get("id"))
    except FormatError:
        return None, None
