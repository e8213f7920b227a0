"""What a project's model is trained on and measured on: a copy of its images with the accepted masks.

A copy, so that people may go on working while a training runs or waits to be resumed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from anymask.data_engine.audit import AUTHOR
from anymask.data_engine.project import Image, Mask, Project, images, masks
from anymask.data_engine.shrink import shrunk
from anymask.errors import AnymaskError, InputError
from anymask.files import write_atomic
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.images.write import encode_png
from anymask.types import Masks, Record

__all__ = ["HELD", "TRAINED", "Counts", "accepted", "is_held", "make_snapshot", "read_counts"]

TRAINED, HELD = "train", "val"
"""The folders of images to train on and of held-back ones, named as `anymask train` expects."""
SIDE = 1024
"""Longest side of the copies; training crops are smaller."""
LEAST_TRAINED, LEAST_HELD = 4, 2
"""Fewest images with masks for a training."""
_COUNTS = "counts.json"
Tell = Callable[[int, int], None]
"""Called with the number of images that are done and their total."""


@dataclass(frozen=True)
class Counts:
    """How much a snapshot holds."""

    images: int
    masks: int
    held_images: int
    held_masks: int
    unreadable: int
    """Images with masks that were left out."""


def is_held(sha256: str, share: float) -> bool:
    """Whether the image with this content hash is held back, as a share of all is.

    It depends on the content alone, so it stays while a project grows and when files are renamed, and what is
    held back for a small share is so for a larger one.
    """
    return int(sha256[:8], 16) < share * 16**8


def accepted(image: Image, some: Sequence[Mask]) -> list[Mask]:
    """The masks that people made or accepted; automatic ones of an audit only once the image is done."""
    return [mask for mask in some if mask.is_mask and (image.done or mask.author != AUTHOR)]


def make_snapshot(
    project: Project, place: Path, share: float, tell: Tell = lambda done, total: None
) -> Counts:
    """Copy what people accepted into a new folder, which `anymask.data.open_dataset` opens.

    project: the project.
    place: the folder; an unfinished one is made anew, a finished one is kept.
    share: of the images that are held back, see `is_held`.
    tell: of the progress.

    Raises InputError for a project with too few images that have masks.
    """
    known = read_counts(place)
    if known is not None:
        return known
    shutil.rmtree(place, ignore_errors=True)
    for part in (TRAINED, HELD):
        (place / part).mkdir(parents=True)
    sums, unreadable = dict.fromkeys((TRAINED, HELD), (0, 0)), 0
    there = [image for image in images.every(project.db) if image.masks]
    for done, image in enumerate(there):
        tell(done, len(there))
        try:
            part, count = _copy(project, image, place, share)
        except AnymaskError:
            unreadable += 1
            continue
        sums[part] = sums[part][0] + (count > 0), sums[part][1] + count
    counts = Counts(*sums[TRAINED], *sums[HELD], unreadable)
    _check(counts, project)
    write_atomic(place / _COUNTS, json.dumps(asdict(counts)).encode())
    return counts


def read_counts(place: Path) -> Counts | None:
    """What a finished snapshot holds; None for an unfinished one."""
    file = place / _COUNTS
    return Counts(**json.loads(file.read_text("utf-8"))) if file.is_file() else None


def _check(counts: Counts, project: Project) -> None:
    if counts.images < LEAST_TRAINED or counts.held_images < LEAST_HELD:
        raise InputError(
            f"PROJECT must have masks in {LEAST_TRAINED} images or more to train on and in {LEAST_HELD} that "
            f"are held back, got {counts.images} and {counts.held_images} in {project.name}. "
            "Annotate more images."
        )


def _copy(project: Project, image: Image, place: Path, share: float) -> tuple[str, int]:
    """Copy an image with its accepted masks; returns its part and how many there are, without any none."""
    part = HELD if is_held(project.sha256(image), share) else TRAINED
    some = accepted(image, masks.current(project.db, image.id))
    pixels = project.pixels(image)
    fit = [rle.from_string(mask.counts) for mask in some if mask.size == pixels.shape[:2]]
    small, copies = shrunk(pixels, fit, SIDE)
    runs = [one for one in copies if rle.area(one)]
    if not runs:
        return part, 0
    name = f"{image.id}.png"
    record = Record(image.id, Path(name), Masks(small.shape[:2], runs), "human", {"file_name": name})
    write_atomic(place / part / name, encode_png(small))
    write_atomic(place / part / f"{image.id}.json", json.dumps(sa1b.to_document(record)).encode())
    return part, len(runs)
