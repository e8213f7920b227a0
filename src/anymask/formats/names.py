"""File names out of annotation files: nobody's file may lead out of the folder that it is looked for in."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["Stems", "inner_path", "plain_stem"]

_MOST_BYTES = 120  # of a stem, so that suffixes and temporary names fit into a file system's 255
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # of Windows


def inner_path(name: str) -> Path:
    """A name as a path that stays inside: without root, drive, "..", and bytes that no name has.

    `val/a.jpg` stays; `../../a.jpg`, `/a.jpg` and `C:\\a.jpg` become `a.jpg`.
    """
    parts = re.split(r"[/\\]", name.replace("\0", ""))
    kept = [part for part in parts if part.strip(". ") and not re.fullmatch(r"[A-Za-z]:", part)]
    return Path(*(kept or ["_"]))


def plain_stem(name: str) -> str:
    """A record's id as the start of a file name: "cat/1" becomes "cat_1"."""
    stem = _plain("_".join(part for part in re.split(r"[/\\]", name) if part.strip(". ")))
    while len(stem.encode()) > _MOST_BYTES:
        stem = stem[:-1]
    return stem.strip(" ") or "_"


def _plain(part: str) -> str:
    """One part of a path without what some file system refuses."""
    text = _UNFIT.sub("_", part).strip(" ").lstrip(".")
    return f"_{text}" if _RESERVED.fullmatch(text) else text


class Stems:
    """Gives each record of a folder a file name of its own."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def name(self, record_id: str) -> str:
        """A stem not given before, with upper and lower case the same."""
        stem = plain_stem(record_id)
        name, count = stem, 1
        while name.casefold() in self._taken:
            count += 1
            name = f"{stem}-{count}"
        self._taken.add(name.casefold())
        return name
