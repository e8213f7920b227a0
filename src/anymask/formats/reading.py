"""Options of readers, and how readers report annotations that give no mask."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anymask.errors import FormatError
from anymask.formats.image_files import Images, is_plain
from anymask.formats.safe_paths import inner_path
from anymask.geometry import rle
from anymask.types import Record

__all__ = [
    "DAMAGED",
    "PLAIN",
    "Items",
    "NoMaskError",
    "Reading",
    "UnknownFormatError",
    "as_images",
    "attempt",
    "grouped_masks",
    "reason",
]

T = TypeVar("T")

DAMAGED = "damaged"
"""Prefix of the kinds of annotations that could not be read; the reason follows."""
_LONGEST = 160  # characters of a reason
_DAMAGE = (FormatError, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Reading:
    """Options of a reader, in addition to the path of the annotations."""

    images: Images | None = None
    """The folder of the images, or the images by name; None: they are searched near the annotations."""
    boxes: bool = False
    """Whether annotations that are only a box become masks that fill the box."""
    root: Path | None = None
    """The folder that is read, where it is not a single file."""

    def inside(self, path: Path) -> Path:
        """A file's path within the folder that is read, or its name alone."""
        return Path(path.name) if self.root is None else path.relative_to(self.root)

    def named(self, path: Path, name: str) -> str:
        """An image name without folders, prefixed with the folders of the annotation file that names it."""
        folders = [part for part in self.inside(path).parent.parts if not is_plain(part)]
        return "/".join([*folders, name]) if inner_path(name).as_posix() == inner_path(name).name else name


PLAIN = Reading()
"""A single file, its images near it."""


def as_images(images: str | os.PathLike[str] | Mapping[str, Path] | None) -> Images | None:
    """Convert the `images` argument to the type that readers take."""
    return images if images is None or isinstance(images, Mapping) else Path(images)


@dataclass
class Items:
    """The records of a file or folder."""

    entries: Iterable[tuple[str, Callable[[], Record]]]
    """Id and reader of each; the reader raises FormatError or ImageError for a corrupt one."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Counts of annotations that belong to no record, by kind; complete once all entries are consumed."""


class UnknownFormatError(FormatError):
    """A file or folder is in no format that is recognised."""


class NoMaskError(FormatError):
    """A valid annotation of a kind that has no area."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"annotation must have an area, got a {kind}. Draw its outline.")
        self.kind = kind


def attempt(left_out: Counter[str], read: Callable[[], T]) -> T | None:
    """The result of `read`; None if the annotation gives no mask, which is counted in `left_out`."""
    try:
        return read()
    except NoMaskError as error:
        left_out[error.kind] += 1
    except _DAMAGE as error:
        left_out[f"{DAMAGED}: {reason(error)}"] += 1
    return None


def grouped_masks(
    shapes: Iterable[Any],
    read: Callable[[Any], rle.Runs],
    fields: tuple[str, str],
    size: tuple[int, int],
    left_out: Counter[str],
) -> tuple[list[rle.Runs], list[Mapping[str, Any]]]:
    """The masks of shapes, of which those of one label and group are parts of one object.

    shapes: the JSON objects of the file.
    read: gives the run lengths of a shape, or raises as `attempt` expects.
    fields: the fields with the label and the group of a shape; a shape without a group is its own object.
    size: (H, W) of the image.
    left_out: counts the shapes that give no mask.

    Returns the run lengths of each object, and its first shape.
    """
    label, group = fields
    groups: dict[object, list[tuple[rle.Runs, Mapping[str, Any]]]] = {}
    for i, shape in enumerate(shapes):
        runs = attempt(left_out, partial(read, shape))
        if runs is not None:
            alone = shape.get(group) in (None, "")
            key = i if alone else (str(shape.get(label)), str(shape[group]))
            groups.setdefault(key, []).append((runs, shape))
    masks = [rle.union([runs for runs, _ in members], size) for members in groups.values()]
    return masks, [members[0][1] for members in groups.values()]


def reason(error: Exception) -> str:
    """The first sentence of an error, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition(". ")[0][:_LONGEST]
