"""How annotations are read, and how readers tell what became no mask."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from anymask.errors import FormatError
from anymask.formats.image_files import PLAIN_FOLDERS, Images
from anymask.formats.safe_paths import inner_path
from anymask.types import Record

__all__ = ["DAMAGED", "PLAIN", "Items", "NoMaskError", "Reading", "as_images", "attempt", "reason"]

T = TypeVar("T")

DAMAGED = "damaged"
"""How the kinds of annotations begin that could not be read; the reason follows."""
_LONGEST = 160  # characters of a reason
_DAMAGE = (FormatError, ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Reading:
    """What a reader is told beside the place of the annotations."""

    images: Images | None = None
    """The folder of the images, or the images by name; None: they are looked for near the annotations."""
    boxes: bool = False
    """Whether annotations that are only a box become masks of the whole box."""
    root: Path | None = None
    """The folder that is read, where it is not a single file."""

    def inside(self, path: Path) -> Path:
        """A file's path within the folder that is read, or its name alone."""
        return Path(path.name) if self.root is None else path.relative_to(self.root)

    def named(self, path: Path, name: str) -> str:
        """The name of an image that a file in a folder has by its own name alone: with the file's folders."""
        folders = [part for part in self.inside(path).parent.parts if part.lower() not in PLAIN_FOLDERS]
        return "/".join([*folders, name]) if inner_path(name).as_posix() == inner_path(name).name else name


PLAIN = Reading()
"""A single file, its images near it."""


def as_images(images: str | os.PathLike[str] | Mapping[str, Path] | None) -> Images | None:
    """The images as a reader takes them."""
    return images if images is None or isinstance(images, Mapping) else Path(images)


@dataclass
class Items:
    """The records of a file or folder."""

    entries: Iterable[tuple[str, Callable[[], Record]]]
    """Id and reader of each; the reader raises FormatError or ImageError for a damaged one."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What belongs to no record, by kind; complete once the entries are gone through."""


class NoMaskError(FormatError):
    """An annotation that is whole, and of a kind that has no area of its own."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"annotation must have an area, got a {kind}. Draw its outline.")
        self.kind = kind


def attempt(left_out: Counter[str], read: Callable[[], T]) -> T | None:
    """What `read` gives; None where an annotation gives no mask, which is counted in `left_out`."""
    try:
        return read()
    except NoMaskError as error:
        left_out[error.kind] += 1
    except _DAMAGE as error:
        left_out[f"{DAMAGED}: {reason(error)}"] += 1
    return None


def reason(error: Exception) -> str:
    """The first sentence of an error, in one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition(". ")[0][:_LONGEST]
