"""An audit of automatic masks: people correct a random sample, and the share of good masks is reported.

An audit is a project: the app opens it, people correct its masks and mark each image as done. Starting from
the automatic mask flatters it (people agree with each other less than with a mask that they were shown), so a
part of the images, drawn at random, has no masks to start from: people draw them from scratch. Source: SAM,
section 5, where 94 % of masks have over 90 % IoU with the corrected mask and 97 % over 75 %, of 500 images.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from anymask.data.dataset import Collection
from anymask.data.summary import SIZE_EDGES, SIZES
from anymask.data_engine.project import images, masks
from anymask.data_engine.project.project import Project, open_project, scan
from anymask.data_engine.project.suggestions import AUTOMATIC
from anymask.data_engine.project.values import Draft, Image
from anymask.errors import FormatError, InputError, OutputError
from anymask.evaluate.metrics import bootstrap_ci
from anymask.files import write_atomic
from anymask.geometry import rle
from anymask.images.write import encode_png

__all__ = ["FILE", "PAPER", "Audited", "is_audit", "make_audit", "measure_audit", "report_audit"]

FILE = "audit.json"
"""The file in the project's folder that holds the automatic masks and how the sample was drawn."""
AUTHOR = AUTOMATIC
PAPER = {"over_90": 0.94, "over_75": 0.97}
"""The paper's shares, of masks that were corrected from the automatic mask."""
SAME = 0.5
"""A mask drawn from scratch is the same object as an automatic mask from this IoU on."""
SCORES = (0.0, 0.8, 0.88, 0.92, 0.96, 1.01)
"""Bounds of the groups by predicted IoU."""


@dataclass(frozen=True)
class Audited:
    """An automatic mask and what people made of it."""

    image: str
    """The name of the image."""
    scratch: bool
    """Whether people drew it without seeing the automatic mask."""
    iou: float
    """With the corrected mask; 0 where it was removed, or where nobody drew such an object."""
    score: float
    """Predicted IoU."""
    size: float
    """Square root of its share of the image."""


def is_audit(folder: str | Path) -> bool:
    """Whether a folder holds an audit."""
    return Path(folder, FILE).is_file()


def make_audit(
    dataset: Collection,
    folder: str | Path,
    *,
    count: int = 500,
    most: int | None = None,
    scratch: float = 0.2,
    seed: int = 0,
) -> int:
    """Draw images of a data set and make a project of them; returns the number of masks to judge.

    dataset: images with automatic masks.
    folder: a folder that does not exist yet.
    count: how many images; all if there are fewer.
    most: how many masks of each image, drawn at random; None for all.
    scratch: the share of images without masks to start from.
    seed: of all draws.

    Raises InputError for values out of range, and OutputError for a folder that exists.
    """
    if count < 1 or not 0 <= scratch <= 1 or (most is not None and most < 1):
        raise InputError(
            "audit must have 1 image or more, 1 mask or more, and a share from scratch of 0 to 1, got "
            f"{count}, {most} and {scratch}. Correct them."
        )
    place = Path(folder)
    if place.exists() or not place.parent.is_dir():
        raise OutputError(
            f"output must be a new folder in one that exists, got {place}. Choose another name."
        )
    draw = np.random.default_rng(seed)
    rows = np.sort(draw.permutation(len(dataset))[:count])
    blank = set(draw.permutation(len(rows))[: round(scratch * len(rows))].tolist())
    place.mkdir()
    try:
        entries = list(_entries(dataset, rows.tolist(), place, most, blank, draw))
        if not entries:
            raise InputError(
                f"data set must hold images with masks, got none in {dataset.name}. Choose another."
            )
        _store(place, entries)
        head = {"dataset": dataset.name, "seed": seed, "images": entries}
        write_atomic(place / FILE, json.dumps(head).encode())
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return sum(len(entry["masks"]) for entry in entries)


def _entries(
    dataset: Collection,
    rows: Sequence[int],
    place: Path,
    most: int | None,
    blank: set[int],
    draw: np.random.Generator,
) -> Iterator[dict[str, Any]]:
    """Copy the drawn images, and give what the audit knows of each; damaged and empty ones are left out.

    dataset: the images. rows: of the drawn ones. place: the folder. most: masks of each image. blank: places
    in `rows` of images without masks to start from. draw: the generator.
    """
    for number, row in enumerate(rows):
        try:
            record = dataset[row]
        except FormatError:
            continue
        taken = np.arange(len(record.masks))
        if most is not None and len(taken) > most:
            taken = np.sort(draw.permutation(taken)[:most])
        if not len(taken):
            continue
        name = f"{number:06d}.png"
        write_atomic(place / name, encode_png(record.read()))
        yield {
            "name": name,
            "item": record.id,
            "size": list(record.masks.size),
            "scratch": number in blank,
            "masks": [
                {
                    "id": f"mask-{one}",
                    "counts": rle.to_string(record.masks.rles[one]),
                    "score": float(record.masks.scores[one]),
                }
                for one in taken.tolist()
            ],
        }


def _store(place: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Make the project, with the masks to correct."""
    project = open_project(place)
    try:
        for _ in scan(project):
            pass
        by_name = {image.name: image for image in images.every(project.db)}
        for entry in entries:
            if not entry["scratch"]:
                masks.save_all(project.db, by_name[entry["name"]].id, _drafts(entry), author=AUTHOR)
    finally:
        project.close()


def _drafts(entry: Mapping[str, Any]) -> list[Draft]:
    size = (int(entry["size"][0]), int(entry["size"][1]))
    return [
        Draft(id=one["id"], size=size, counts=one["counts"], score=one["score"], model=AUTHOR)
        for one in entry["masks"]
    ]


def measure_audit(project: Project) -> tuple[list[Audited], int]:
    """What people made of the masks of all images that are marked as done, and how many images are not yet.

    Raises FormatError for a folder without a readable audit.
    """
    try:
        entries = json.loads((project.folder / FILE).read_bytes())["images"]
        by_name = {image.name: image for image in images.every(project.db)}
        found: list[Audited] = []
        waiting = 0
        for entry in entries:
            image = by_name.get(entry["name"])
            if image is None or not image.done:
                waiting += 1
            else:
                found += _audited(project, image, entry)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"audit must be a folder that 'anymask engine audit' made, got {project.folder} "
            f"({error!r:.120}). Make it anew."
        ) from None
    return found, waiting


def _audited(project: Project, image: Image, entry: Mapping[str, Any]) -> list[Audited]:
    automatic = [rle.from_string(one["counts"]) for one in entry["masks"]]
    there = {mask.id: mask for mask in masks.current(project.db, image.id) if mask.is_mask}
    if entry["scratch"]:
        drawn = [rle.from_string(mask.counts) for mask in there.values()]
        best = rle.iou(automatic, drawn).max(axis=1) if drawn else np.zeros(len(automatic))
        ious = np.where(best >= SAME, best, 0.0).tolist()
    else:
        ious = [
            float(rle.iou([runs], [rle.from_string(there[one["id"]].counts)])[0, 0])
            if one["id"] in there
            else 0.0
            for runs, one in zip(automatic, entry["masks"], strict=True)
        ]
    pixels = image.height * image.width
    return [
        Audited(entry["name"], bool(entry["scratch"]), iou, one["score"], (rle.area(runs) / pixels) ** 0.5)
        for runs, one, iou in zip(automatic, entry["masks"], ious, strict=True)
    ]


def report_audit(found: Sequence[Audited], waiting: int) -> dict[str, Any]:
    """Shares over 90 % and 75 % IoU with 95 % intervals by bootstrap over images, as JSON.

    Corrected masks and those that were drawn from scratch are told apart, and each by size and score.
    """
    out: dict[str, Any] = {"images_waiting": waiting, "paper": PAPER}
    for name, scratch in (("corrected", False), ("from_scratch", True)):
        some = [one for one in found if one.scratch == scratch]
        out[name] = {"all": _shares(some), "by_size": _by_size(some), "by_score": _by_score(some)}
    return out


def _by_size(some: Sequence[Audited]) -> dict[str, Any]:
    classes = [
        SIZES[int(step)][0] for step in np.searchsorted(SIZE_EDGES, [one.size for one in some], "right")
    ]
    return {
        name: _shares([one for one, own in zip(some, classes, strict=True) if own == name])
        for name, _ in SIZES
    }


def _by_score(some: Sequence[Audited]) -> dict[str, Any]:
    return {
        f"{low:g} to {min(high, 1):g}": _shares([one for one in some if low <= one.score < high])
        for low, high in pairwise(SCORES)
    }


def _shares(some: Sequence[Audited]) -> dict[str, Any] | None:
    """The shares of good masks among some; None without any."""
    if not some:
        return None
    names = {image: number for number, image in enumerate(sorted({one.image for one in some}))}
    groups = np.array([names[one.image] for one in some])
    ious = np.array([one.iou for one in some])
    counts = np.bincount(groups).astype(np.float64)
    values = {"over_90": ious > 0.9, "over_75": ious > 0.75, "mean_iou": ious}
    return {
        "images": len(names),
        "masks": len(some),
        "removed": int((ious == 0).sum()),
        **{
            name: asdict(
                bootstrap_ci(np.bincount(groups, value).astype(np.float64), counts, np.random.default_rng(0))
            )
            for name, value in values.items()
        },
    }
