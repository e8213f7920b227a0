"""List the image files of a folder; the recognised suffixes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "is_video",
    "list_files",
    "list_folders",
    "modified",
    "natural",
]

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif"),
    *(".heic", ".heif", ".dcm"),  # these need an extra
)
"""Suffixes of files that are taken for images, in lower case."""
VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")
"""Suffixes of files that are taken for videos, in lower case."""


def list_files(
    folder: str | os.PathLike[str],
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    on_error: Callable[[OSError], object] | None = None,
) -> list[Path]:
    """The image files of a folder and of its subfolders, sorted by their path in it.

    Hidden files and folders (a name that begins with a dot) are left out. Links to files count; links to
    folders are not followed, so a link that leads back into the folder does no harm.

    suffixes: in lower case with the dot; a name may have them in capitals.
    on_error: called with the error of every folder that cannot be read; such folders are left out.
    """
    found: list[Path] = []
    for place, names in _walk(folder, on_error):
        files = [place / name for name in names if not name.startswith(".")]
        found += [file for file in files if file.suffix.lower() in suffixes and file.is_file()]
    return sorted(found)


def list_folders(folder: str | os.PathLike[str]) -> list[Path]:
    """A folder and its subfolders, without hidden ones; links to folders are not followed."""
    return [place for place, _ in _walk(folder, None)]


def _walk(
    folder: str | os.PathLike[str], on_error: Callable[[OSError], object] | None
) -> Iterator[tuple[Path, list[str]]]:
    """A folder and its visible subfolders, each with the names of its files; links are not followed."""
    for place, folders, names in os.walk(folder, onerror=on_error):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield Path(place), names


def modified(paths: Iterable[Path]) -> dict[Path, int]:
    """When files and folders were last modified, in ns; 0 for those that are missing or not readable.

    A folder is modified when a file or folder in it is added, renamed or removed.
    """
    return {path: _modified(path) for path in paths}


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def is_video(path: Path) -> bool:
    """Whether a file is a video by its suffix."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def natural(name: str) -> list[tuple[int, str]]:
    """The key of a name in natural order: numbers within it count by their value, 2 before 10."""
    parts = re.split(r"([0-9]+)", name)
    return [(int(part), "") if i % 2 else (0, part.casefold()) for i, part in enumerate(parts)]
