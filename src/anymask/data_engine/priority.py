"""Which image to annotate next: the queue by expected gain.

The gain of an image is how unsure the model is of it, times how unlike it is to all images that have masks or
come before it in the queue (core-set selection: Sener and Savarese, ICLR 2018, weighted by uncertainty). The
model is unsure where the IoU that it predicts for clicks on a grid is low, and where the three hypotheses for
a click disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from anymask.data_engine.project import Image, Project, images
from anymask.data_engine.project.project import INNER
from anymask.errors import AnymaskError
from anymask.files import staged
from anymask.geometry import rle
from anymask.images.read import ImageSource
from anymask.inference.promptable.predict import embed, predict
from anymask.models import Progress, Promptable
from anymask.types import Prompt

__all__ = ["Look", "Ranked", "look", "order", "queue"]

Floats: TypeAlias = NDArray[np.float64]
SIDE = 5
"""Points along each side of the grid of clicks."""
SAVED = 50
"""Images after which the looks are saved."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a model says of an image without being asked for anything."""

    score: float
    """Mean over clicks of the highest predicted IoU."""
    disagreement: float
    """Mean over clicks of 1 - the mean IoU of the three hypotheses with each other."""
    vector: NDArray[np.float32]
    """(D,) mean of the embedding, of length 1."""


@dataclass(frozen=True)
class Ranked:
    """An image in the queue."""

    image: Image
    score: float
    disagreement: float
    novelty: float
    """Distance to the nearest image that has masks or comes before, 0 to 2."""


def look(model: Promptable, image: ImageSource) -> Look:
    """Encode an image and click on a grid of SIDE x SIDE points. Raises the errors of `embed`."""
    embedding = embed(model, image)
    h, w = embedding.frame.size_hw
    places = (np.arange(SIDE) + 0.5) / SIDE
    prompts = [Prompt(points=[[x * w, y * h]], labels=[1]) for y in places for x in places]
    found = predict(model, embedding, prompts, multimask=True, zoom=False)
    of_click = np.arange(len(found)).reshape(len(prompts), -1)
    apart = [1 - _agreement([found.rles[row] for row in rows]) for rows in of_click.tolist()]
    return Look(
        score=float(found.scores[of_click].max(axis=1).mean()),
        disagreement=float(np.mean(apart)),
        vector=embedding.direction,
    )


def _agreement(some: Sequence[rle.Runs]) -> float:
    """The mean IoU of every pair."""
    ious = rle.iou(some, some)
    return float(ious[~np.eye(len(some), dtype=bool)].mean()) if len(some) > 1 else 1.0


def order(looks: Sequence[Look], known: Sequence[Look] = ()) -> tuple[NDArray[np.int64], Floats]:
    """The queue of images: their indices (N,), the one of the highest expected gain first, and its novelty.

    looks: of the images without masks.
    known: of the images that have masks.

    Novelty is the distance of vectors to the nearest known image or one that comes before, 1 for the first
    where nothing is known. Of equal gains the lower index comes first.
    """
    doubt = _doubt(looks)
    vectors = np.stack([one.vector for one in looks]) if looks else np.zeros((0, 1), np.float32)
    apart = np.ones(len(looks))
    for start in range(0, len(known), 256):
        some = np.stack([one.vector for one in known[start : start + 256]])
        nearest = 1 - (vectors @ some.T).max(axis=1)
        apart = np.minimum(apart, nearest) if start else np.asarray(nearest, np.float64)
    waiting, rows, novelty = np.ones(len(looks), bool), [], []
    for _ in range(len(looks)):
        gains = np.where(waiting, doubt * np.maximum(apart, 0), -1.0)
        row = int(gains.argmax())
        rows.append(row)
        novelty.append(float(apart[row]))
        waiting[row] = False
        near = 1 - vectors @ vectors[row]
        apart = near.astype(np.float64) if not known and len(rows) == 1 else np.minimum(apart, near)
    return np.array(rows, np.int64), np.array(novelty)


def _doubt(looks: Sequence[Look]) -> Floats:
    """How unsure the model is of each image, over 0 to 1: the mean of its ranks by score and disagreement."""
    columns = [[-one.score for one in looks], [one.disagreement for one in looks]]
    ranks = [np.argsort(np.argsort(column, kind="stable"), kind="stable") for column in columns]
    return np.asarray((1 + (ranks[0] + ranks[1]) / 2) / max(len(looks), 1), np.float64)


def queue(
    project: Project, model: Promptable, name: str, progress: Progress = lambda done, total: None
) -> list[Ranked]:
    """Look at the images of a project, store the places of those without masks, and return these in order.

    project: the project. Images that cannot be read get no place.
    model: the model for prompts.
    name: of its version; what it said of an image before is not computed again.
    progress: called with the number of images done and their total.

    Raises the errors of `look` other than of single images.
    """
    there = [image for image in images.every(project.db) if not image.missing]
    looks = _looks(project, model, there, name, progress)
    known = [looks[image.id] for image in there if image.id in looks and (image.masks or image.done)]
    todo = [image for image in there if image.id in looks and not (image.masks or image.done)]
    rows, novelty = order([looks[image.id] for image in todo], known)
    ranked = [
        Ranked(todo[row], looks[todo[row].id].score, looks[todo[row].id].disagreement, float(new))
        for row, new in zip(rows.tolist(), novelty, strict=True)
    ]
    images.set_queue(project.db, [one.image.id for one in ranked])
    return ranked


def _looks(
    project: Project, model: Promptable, there: Sequence[Image], name: str, progress: Progress
) -> dict[str, Look]:
    """The looks at images by their id, from the file of an earlier queue or new."""
    file = project.folder / INNER / "looks.npz"
    known = _read(file, f"{name} {model.fingerprint}")
    out, new = {}, 0
    for done, image in enumerate(there):
        progress(done, len(there))
        try:
            content = project.sha256(image)
            if content not in known:
                known[content] = look(model, project.pixels(image))
                new += 1
        except AnymaskError:
            continue
        out[image.id] = known[content]
        if new >= SAVED:
            new = 0
            _write(file, f"{name} {model.fingerprint}", known)
    if new:
        _write(file, f"{name} {model.fingerprint}", known)
    return out


def _read(file: Path, model: str) -> dict[str, Look]:
    """Stored looks by the hash of the image; none of another model, or if the file is damaged."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            if str(found["model"]) != model:
                return {}
            rows = zip(found["hashes"], found["numbers"], found["vectors"], strict=True)
            return {str(name): Look(float(pair[0]), float(pair[1]), vector) for name, pair, vector in rows}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}


def _write(file: Path, model: str, looks: dict[str, Look]) -> None:
    with staged(file, force=True) as partial, partial.open("wb") as stream:
        np.savez(
            stream,
            model=np.array(model),
            hashes=np.array(list(looks)),
            numbers=np.array([(one.score, one.disagreement) for one in looks.values()]),
            vectors=np.stack([one.vector for one in looks.values()]),
        )
