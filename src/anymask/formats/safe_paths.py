"""File names from annotation files, made safe: none can lead out of the folder that is searched."""

from __future__ import annotations

import re
from pathlib import Path

from anymask.errors import InputError

__all__ = ["Stems", "inner_name", "inner_path", "plain_stem"]

_MOST_BYTES = 120  # of a stem, so that suffixes and temporary names fit into a file system's 255
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]+')
_PLAIN = re.compile(r"\w[^/\\\0:]*[^/\\\0:. ]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # of Windows


def inner_path(name: str) -> Path:
    """A name as a relative path that stays inside: without root, drive, ".." and NUL characters.

    `val/a.jpg` stays; `../../a.jpg`, `/a.jpg` and `C:\\a.jpg` become `a.jpg`.
    """
    if _PLAIN.fullmatch(name):  # nearly all names
        return Path(name)
    parts = re.split(r"[/\\]", name.replace("\0", ""))
    kept = [part for part in parts if part.strip(". ") and not re.fullmatch(r"[A-Za-z]:", part)]
    return Path(*(kept or ["_"]))


def plain_stem(name: str) -> str:
    """A name as the start of a file name: "cat/1" becomes "cat_1"."""
    stem = _plain("_".join(part for part in re.split(r"[/\\]", name) if part.strip(". ")))
    while len(stem.encode()) > _MOST_BYTES:
        stem = stem[:-1]
    return stem.strip(" ") or "_"


def _plain(part: str) -> str:
    """One part of a path without characters that some file systems refuse."""
    text = _UNFIT.sub("_", part).strip(" ").lstrip(".")
    return f"_{text}" if _RESERVED.fullmatch(text) else text


def inner_name(name: str) -> str:
    """`inner_path` as text."""
    return name if _PLAIN.fullmatch(name) else inner_path(name).as_posix()


class Stems:
    """Gives each record of a folder a unique path, named after its image."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, name: str, *, unique: bool = False) -> str:
        """A path without suffix, in the image's sub-folders, that was not given before (case aside).

        With `unique`, raises InputError if it was given before.
        """
        wanted = Path(*map(plain_stem, inner_path(name).parts)).as_posix()
        if unique and wanted.casefold() in self._taken:
            raise InputError(
                f"images must have names of their own in this format, got '{wanted}' twice (suffix aside). "
                "Rename one, or choose a format whose files name their image."
            )
        found, count = wanted, 1
        while found.casefold() in self._taken:
            count += 1
            found = f"{wanted}-{count}"
        self._taken.add(found.casefold())
        return found
