"""Which image is which frame of which sequence, by its name: `0002/000012.png`, `film_0012.jpg`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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

    `a/0012` is frame 12 of `a`, `a/b_0012` of `a/b`; a name without a number is frame 0 of itself.
    """
    folders = plain_parts(stem.parent)
    found = _NUMBERED.fullmatch(stem.name)
    if found is None:
        return PurePath(*folders, stem.name), 0
    return PurePath(*folders, *([found[1]] if found[1] else [])), int(found[2])


@dataclass(frozen=True)
class _Image:
    """An image that may be a frame."""

    file: Path
    inside: PurePath
    """Its path in the folder of all images."""
    whole: PurePath
    """As much of its path as is known."""
    is_flat: bool
    """Whether it lies in no folder of a sequence."""


def under(images: Images) -> Iterator[_Image]:
    """The images that were given."""
    if isinstance(images, Path):
        for file in sorted(images.rglob("*")):
            inside = file.relative_to(images)
            if not is_hidden(inside):
                yield _Image(file, inside, file.resolve().parent / file.name, len(inside.parts) == 1)
    else:
        for name, file in images.items():
            path = inner_path(name)
            yield _Image(file, path, path, len(path.parts) == 1)


def near(file: Path, sequence: PurePath) -> Iterator[_Image]:
    """The images in the folders where tools put those of a sequence."""
    places = [base / name for base in (file.parent, file.parent.parent) for name in _FOLDERS]
    for place in dict.fromkeys([*(place / sequence.name for place in places), *places]):
        for image in sorted(place.iterdir()) if place.is_dir() else ():
            whole = image.resolve().parent / image.name
            yield _Image(image, whole, whole, place.name != sequence.name)


class Frames:
    """The images of frames."""

    def __init__(self, images: Iterable[_Image], *, alone: bool) -> None:
        """alone: whether a single sequence is read, so that flat images can only be its own."""
        self._alone = alone
        self._known: dict[int, list[_Image]] = {}
        for image in images:
            if image.file.suffix.lower() in IMAGE_SUFFIXES:
                self._known.setdefault(_of_path(image.inside)[1], []).append(image)

    def find(self, sequence: PurePath, number: int) -> Path | None:
        """The only image of a frame: by its exact path, else by the end of it; None without one."""
        found = self._known.get(number, [])
        exact = [one for one in found if _of_path(one.inside)[0] == sequence]
        named = [one for one in found if agree(_of_path(one.whole)[0], sequence, whole=True)]
        flat = [one for one in found if one.is_flat and self._alone]
        fit = {os.path.realpath(one.file): one.file for one in exact or named or flat}
        return next(iter(fit.values())) if len(fit) == 1 else None


def _of_path(path: PurePath) -> tuple[PurePath, int]:
    return frame_of(path.with_suffix(""))
