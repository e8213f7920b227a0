"""Base of all writers: pages (one image as written and as read back), targets, single files and folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from anymask.errors import InputError, OutputError
from anymask.formats.json_fields import file_name, stem
from anymask.formats.polygons import trace as contours
from anymask.formats.polygons.rings import Polygon
from anymask.formats.safe_paths import Stems
from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.types import Record

__all__ = [
    "CORNERS_DROPPED",
    "COVERED",
    "CROWD",
    "HIDDEN",
    "HOLES_CUT",
    "LEFT_OUT",
    "MERGED",
    "PARTS_JOINED",
    "FolderWriter",
    "Outlines",
    "Page",
    "SingleWriter",
    "Target",
    "Writer",
    "beside",
    "cut_notes",
]

HOLES_CUT = "holes opened by cuts"
PARTS_JOINED = "parts joined by cuts"
CORNERS_DROPPED = "corners dropped"
HIDDEN = "partly hidden by other masks"
COVERED = "drawn over ignored pixels"
MERGED = "merged with others of its label"
LEFT_OUT = "left out"
CROWD = "a crowd, written as one object"


@dataclass(frozen=True)
class Outlines:
    """How masks become polygons."""

    polygons: bool = False
    """Polygons even where the format holds masks as pixels."""
    max_loss: float = 0.0
    """1 - IoU that a polygon may lose to have fewer corners; 0 for the exact outline."""
    frame: Frame | None = None
    """Of the masks' logits: with it, and a loss allowed, outlines are the logits' zero line."""

    def __post_init__(self) -> None:
        """Check the loss. Raises InputError if it is out of range."""
        if not 0 <= self.max_loss < 1:
            raise InputError(f"max_loss must be from 0 to below 1, got {self.max_loss}. Try 0.01.")

    def of(self, record: Record, index: int) -> list[Polygon]:
        """The polygons of one mask."""
        masks = record.masks
        logits = None if masks.logits is None else masks.logits[index]
        return contours.polygons(
            masks.rles[index], masks.size, self.max_loss, logits=logits, frame=self.frame
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on every polygon drawn this way."""
        return (CORNERS_DROPPED,) if self.max_loss > 0 else ()


def cut_notes(polygons: Sequence[Polygon], *, parts: bool) -> tuple[str, ...]:
    """Notes on the zero-width cuts needed if each polygon (with `parts`: all together) becomes one ring."""
    holes = any(len(polygon) > 1 for polygon in polygons)
    return (*([HOLES_CUT] if holes else []), *([PARTS_JOINED] if parts and len(polygons) > 1 else []))


@dataclass(frozen=True)
class Page:
    """One image's annotations as they are written."""

    data: bytes
    """The file, or the part of a file."""
    runs: Sequence[rle.Runs | None]
    """For each mask of the record what a reader gets; None where it gets nothing."""
    notes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """What was done to single masks, by their number."""


Encode = Callable[[Record, Outlines, "Path | None"], Page]
"""Makes the file of a record; the path is where the file will lie, None where nobody knows."""


class Writer(Protocol):
    """Writes records one by one to a file or folder at a temporary path."""

    def add(self, record: Record) -> Page:
        """Write a record, or raise InputError and write nothing of it."""

    def close(self) -> None:
        """Finish the file or folder."""


@dataclass(frozen=True)
class Target:
    """Where and how a writer writes."""

    place: Path
    """Where to write now."""
    home: Path | None
    """Where that will lie; None for what is packed up and sent, and must name no folders of ours."""
    outlines: Outlines
    many: bool
    """Whether several records are a folder."""


class SingleWriter:
    """A file that holds one image's annotations."""

    def __init__(self, target: Target, encode: Encode) -> None:
        self._target, self._encode = target, encode
        self._first: str | None = None

    def add(self, record: Record) -> Page:
        """Write the record. Raises OutputError for a second one."""
        if self._first is not None:
            raise OutputError(
                f"records must be a single one for one file of this format, got '{self._first}' and "
                f"'{record.id}'. Name a folder as the output."
            )
        page = self._encode(record, self._target.outlines, self._target.home)
        self._target.place.write_bytes(page.data)
        self._first = record.id
        return page

    def close(self) -> None:
        """Raise OutputError if there was no record."""
        if self._first is None:
            raise OutputError("records must be a single one for one file, got none. Look at the input.")


class FolderWriter:
    """A folder with one file per image, named after the image, with its subfolders."""

    def __init__(self, target: Target, encode: Encode, suffix: str, *, told: bool) -> None:
        """told: whether the files name their image; otherwise the stems of all images must differ."""
        target.place.mkdir(parents=True, exist_ok=True)
        self._target, self._encode, self._suffix, self._told = target, encode, suffix, told
        self._stems = Stems()

    def add(self, record: Record) -> Page:
        """Write a record's file. Raises InputError for a stem that another image has."""
        name = self._stems.name(stem(record), unique=not self._told) + self._suffix
        home = self._target.home
        page = self._encode(record, self._target.outlines, None if home is None else home / name)
        path = self._target.place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page.data)
        return page

    def close(self) -> None:
        """Nothing to finish."""


def beside(record: Record, home: Path | None) -> str:
    """The image path that a file at `home` stores: relative to the file if `home` is known."""
    name = Path(file_name(record))
    if home is not None and isinstance(record.image, Path) and record.image.is_file():
        try:
            return Path(os.path.relpath(record.image.resolve(), home.parent.resolve())).as_posix()
        except ValueError:  # on another drive
            return name.name
    return name.name
