"""Writing of CVAT for video 1.1: a `<track>` for each object, with a polygon for each frame that shows it.

CVAT has no masks in tracks, so masks become polygons: holes are opened and parts are joined by cuts. Every
polygon is a key frame. After the last one before a gap it is repeated with outside="1", so that CVAT draws
nothing in frames without the object. Frames count from 0 in the order of the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

from anymask.errors import InputError
from anymask.formats import attributes, json_fields
from anymask.formats.cvat import SOURCES, add_attributes, label_elements, points_of, shape_runs
from anymask.formats.polygons.rings import bridge
from anymask.formats.video_ids import NUMBERED, tracks
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.formats.xml import plain_text
from anymask.geometry import rle
from anymask.types import Record

__all__ = ["KEEPS", "CvatVideoWriter"]

KEEPS = frozenset(("attributes", "categories", "ids", "source"))
"""Facts of a record that a file holds: ids are tracks."""


@dataclass
class _Track:
    """What is known of a track while frames are written."""

    label: str
    source: str
    shapes: list[tuple[int, int, int]] = field(default_factory=list)
    """Frame, place and length of each shape in the spool."""


class CvatVideoWriter:
    """Writes a file frame by frame; shapes are spooled on disk until all tracks are known."""

    def __init__(self, place: Path, outlines: Outlines) -> None:
        self._place, self._outlines = place, outlines
        self._spool = place.with_name("spool")
        self._spool.touch()
        self._end = self._count = 0
        self._size: tuple[int, int] | None = None
        self._tracks: dict[tuple[object, str], _Track] = {}
        self._labels: dict[str, dict[str, None]] = {}  # and the names of their attributes

    def add(self, record: Record) -> Page:
        """Write a frame. Raises InputError for a frame of another size than the first."""
        size = record.masks.size
        if self._size not in (None, size):
            raise InputError(
                f"frames must have one size in a video of CVAT, got {size} after {self._size}. "
                "Write --to cvat."
            )
        self._size = size
        ids, is_told = tracks(record)
        names = json_fields.names(record)
        told = attributes.of_record(record)
        runs: list[rle.Runs | None] = []
        notes: dict[int, tuple[str, ...]] = {}
        written: list[bytes] = []
        for i, id in enumerate(ids):
            shape, cuts = self._shape(record, i, told[i])
            runs.append(None if shape is None else shape_runs(shape, size))
            if shape is not None:
                key = (id if is_told else (self._count, id), plain_text(names[i]))
                track = self._tracks.setdefault(key, _Track(key[1], SOURCES[record.source]))
                written.append(self._note(track, shape))
            notes[i] = (*cuts, *(() if is_told else (NUMBERED,)))
        with self._spool.open("ab") as spool:
            spool.writelines(written)
        self._count += 1
        return Page(b"".join(written), runs, {i: note for i, note in notes.items() if note})

    def _note(self, track: _Track, shape: Element) -> bytes:
        """Note where a shape of a track will lie in the spool, and what its label needs."""
        data: bytes = tostring(shape, "utf-8", xml_declaration=False)
        track.shapes.append((self._count, self._end, len(data)))
        self._end += len(data)
        known = self._labels.setdefault(track.label, {})
        known.update(dict.fromkeys(one.attrib["name"] for one in shape))
        return data

    def _shape(
        self, record: Record, i: int, told: Mapping[str, Any]
    ) -> tuple[Element | None, tuple[str, ...]]:
        """The polygon of a mask, None for an empty one; and what was done to it."""
        parts = self._outlines.of(record, i)
        if not parts:
            return None, ()
        head = {"frame": str(self._count), "keyframe": "1", "outside": "0"}
        shape = Element("polygon", {**head, "points": points_of(bridge(parts)), "z_order": "0"})
        add_attributes(shape, told)
        return shape, (*cut_notes(parts, parts=True), *self._outlines.notes)

    def close(self) -> None:
        """Write what the file is about, and the tracks after it."""
        with self._spool.open("rb") as spool, self._place.open("wb") as file:
            file.write(b'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
            file.write(tostring(self._meta(), "utf-8", xml_declaration=False) + b"\n")
            free = count(1 + max((id for id, _ in self._tracks if isinstance(id, int)), default=0))
            for (id, _), track in self._tracks.items():
                name = str(id if isinstance(id, int) else next(free))
                head = Element("track", {"id": name, "label": track.label, "source": track.source})
                head.extend(self._shapes(track, spool))
                file.write(tostring(head, "utf-8", xml_declaration=False) + b"\n")
            file.write(b"</annotations>\n")
        self._spool.unlink()

    def _shapes(self, track: _Track, spool: BinaryIO) -> Iterator[Element]:
        """The polygons of a track; after each frame that it leaves, the polygon once more, outside."""
        later = [*(frame for frame, *_ in track.shapes[1:]), self._count]
        for (frame, at, length), following in zip(track.shapes, later, strict=True):
            spool.seek(at)
            data = spool.read(length)
            yield fromstring(data)
            if frame + 1 < following:
                gone = fromstring(data)
                gone.attrib.update(frame=str(frame + 1), outside="1")
                yield gone

    def _meta(self) -> Element:
        """The element that names the labels and the frames."""
        meta = Element("meta")
        task = SubElement(meta, "task")
        facts = {"size": self._count, "mode": "interpolation", "start_frame": 0}
        for name, value in {**facts, "stop_frame": max(self._count - 1, 0)}.items():
            SubElement(task, name).text = str(value)
        task.append(label_elements(self._labels, mutable=True))
        if self._size is not None:
            sides = SubElement(task, "original_size")
            for name, side in zip(("width", "height"), self._size[::-1], strict=True):
                SubElement(sides, name).text = str(side)
        return meta
