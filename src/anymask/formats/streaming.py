"""Read records from a file or folder, one at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from anymask.errors import AnymaskError, FormatError, unknown_name
from anymask.formats.json_fields import inner_path
from anymask.formats.layouts import NO_ANNOTATIONS, OTHER_KIND, Layout, layout, split_of
from anymask.formats.reading import Reading, as_images
from anymask.formats.registry import READERS
from anymask.types import Record

__all__ = ["OnError", "OnLeftOut", "read", "stream"]

OnError = Callable[[str, Exception], None]
"""Called with the id of a record and its error."""
OnLeftOut = Callable[[str, str, int], None]
"""Called with a file name, a kind of annotation, and how many of that kind belong to no record."""
OnItem = Callable[[int, int, str], None]
_DAMAGE = (AnymaskError, OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)


def read(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    images: str | os.PathLike[str] | Mapping[str, Path] | None = None,
    boxes: bool = False,
) -> list[Record]:
    """Read all records, see `stream`. Raises FormatError or ImageError for a corrupt one."""
    return list(stream(path, format, images=images, boxes=boxes))


def stream(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    images: str | os.PathLike[str] | Mapping[str, Path] | None = None,
    boxes: bool = False,
    on_error: OnError | None = None,
    on_item: OnItem | None = None,
    on_left_out: OnLeftOut | None = None,
) -> Iterator[Record]:
    """Read records one at a time. Annotations that gave no mask are counted in `Record.left_out`.

    format: one of READERS; None: detected from the content. A folder may hold several files, of several
    formats.
    images: the folder of the images, or the images by name; None: searched near the file. Images are read
    lazily.
    boxes: whether annotations that are only a box become masks that fill the box.
    on_error: called for a corrupt record, which is then left out; None: FormatError is raised.
    on_item: called before each record with its index, the total (0 if unknown) and its id.
    on_left_out: called for annotations that belong to no record, such as those of a missing image; None: a
    Python warning is issued.

    Raises FormatError if there is no record at all.
    """
    place = Path(path)
    if format is not None and format not in READERS:
        raise unknown_name("format", format, READERS)
    if format is not None and READERS[format].is_folder and not place.is_dir():
        found = (
            "a file. Give the folder it is in" if place.exists() else "which does not exist. Check the name"
        )
        raise FormatError(f"path must be a folder, as {format} is one, got {path}, {found}.")
    there = layout(place, format)
    reading = Reading(as_images(images), boxes, there.root if place.is_dir() else None)
    yield from _Run(there, reading, on_error, on_item, on_left_out or _warn).records(place)


@dataclass
class _Run:
    """One pass over the sources of a path."""

    layout: Layout
    reading: Reading
    on_error: OnError | None
    on_item: OnItem | None
    on_left_out: OnLeftOut
    done: int = 0
    told: list[str] = field(default_factory=list)
    named: dict[str, object] = field(default_factory=dict)
    """The image of each name, where several files name images."""

    def records(self, path: Path) -> Iterator[Record]:
        """All records. Raises FormatError if there is none."""
        for file, kind in self.layout.passed_over.items():
            self.on_left_out(self.reading.inside(file).as_posix(), kind, 1)
        count = 0
        for format, source in self.layout.sources:
            for record in self._of_source(format, source):
                count += 1
                yield record
        if not count:
            more = f"; and {len(self.told) - 1} more" if len(self.told) > 1 else ""
            why = f" ({self.told[0].rstrip('.')}{more})" if self.told else ""
            raise FormatError(
                f"path must hold annotations of an image, got none in {path.name or path}{why}. "
                "Check its contents, or export it again."
            )

    def _of_source(self, format: str, source: Path) -> Iterator[Record]:
        try:
            items = READERS[format].items(source, self.reading)
        except _DAMAGE as damage:
            if len(self.layout.sources) == 1:
                raise
            self._tell(self.reading.inside(source).as_posix(), damage)
            return
        several = len(self.layout.sources) > 1
        known = items.entries if isinstance(items.entries, Sequence) else ()
        total = len(self.layout.sources) if several else len(known)
        for id, load in items.entries:
            if self.on_item is not None:
                self.on_item(self.done, total, id)
            self.done += 1
            try:
                record = load()
            except _DAMAGE as damage:
                self._tell(id, damage)
            else:
                yield (
                    self._placed(record, source) if several or self.reading.root == source.parent else record
                )
        for kind, number in items.left_out.items():
            self.told.append(f"{number} {kind}")
            self.on_left_out(self.reading.inside(source).as_posix() if several else source.name, kind, number)

    def _tell(self, id: str, damage: Exception) -> None:
        error = damage if isinstance(damage, AnymaskError) else _unreadable(id, damage)
        if self.on_error is None:
            raise error from damage
        self.told.append(" ".join(str(error).split())[:200])
        self.on_error(id, error)

    def _placed(self, record: Record, source: Path) -> Record:
        """A record from one of several files, its image named by its path within the folder that is read."""
        root = self.reading.root
        split = split_of(source, root) if root is not None else Path()
        if not split.parts:
            return self._apart(record)
        name = PurePosixPath(inner_path(str(record.meta.get("file_name", f"{record.id}.jpg"))).as_posix())
        if name.parts[: len(split.parts)] != split.parts:
            name = PurePosixPath(split.as_posix()) / name
        id = PurePosixPath(record.id)
        if id.parts[: len(split.parts)] != split.parts:
            id = PurePosixPath(split.as_posix()) / record.id
        return replace(record, id=id.as_posix(), meta={**record.meta, "file_name": name.as_posix()})

    def _apart(self, record: Record) -> Record:
        """A record with a name of its own: `val/a.png` where another image, in another folder, is `a.png`."""
        name, image = str(record.meta.get("file_name", f"{record.id}.jpg")), record.image
        if self.named.setdefault(name, image) == image or not isinstance(image, Path) or not image.is_file():
            return record
        folder = image.parent.name
        meta = {**record.meta, "file_name": f"{folder}/{PurePosixPath(name).name}"}
        return replace(record, id=f"{folder}/{record.id}", meta=meta)


def _warn(file: str, kind: str, number: int) -> None:
    if kind not in (NO_ANNOTATIONS, OTHER_KIND):
        warnings.warn(f"{file}: {number} left out: {kind}", stacklevel=3)


def _unreadable(id: str, damage: Exception) -> FormatError:
    """The error for an unexpected exception while reading."""
    return FormatError(
        f"record {id} must be readable, got {type(damage).__name__}: {damage}. Write the file again."
    )
