"""Masks of a project out to annotation files and in from them, through `anymask.formats`."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import numpy as np

from anymask.data_engine.project import checks, images, labels, masks, tracks
from anymask.data_engine.project.database import Database
from anymask.data_engine.project.project import Project
from anymask.data_engine.project.values import Draft, Image, Mask
from anymask.errors import AnymaskError, FormatError
from anymask.formats import FORMATS, Loss, Outlines, detect, stream, write
from anymask.formats.attributes import as_text, of_record
from anymask.formats.json_fields import file_name, names
from anymask.formats.layouts import NO_ANNOTATIONS, OTHER_KIND
from anymask.geometry import rle
from anymask.types import Masks, Record

__all__ = ["Bringing", "bring", "image_files", "records", "take"]

NAMELESS = "object"
SAME_IOU = 0.9
"""Imported masks with at least this IoU with a mask of the project are that mask."""
_LARGEST = 1e15  # of numbers that JavaScript reads exactly
_SPACE = uuid.UUID("6f1d9a52-7a0e-4f43-9d0c-5b0a5f1b7c11")  # of the ids of imported masks


def records(
    project: Project, *, every: bool = False, suggestions: bool = False, video: bool = False
) -> Iterator[Record]:
    """A Record for every image that has masks or is done, by name; labels count from 1, 0 is none.

    In a project with tracks, `meta["ids"]` has the number of each mask's track. every: also the other
    images, without masks. suggestions: also masks that nobody has accepted yet. video: all images whose
    files are there, in the order of the frames of a video.
    """
    kinds = {label.id: (place, label.name) for place, label in enumerate(labels.listed(project.db), 1)}
    known = tracks.numbers(project.db)
    free = count(1 + max(known.values(), default=0))
    listed = _listed(project, every=every, suggestions=suggestions)
    for image in tracks.frames(project.db) if video else listed:
        there = masks.current(project.db, image.id) if image.masks or image.suggestions else []
        found = [mask for mask in there if suggestions or mask.is_mask]
        size = found[0].size if found else image.size
        fit = [mask for mask in found if mask.size == size]  # another where the file was replaced
        own = [kinds.get(mask.label_id or "", (0, NAMELESS)) for mask in fit]
        ids = [known[image.id, mask.id] if (image.id, mask.id) in known else next(free) for mask in fit]
        yield Record(
            str(PurePosixPath(image.name).with_suffix("")),
            project.folder / unquote(image.path),
            Masks(
                size,
                [rle.from_string(mask.counts) for mask in fit],
                [1.0 if mask.score is None else mask.score for mask in fit],
                labels=[number for number, _ in own],
            ),
            source="human",
            meta={
                "categories": [name for _, name in own],
                "file_name": image.name,
                **_attributes(fit),
                **({"ids": ids} if known else {}),
            },
        )


def _listed(project: Project, *, every: bool, suggestions: bool) -> Iterator[Image]:
    """The images that belong into an export; see `records`."""
    for image in images.every(project.db):
        if image.masks or image.done or every or (suggestions and image.suggestions):
            yield image


def _attributes(found: list[Mask]) -> dict[str, list[dict[str, Any]]]:
    """The attributes of masks as a record holds them; nothing where no mask has any."""
    some = [dict(mask.attributes or {}) for mask in found]
    return {"attributes": some} if any(some) else {}


def take(
    project: Project,
    format: str,
    folder: Path,
    *,
    every: bool = False,
    suggestions: bool = False,
    outlines: Outlines | None = None,
    tell: Callable[[], object] = lambda: None,
) -> Loss:
    """Write all masks into a folder in a format of `formats.FORMATS`; tells what was lost.

    every: also list images that have no masks and are not done; whoever trains on the export takes them for
    images that show nothing. Formats of videos list every frame. suggestions: also write masks that nobody
    has accepted yet. outlines: how masks become polygons, exactly by default. tell: called after each image.

    Raises UnknownNameError for another format, OutputError for a full disk.
    """
    known = FORMATS.get(format)
    many = known is None or known.folder is not None
    place = folder / ("annotations" if many or known is None else f"annotations{known.suffix}")
    video = known is not None and known.is_video
    found = _told(records(project, every=every, suggestions=suggestions, video=video), tell)
    return write(found, place, format, outlines=outlines, on_error=lambda id, error: None, sent=True)


def _told(records: Iterable[Record], tell: Callable[[], object]) -> Iterator[Record]:
    """The records; `tell` is called after each."""
    for record in records:
        yield record
        tell()


def image_files(
    project: Project, *, every: bool = False, suggestions: bool = False
) -> Iterator[tuple[str, Path]]:
    """The name and the file of every image that `take` lists with these options and whose file is there."""
    for image in _listed(project, every=every, suggestions=suggestions):
        if not image.missing:
            yield image.name, project.file(image)


@dataclass
class Bringing:
    """What came of an import."""

    images: int = 0
    masks: int = 0
    known: int = 0
    """Masks that the project had already."""
    skipped: list[str] = field(default_factory=list)
    """A sentence for each record that was left out."""
    left_out: list[tuple[str, str, int]] = field(default_factory=list)
    """(name of an image or a file, kind, how many) of shapes that no mask was made of."""


def bring(
    project: Project,
    path: Path,
    format: str | None,
    author: str,
    *,
    tell: Callable[[], object] = lambda: None,
) -> Bringing:
    """Add the masks of an annotation file or folder to the images of the same name.

    Labels are found by name and made where they are missing. What is in the project already is not added
    again: a mask with the same label, or without one, and an IoU of at least SAME_IOU. `tell` is called after
    each record. Raises FormatError for a file that is none; single damaged records are left out.
    """
    out = Bringing()
    numbered = (format or detect(path)) == "instances"
    known = _known(project)
    of_file = {file: image for _, (file, image) in known.items()}

    def skip(id: str, error: object) -> None:
        text = " ".join(str(error).split())
        for folder in (path, path.parent, project.folder):
            text = text.replace(f"{folder}/", "").replace(str(folder), "the folder")
        out.skipped.append(f"{id}: {text}")

    def leave_out(name: str, kind: str, times: int) -> None:
        if kind in (NO_ANNOTATIONS, OTHER_KIND):
            skip(name, f"not read: {kind}")
        else:
            out.left_out.append((name, kind, times))

    read = stream(
        path,
        format,
        images={name: file for name, (file, _) in known.items()},
        on_error=skip,
        on_left_out=leave_out,
    )
    for record in _told(read, tell):
        image = of_file.get(record.image) if isinstance(record.image, Path) else None
        name = file_name(record)
        if image is None:
            skip(name, "the project has no image of this name. Upload it first.")
            continue
        try:
            _check_size(record, image)
            drafts = _drafts(project.db, image, _without_numbers(record) if numbered else record)
            new = masks.save_all(
                project.db, image.id, _unlike(drafts, masks.current(project.db, image.id)), author=author
            )
            out.masks, out.known, out.images = out.masks + new, out.known + len(drafts) - new, out.images + 1
        except AnymaskError as error:
            skip(name, error)
        for kind, times in record.left_out.items():
            leave_out(name, kind, times)
    return out


def _check_size(record: Record, image: Image) -> None:
    (h, w), (height, width) = record.masks.size, image.size
    if len(record.masks) and record.masks.size != image.size:
        raise FormatError(
            f"masks must have the size of their image, {width} x {height} pixels, got {w} x {h}. Export them "
            "for this image, or upload the image that they were drawn on."
        )


def _without_numbers(record: Record) -> Record:
    """The record with masks that have no category: their labels are the numbers of instances."""
    masks = Masks(record.masks.size, record.masks.rles, record.masks.scores)
    return replace(record, masks=masks)


def _known(project: Project) -> dict[str, tuple[Path, Image]]:
    """Files and images by name; a name that two images share is left out."""
    known: dict[str, tuple[Path, Image]] = {}
    twice: set[str] = set()
    for image in images.every(project.db):
        twice |= {image.name} if image.name in known else set()
        known[image.name] = (project.folder / unquote(image.path), image)
    return {name: found for name, found in known.items() if name not in twice}


def _drafts(db: Database, image: Image, record: Record) -> list[Draft]:
    """The masks of a record, each with an id that its content gives."""
    named = [checks.plain_text(name) or NAMELESS for name in names(record, NAMELESS)]
    wanted = sorted(set(named) - {NAMELESS})
    known = {label.name: label.id for label in labels.listed(db)}
    ids = known if all(name in known for name in wanted) else labels.ensure(db, wanted)
    out = []
    told = of_record(record)
    for runs, name, score, facts in zip(
        record.masks.rles, named, record.masks.scores.tolist(), told, strict=True
    ):
        counts, label = rle.to_string(runs), ids.get(name)
        id = str(uuid.uuid5(_SPACE, f"{image.id} {label} {counts}"))
        out.append(
            Draft(
                id=id,
                size=record.masks.size,
                counts=counts,
                label_id=label,
                score=None if score == 1 or not math.isfinite(score) else score,
                attributes=_plain(facts) or None,
            )
        )
    return list({draft.id: draft for draft in out}.values())


def _plain(facts: Mapping[str, Any]) -> dict[str, str | float | bool]:
    """Attributes as a mask holds them: texts, finite numbers, yes and no; lists and the like become text."""
    found: dict[str, str | float | bool] = {}
    for name, value in facts.items():
        is_number = isinstance(value, (int, float)) and abs(value) < _LARGEST
        found[checks.plain_text(name)] = value if is_number else checks.plain_text(as_text(value))
    return found


def _unlike(drafts: list[Draft], there: list[Mask]) -> list[Draft]:
    """Those that are not in the image already. A polygon may have moved an edge by a part of a pixel."""
    runs = [rle.from_string(mask.counts) for mask in there]
    areas = np.array([rle.area(one) for one in runs], np.int64)

    def known(draft: Draft) -> bool:
        own = rle.from_string(draft.counts)
        area = rle.area(own)
        near = np.flatnonzero((areas >= SAME_IOU * area) & (SAME_IOU * areas <= area))
        alike = [
            runs[i]
            for i in near
            if there[i].size == draft.size and draft.label_id in (None, there[i].label_id)
        ]
        return bool(alike) and bool(rle.iou([own], alike).max() >= SAME_IOU)

    return [draft for draft in drafts if not known(draft)]
