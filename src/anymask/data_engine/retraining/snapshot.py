"""What a project's model is trained on and measured on: a copy of its images with the accepted masks.

A copy, so that people may go on working while a training runs or waits to be resumed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from anymask.data_engine.audit import AUTHOR
from anymask.data_engine.project import Image, Mask, Project, images, masks, versions
from anymask.data_engine.shrink import shrunk
from anymask.errors import AnymaskError, FormatError, InputError
from anymask.files import write_atomic
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.images.write import encode_png
from anymask.types import Masks, Record

__all__ = ["HELD", "TRAINED", "Counts", "accepted", "held_back", "make_snapshot", "read_counts"]

TRAINED, HELD = "train", "val"
"""The folders of images to train on and of held-back ones, named as `anymask train` expects."""
SIDE = 1024
"""Longest side of the copies; training crops are smaller."""
LEAST_TRAINED, LEAST_HELD = 4, 2
"""Fewest images with masks for a training."""
_COUNTS, _PARTS, _UNREADABLE = "counts.json", "parts.json", ""
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


def held_back(hashes: Collection[str], before: Mapping[str, bool], share: float) -> dict[str, bool]:
    """Whether the image with each content hash is held back.

    hashes: of all images with masks.
    before: the parts of images that were in an earlier snapshot, which stay as they are.
    share: of the images that are held back: of new ones those with the lowest hashes, until it is reached.
    """
    parts = dict(before)
    new = sorted(set(hashes) - parts.keys())
    missing = round(share * len(set(hashes))) - sum(parts.get(one, False) for one in set(hashes))
    return parts | {one: place < missing for place, one in enumerate(new)}


def accepted(image: Image, some: Sequence[Mask]) -> list[Mask]:
    """The masks that people made or accepted; automatic ones of an audit only once the image is done."""
    return [mask for mask in some if mask.is_mask and (image.done or mask.author != AUTHOR)]


def make_snapshot(
    project: Project, place: Path, share: float, tell: Tell = lambda done, total: None
) -> Counts:
    """Copy what people accepted into a new folder, which `anymask.data.open_dataset` opens.

    project: the project.
    place: the folder; an unfinished one is made anew, a finished one is kept.
    share: of the images that are held back, see `held_back`; which ones is kept in the project.
    tell: of the progress.

    Raises InputError for a project with too few images that have masks.
    """
    known = read_counts(place)
    if known is not None:
        return known
    shutil.rmtree(place, ignore_errors=True)
    for part in (TRAINED, HELD):
        (place / part).mkdir(parents=True)
    there = [image for image in images.every(project.db) if image.masks]
    parts = _parts(project, there, share)
    found: list[tuple[str, int]] = []
    for done, image in enumerate(there):
        tell(done, len(there))
        try:
            part = HELD if parts[project.sha256(image)] else TRAINED
            found.append((part, _copy(project, image, place / part)))
        except AnymaskError:
            found.append((_UNREADABLE, 1))
    trained, held, unreadable = (
        [count for one, count in found if one == part and count] for part in (TRAINED, HELD, _UNREADABLE)
    )
    counts = Counts(len(trained), sum(trained), len(held), sum(held), len(unreadable))
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


def _parts(project: Project, there: Sequence[Image], share: float) -> dict[str, bool]:
    """Which images are held back, by their hash; what is decided now is written down."""
    file = versions.models_folder(project) / _PARTS
    try:
        before: dict[str, bool] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    except ValueError:
        raise FormatError(
            f"{_PARTS} must tell which images are held back, got a damaged {file}. Remove it; then it is "
            "decided anew."
        ) from None
    hashes = []
    for image in there:
        with suppress(AnymaskError):  # one that cannot be read is left out afterwards
            hashes.append(project.sha256(image))
    parts = held_back(hashes, before, share)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps(parts).encode(), force=True)
    return parts


def _copy(project: Project, image: Image, place: Path) -> int:
    """Copy an image with its accepted masks; returns how many there are, without any nothing is copied."""
    some = accepted(image, masks.current(project.db, image.id))
    pixels = project.pixels(image)
    fit = [rle.from_string(mask.counts) for mask in some if mask.size == pixels.shape[:2]]
    small, copies = shrunk(pixels, fit, SIDE)
    runs = [one for one in copies if rle.area(one)]
    if not runs:
        return 0
    name = f"{image.id}.png"
    record = Record(image.id, Path(name), Masks(small.shape[:2], runs), "human", {"file_name": name})
    write_atomic(place / name, encode_png(small))
    write_atomic(place / f"{image.id}.json", json.dumps(sa1b.to_document(record)).encode())
    return len(runs)
