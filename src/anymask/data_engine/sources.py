"""The images to annotate: those of a folder or of a list, each with a name of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from posixpath import splitext

from anymask.errors import InputError
from anymask.files import read_regular
from anymask.images.folder import IMAGE_SUFFIXES, list_files

__all__ = ["Item", "find_items", "name_items", "name_paths", "read_list", "without_dots"]

_PLAIN = str.maketrans("/.", "__")


@dataclass(frozen=True)
class Item:
    """An image file to process."""

    id: str
    """The name of its output files, unlike that of any other item."""
    path: Path
    """The file."""


def find_items(
    source: str | os.PathLike[str],
    on_error: Callable[[OSError], object] | None = None,
    note: Callable[[str], object] = str,
) -> list[Item]:
    """The images of a folder and its subfolders, by name, or those that a text file lists, in its order.

    A list has one file name per line, relative to the list's own folder; empty lines and those that begin
    with # do not count, and a name that comes again counts once. For `on_error` see `list_files`; `note` is
    called with what the user should know. Raises InputError where there is no image.
    """
    place = Path(source)
    files: list[tuple[Path, PurePath]]
    if place.is_dir():
        files = [(path, path.relative_to(place)) for path in list_files(place, on_error=on_error)]
    else:
        files = [(place.parent / line, PurePath(PurePath(line).name)) for line in read_list(place, note)]
    if not files:
        raise InputError(
            f"source must hold images, got none in {place}. Known suffixes: {', '.join(IMAGE_SUFFIXES)}."
        )
    return name_items(files)


def name_items(files: Iterable[tuple[Path, PurePath]]) -> list[Item]:
    """Items from files and their paths in the folder that was given: `sub/c.jpg` becomes sub_c.

    Of two with the same name, in any case, the later gets -2, and so on.
    """
    pairs = list(files)
    ids = _unique("_".join(inner.with_suffix("").parts) for _, inner in pairs)
    return [Item(id, path) for id, (path, _) in zip(ids, pairs, strict=True)]


def without_dots(items: Sequence[Item]) -> list[Item]:
    """The same with _ for dots in names: to WebDataset a name in a shard ends at its first dot."""
    names = _unique(item.id.replace(".", "_") for item in items)
    return [replace(item, id=name) for item, name in zip(items, names, strict=True)]


def name_paths(paths: Iterable[str]) -> list[str]:
    """Names for files in shards from their paths, as `name_items` and `without_dots` give them."""
    return _unique(splitext(path)[0].lstrip("/").translate(_PLAIN) for path in paths)


def read_list(path: Path, note: Callable[[str], object] = str) -> list[str]:
    """The file names in a list, each once, see `find_items`. Raises InputError for a file that is no list."""
    try:
        text = read_regular(path, f"list {path.name}").decode("utf-8-sig")
        lines = [line.strip() for line in text.splitlines()]
    except OSError as error:
        raise InputError(
            f"source must be a folder or a list that exists, got {path} ({error.strerror}). Check the name."
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            f"source must be a folder or a text file, got {path}. Write one file name per line."
        ) from None
    names = [line for line in lines if line and not line.startswith("#")]
    once = list(dict.fromkeys(names))
    if len(once) < len(names):
        note(f"{len(names) - len(once)} lines of {path.name} name a file again; it is used once")
    return once


def _unique(names: Iterable[str]) -> list[str]:
    """Names with -2, -3, ... where they come again."""
    taken: set[str] = set()
    out = []
    for name in names:
        number, own = 1, name
        while own.casefold() in taken:  # for disks on which a.jpg and A.jpg are one file
            number += 1
            own = f"{name}-{number}"
        taken.add(own.casefold())
        out.append(own)
    return out
