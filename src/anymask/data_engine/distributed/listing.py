"""The images of a source: a folder, a list, or an address, each with an id."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import basename, splitext

from anymask.data_engine.sources import name_paths, read_list
from anymask.errors import InputError
from anymask.files.places import is_address, open_place
from anymask.images.folder import IMAGE_SUFFIXES

__all__ = ["Source", "open_source"]


@dataclass(frozen=True)
class Source:
    """The images of a source; `images` lists them when it is called."""

    address: str
    """The place that the paths are relative to."""
    list_file: Path | None = None
    """The list, if the source is one."""
    note: Callable[[str], object] = str
    """Called with what the user should know about the images."""

    def images(self) -> Iterator[tuple[str, str, int]]:
        """(id, path, bytes) of every image, in order. Raises InputError where there is none."""
        found = self._listed() if self.list_file is not None else list(open_place(self.address).walk())
        images = [(path, size) for path, size in found if _is_image(path) or self.list_file is not None]
        if not images:
            raise InputError(
                f"source must hold images, got none in {self.address}. "
                f"Known suffixes: {', '.join(IMAGE_SUFFIXES)}."
            )
        names = name_paths(path if self.list_file is None else basename(path) for path, _ in images)
        for id, (path, size) in zip(names, images, strict=True):
            yield id, path, size

    def _listed(self) -> list[tuple[str, int]]:
        """The images of the list, each once."""
        assert self.list_file is not None, "the source is a list"
        return [(line, self._size(line)) for line in read_list(self.list_file, self.note)]

    def _size(self, line: str) -> int:
        """The bytes of a file; 0 where that is not known now."""
        try:
            return 0 if is_address(line) else os.path.getsize(os.path.join(self.address, line))
        except OSError:
            return 0


def _is_image(path: str) -> bool:
    return splitext(path)[1].lower() in IMAGE_SUFFIXES


def open_source(name: str, note: Callable[[str], object] = str) -> Source:
    """The source that a name means: an address, a folder, or a list with one file name or address a line.

    Names in a list are relative to its folder. Raises InputError for a source that is not there.
    """
    if is_address(name):
        place = open_place(name)
        if not place.is_there():
            raise InputError(
                f"source must be a folder that exists, got {name}, where nothing is. Check the name."
            )
        return Source(place.address, None, note)
    path = Path(name).resolve()
    return Source(str(path), None, note) if path.is_dir() else Source(str(path.parent), path, note)
