"""Confident automatic masks as suggestions in a project, for people to accept or reject (SAM, section 4).

People then add what is missing: the semi-automatic stage of the data engine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from anymask.data_engine.project import Draft, Image, Mask, Project, images, masks, suggestions, versions
from anymask.data_engine.project.images import new_id
from anymask.data_engine.project.suggestions import AUTOMATIC
from anymask.errors import AnymaskError, FormatError, InputError
from anymask.evaluate.records import Records, read_records
from anymask.files import write_atomic
from anymask.geometry import rle
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import automatic
from anymask.models import Progress, Promptable
from anymask.types import Masks

__all__ = [
    "CONFIDENT",
    "Judged",
    "Suggested",
    "confident",
    "judge_held",
    "keep_held",
    "least_worth",
    "suggest",
]

Judged: TypeAlias = "Sequence[tuple[float, bool]]"
"""Predicted IoU of masks, and whether they were accepted."""

CONFIDENT = 0.6
"""Masks with a lower predicted IoU are not suggested, unless people's judgements say otherwise."""
STEP, LOWEST, HIGHEST = 0.1, 0.2, 0.9
WORTH = 0.25
"""The share of suggestions that people must accept: to reject three costs less than to make one mask."""
ENOUGH = 20
"""Judged suggestions that tell a share."""
MOST = 200
"""Suggestions in an image, the best ones."""
GOOD = 0.85
"""With at least this IoU with a mask of a person an automatic one would have been accepted."""
MOST_HELD = 40
"""Held-back images whose automatic masks are compared."""
_HELD = "held-suggestions.json"
COVERED = 0.5
"""With at least this IoU a mask of a person covers an automatic one."""


@dataclass
class Suggested:
    """What came of it."""

    least: float
    """Predicted IoU of a suggestion."""
    images: int = 0
    """That were looked at."""
    masks: int = 0
    """New suggestions."""
    kept: int = 0
    """Images that have open suggestions of this version of the model already."""
    unreadable: int = 0
    """Images that cannot be read."""


def confident(judged: Judged, held: Judged = ()) -> float:
    """The predicted IoU from which on masks are worth suggesting.

    It begins at CONFIDENT, and goes down step by step while people accept the share WORTH of those that lie
    less than a step above it, up while they accept fewer, and stays where too few were judged.

    judged: suggestions that people accepted or rejected.
    held: automatic masks of held-back images, see `judge_held`. Objects that nobody outlined count as
        rejected there, so they can only lower the result.
    """

    def worth(least: float) -> bool | None:
        return _worth(held, least) or _worth(judged, least)

    least = CONFIDENT
    while least > LOWEST and worth(least):
        least = round(least - STEP, 1)
    while least < HIGHEST and worth(least) is False:
        least = round(least + STEP, 1)
    return least


def _worth(judged: Judged, least: float) -> bool | None:
    """Whether enough were accepted less than a step above a limit; None where too few were judged."""
    kept = [accepted for score, accepted in judged if least <= score < round(least + STEP, 1)]
    return None if len(kept) < ENOUGH else sum(kept) >= WORTH * len(kept)


def judge_held(
    model: Promptable,
    records: Records,
    config: AutoConfig | None = None,
    progress: Progress = lambda done, total: None,
) -> list[tuple[float, bool]]:
    """Which automatic masks of held-back images people would have accepted, by the masks that they made.

    model: the model for prompts.
    records: images with people's masks; at most MOST_HELD are used, others than corrupt ones.
    config: how masks are generated.
    progress: called with the number of images done and their total.

    Raises the errors of `automatic`.
    """
    out: list[tuple[float, bool]] = []
    opened = read_records("held back", records, MOST_HELD, 0, lambda _, done, total: progress(done, total))
    for record, pixels in filter(None, opened):
        found = automatic(model, pixels, config)
        out += zip(found.scores.tolist(), _fitting(found, record.masks), strict=True)
    return out


def _fitting(found: Masks, true: Masks) -> list[bool]:
    """Whether each mask, best first, has an IoU of GOOD with an object that no better one fits."""
    if not len(found) or not len(true):
        return [False] * len(found)
    ious = rle.iou(found.rles, true.rles)
    free = np.ones(len(true), np.bool_)
    out = []
    for row in ious:
        best = int(np.argmax(np.where(free, row, -1.0)))
        fits = bool(free[best] and row[best] >= GOOD)
        free[best] &= not fits
        out.append(fits)
    return out


def keep_held(project: Project, judged: Judged) -> None:
    """Keep the result of `judge_held` for the version in use."""
    used = versions.in_use(project)
    found = {"version": versions.SHIPPED if used is None else used.name, "judged": list(judged)}
    write_atomic(versions.models_folder(project) / _HELD, json.dumps(found).encode(), force=True)


def least_worth(project: Project) -> float:
    """The limit of suggestions in a project: `confident` by what people judged and by held-back images.

    Raises FormatError for a damaged file.
    """
    return confident(suggestions.judged(project.db), _read_held(project))


def _read_held(project: Project) -> list[tuple[float, bool]]:
    """What `keep_held` kept; nothing for another version than the one in use."""
    file, used = versions.models_folder(project) / _HELD, versions.in_use(project)
    if not file.is_file():
        return []
    try:
        found = json.loads(file.read_text("utf-8"))
        judged = [(float(score), bool(accepted)) for score, accepted in found["judged"]]
        return judged if found["version"] == (used.name if used else versions.SHIPPED) else []
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{_HELD} must be what 'anymask engine retrain' wrote, got a damaged {file} ({error!r:.99}). "
            "Remove it."
        ) from None


def suggest(
    project: Project,
    model: Promptable,
    config: AutoConfig | None = None,
    *,
    least: float | None = None,
    most_images: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Suggested:
    """Suggest the confident automatic masks in all images that are not marked as done.

    Image by image, so that a run that was stopped can be started again. Open automatic suggestions of an
    earlier version of the model are replaced. What a person's mask covers is left out, and what was rejected.

    project: the project.
    model: the model for prompts.
    config: how masks are generated.
    least: predicted IoU of a suggestion; None: what people's work tells, see `least_worth`.
    most_images: only the first ones that are not done; None for all.
    progress: called with the number of images done and their total.

    Raises InputError for `least` out of range, and the errors of `automatic`.
    """
    if least is None:
        least = least_worth(project)
    if not 0 <= least <= 1:
        raise InputError(f"least must be 0 to 1, got {least}. The default is {CONFIDENT}.")
    used = versions.uses(project)
    since = used[-1].since if used else 0.0
    todo = [image for image in images.every(project.db) if not (image.done or image.missing)][:most_images]
    out = Suggested(least)
    for done, image in enumerate(todo):
        progress(done, len(todo))
        there = masks.current(project.db, image.id)
        if any(mask.suggested_by == AUTOMATIC and mask.time >= since for mask in there):
            out.kept += 1
            continue
        try:
            pixels = project.pixels(image)
        except AnymaskError:
            out.unreadable += 1
            continue
        found = automatic(model, pixels, config)
        new = _drafts(image, found[found.scores >= least], there, model.fingerprint)
        out.masks += suggestions.replace_in(project.db, AUTOMATIC, image.id, new, author=AUTOMATIC)
        out.images += 1
    progress(len(todo), len(todo))
    return out


def _drafts(image: Image, found: Masks, there: Sequence[Mask], model: str) -> list[Draft]:
    """The masks that no person's mask covers, best first."""
    if found.size != image.size:  # the file was replaced
        return []
    own = [rle.from_string(mask.counts) for mask in there if mask.is_mask and mask.size == image.size]
    free = [True] * len(found)
    if own and len(found):
        free = (rle.iou(found.rles, own).max(axis=1) < COVERED).tolist()
    new = [
        Draft(
            id=new_id(),
            size=image.size,
            counts=rle.to_string(runs),
            score=float(found.scores[i]),
            model=model,
        )
        for i, runs in enumerate(found.rles)
        if free[i]
    ]
    return new[:MOST]
