"""Masks of COCO's polygons, drawn for many images at once while images are read in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import TypeAlias

import numpy as np

from anymask.errors import FormatError
from anymask.formats import json_fields
from anymask.formats.coco_rows import Rows, key
from anymask.formats.polygons.rasterise import draw
from anymask.geometry import rle

__all__ = ["PlainPolygons"]

_MOST_KEPT = 1 << 24  # bytes that stay with the process between batches
_MOST_CORNERS = 1 << 12  # of polygons that are drawn before their image is asked for

_Size: TypeAlias = tuple[int, int]


class PlainPolygons:
    """Draws the rows that have valid polygons alone."""

    def __init__(self, rows: Rows, images: Sequence[object]) -> None:
        """rows: all annotations; images: the image entries of the file."""
        _reuse_memory()
        self._rows = rows
        self.headers = [_header(image) for image in images]
        """The size and the id of each image, None where the entry has no valid one."""
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
        for size, number in islice(self.headers, index + 1, None):
            if size is None or number is None:
                continue
            rows = self._rows.of_image(number)
            corners += self._rows.corners_of(number)
            if corners > _MOST_CORNERS:
                return
            yield size, self._rows.plain(rows)

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


@cache
def _reuse_memory() -> None:
    """Let the C library keep the memory that a batch's arrays leave, so that the next one has no page faults.

    glibc raises the size up to which it keeps memory when a larger block is freed; it is never written to.
    """
    np.empty(_MOST_KEPT, np.uint8)


def _header(image: object) -> tuple[_Size | None, int | str | None]:
    """The size and the id of an image, None where the entry has no valid one."""
    if not isinstance(image, Mapping):
        return None, None
    try:
        size = json_fields.read_size(image, "image")
    except FormatError:
        size = None
    return size, key(image.get("id"))
