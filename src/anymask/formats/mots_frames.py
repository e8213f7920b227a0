"""Which image is which frame of which sequence, by its name: `0002/000012.png`, `film_0012.jpg`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from anymask.formats.image_files import PLAIN_FOLDERS, Images, agree, is_hidden
from anymask.formats.safe_paths import inner_path
from anymask.images.folder import IMAGE_SUFFIXES

__all__ = ["Frames", "frame_of", "near", "plain_parts", "under"]

_FOLDERS = ("", "images", "img1", "image_02", "training/image_02")
_PLAIN = {*PLAIN_FOLDERS, "instances_txt", "gt", "img1", "image_02", "training"}
"""Names of folders that are no part of the name of a sequence."""
_NUMBERED = re.compile(r"(.*?)[-_ .]*(\d{1,18})")


def plain_parts(folder: PurePath) -> list[str]:
    """The parts of a folder's path that distinguish sequences."""
    return [part for part in folder.parts if part.lower() not in _PLAIN]


def frame_of(stem: PurePath) -> tuple[PurePath, int]:
    """The sequence and the frame number of an image, by its path without suffix.

    `a/0012` is frame 12 of `a`, `a/b_0012` of `a/b`; an image without a number is a sequence of one frame.
    """
    folders = plain_parts(stem.parent)
    found = _NUMBERED.fullmatch(stem.name)
    if found is None:
        return PurePath(*folders, stem.name), 1
    return PurePath(*folders, *([found[1]] if found[1] else [])), int(found[2])


def under(images: Images) -> Iterator[tuple[PurePath, Path, bool]]:
    """The path, the file and whether it lies in no folder within, of each given image."""
    if isinstance(images, Path):
        for file in sorted(images.rglob("*")):
            inside = file.relative_to(images)
            if not is_hidden(inside):
                yield file.resolve().parent / file.name, file, len(inside.parts) == 1
    else:
        for name, file in images.items():
            path = inner_path(name)
            yield path, file, len(path.parts) == 1


def near(file: Path, sequence: PurePath) -> Iterator[tuple[PurePath, Path, bool]]:
    """As `under`, of the folders where tools put the images of a sequence."""
    places = [base / name for base in (file.parent, file.parent.parent) for name in _FOLDERS]
    for place in dict.fromkeys([*(place / sequence.name for place in places), *places]):
        for image in sorted(place.iterdir()) if place.is_dir() else ():
            yield image.resolve().parent / image.name, image, place.name != sequence.name


class Frames:
    """The images of frames."""

    def __init__(self, images: Iterable[tuple[PurePath, Path, bool]], *, alone: bool) -> None:
        """images: path, file, and whether it lies in no folder of a sequence.

        alone: whether a single sequence is read, so that images in no folder can only be its own.
        """
        self._alone = alone
        self._known: dict[int, list[tuple[PurePath, Path, bool]]] = {}
        for path, file, is_flat in images:
            if path.suffix.lower() in IMAGE_SUFFIXES:
                sequence, number = frame_of(path.with_suffix(""))
                self._known.setdefault(number, []).append((sequence, file, is_flat))

    def find(self, sequence: PurePath, number: int) -> Path | None:
        """The only image of a frame, None without one."""
        found = self._known.get(number, [])
        named = [file for known, file, _ in found if agree(known, sequence, whole=True)]
        flat = [file for _, file, is_flat in found if is_flat and self._alone]
        fit = {os.path.realpath(file): file for file in named or flat}
        return next(iter(fit.values())) if len(fit) == 1 else None
