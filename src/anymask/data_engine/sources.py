"""Which pictures: those of a folder, or of a list in a file, each with a name of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anymask.errors import InputError
from anymask.formats.json_fields import PICTURE_SUFFIXES

__all__ = ["Item", "find_items", "without_dots"]


@dataclass(frozen=True)
class Item:
    """A picture to look at."""

    id: str
    """The name that it has in the data set."""
    path: Path
    """The file."""


def find_items(source: str | os.PathLike[str]) -> list[Item]:
    """The pictures of a folder and the folders in it, by name, or those that a text file lists, in its order.

    A list has a file name on each line, from the list's own folder on; empty lines and those that begin with
    # do not count. A picture is named after its path in the folder, `a/b.jpg` as a_b; of two with one name
    the later gets -2. Raises InputError where there is no picture.
    """
    place = Path(source)
    if place.is_dir():
        files = sorted(path for path in place.rglob("*") if _is_picture(path, place))
        names = [path.relative_to(place) for path in files]
    else:
        files = [place.parent / line for line in _lines(place)]
        names = [Path(path.name) for path in files]
    if not files:
        raise InputError(
            f"pictures must be in {place}, got none. Known suffixes: {', '.join(PICTURE_SUFFIXES)}."
        )
    stems = ["_".join(name.with_suffix("").parts) for name in names]
    return [Item(id, path) for id, path in zip(_unique(stems), files, strict=True)]


def without_dots(items: Sequence[Item]) -> list[Item]:
    """The same with _ for dots in names: to WebDataset a name in a shard ends at its first dot."""
    names = _unique(item.id.replace(".", "_") for item in items)
    return [replace(item, id=name) for item, name in zip(items, names, strict=True)]


def _is_picture(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in PICTURE_SUFFIXES and path.is_file()


def _lines(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except OSError as error:
        raise InputError(
            f"pictures must be a folder or a list that exists, got {path} ({error.strerror}). Check the name."
        ) from None
    except UnicodeDecodeError:
        raise InputError(f"list of pictures must be a text file, got {path}. Write a name a line.") from None
    return [line for line in lines if line and not line.startswith("#")]


def _unique(names: Iterable[str]) -> list[str]:
    """Names with -2, -3, ... where they come again."""
    taken: set[str] = set()
    out = []
    for name in names:
        number, own = 1, name
        while own.casefold() in taken:  # for disks that hold a.jpg and A.jpg to be one
            number += 1
            own = f"{name}-{number}"
        taken.add(own.casefold())
        out.append(own)
    return out
