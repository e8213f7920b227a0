"""YOLO segmentation: a folder with `labels/<image>.txt`, a line for each mask, and `data.yaml` with the
names.

A line is the class number, then x y of one ring in fractions of the image width and height. Parts and
holes of a mask are joined to one ring by zero-width cuts. The image size is not stored: reading needs the
images near (`images/<image>.*`) or their folder. `yolo_reading` reads.
"""

from __future__ import annotations

from pathlib import Path

from anymask.formats import json_fields
from anymask.formats.class_names import dump
from anymask.formats.polygons.rings import bridge
from anymask.formats.safe_paths import Stems
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.formats.yolo_reading import items, ring_runs
from anymask.geometry import rle
from anymask.types import Record

__all__ = ["KEEPS", "YoloWriter", "items", "ours"]

KEEPS = frozenset(("categories", "labels"))
"""Facts of a record that a folder holds; labels become 0, 1, ..."""
_NAMES = "data.yaml"
_DECIMALS = 7


def ours(name: str) -> bool:
    """Whether this format writes files of this name."""
    return name == _NAMES or name.endswith(".txt")


class YoloWriter:
    """Writes the folder; classes are numbered in order of appearance."""

    def __init__(self, place: Path, outlines: Outlines) -> None:
        (place / "labels").mkdir(parents=True)
        self._place, self._outlines = place, outlines
        self._stems, self._files, self._classes = Stems(), dict[str, str](), dict[str, int]()

    def add(self, record: Record) -> Page:
        """Write an image's lines."""
        lines: list[str] = []
        runs: list[rle.Runs | None] = []
        notes: dict[int, tuple[str, ...]] = {}
        for i, name in enumerate(json_fields.names(record)):
            parts = self._outlines.of(record, i)
            runs.append(None)
            if not parts:
                continue
            number = self._classes.setdefault(name, len(self._classes))
            shares = (bridge(parts) / record.masks.size[::-1]).round(_DECIMALS)
            places = " ".join(f"{place:.{_DECIMALS}g}" for place in shares.ravel().tolist())
            lines.append(f"{number} {places}")
            runs[-1] = ring_runs([float(word) for word in lines[-1].split()[1:]], record.masks.size)
            note = (*cut_notes(parts, parts=True), *self._outlines.notes)
            notes |= {i: note} if note else {}
        data = "".join(f"{line}\n" for line in lines).encode()
        self._append(record, data)
        return Page(data, runs, notes)

    def _append(self, record: Record, data: bytes) -> None:
        """Add lines to the label file of an image, which several records may be of.

        Raises InputError if the stem is taken by another image.
        """
        name = json_fields.file_name(record)
        if name not in self._files:
            inner = Path(json_fields.stem(record))
            under = (
                inner.relative_to("images")
                if inner.parts[0] == "images" and inner.name != "images"
                else inner
            )
            self._files[name] = self._stems.name(under.as_posix(), unique=True)
        file = self._place / "labels" / f"{self._files[name]}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as out:
            out.write(data)

    def close(self) -> None:
        """Write the names."""
        names = {number: name for name, number in self._classes.items()}
        (self._place / _NAMES).write_text(dump(names), "utf-8")
