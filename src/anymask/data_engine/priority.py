"""Which image to annotate next: the queue by expected gain.

The gain of an image is how much closer to an annotated image it brings all images without masks: what is
typical of them comes first, what is like an annotated image comes last (greedy facility location, a core set
as of Sener and Savarese, ICLR 2018, by the sum of distances instead of the largest). Images that the model is
unsure of count up to twice as much: where the IoU that it predicts for clicks on a grid is low, and where the
three hypotheses for a click disagree.
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
Vectors: TypeAlias = NDArray[np.float32]
SIDE = 5
"""Points along each side of the grid of clicks."""
SAVED = 50
"""Images after which the looks are saved."""
FARTHEST = 2.0
"""The largest distance of two vectors."""
EXACT = 1000
"""Places of the queue that are found one after the other."""
BLOCK, AGAIN = 256, 16
"""Images whose gains are computed at once, all at the start, the best ones for a place."""


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
    where nothing is known. Behind the first EXACT places the order is that of the gains after these. Of equal
    gains the lower index comes first.
    """
    if not looks:
        return np.zeros(0, np.int64), np.zeros(0)
    vectors = np.stack([one.vector for one in looks]).astype(np.float32)
    apart = _distances(vectors, np.stack([one.vector for one in known])) if known else None
    return _greedy(vectors, 1 + _doubt(looks), apart)


def _distances(vectors: Vectors, known: Vectors) -> Vectors:
    """(N,) the distance of each vector to the nearest known one."""
    nearest = np.full(len(vectors), FARTHEST, np.float32)
    for start in range(0, len(known), BLOCK):
        np.minimum(nearest, 1 - (vectors @ known[start : start + BLOCK].T).max(axis=1), out=nearest)
    return np.maximum(nearest, 0)


def _greedy(vectors: Vectors, weights: Floats, apart: Vectors | None) -> tuple[NDArray[np.int64], Floats]:
    """The order and the novelty; a gain can only fall, so that few are computed again for each place.

    vectors: (N, D) of the images. weights: (N,) how much each counts. apart: (N,) the distance to the nearest
    known image, None where none is known.
    """
    first = apart is None
    nearest = np.full(len(vectors), FARTHEST, np.float32) if apart is None else apart.copy()
    gains = np.concatenate(
        [
            _gains(vectors, weights, nearest, np.arange(start, min(start + BLOCK, len(vectors))))
            for start in range(0, len(vectors), BLOCK)
        ]
    )
    rows: list[int] = []
    novelty: list[float] = []
    while len(rows) < min(EXACT, len(vectors)):
        row = _best(vectors, weights, nearest, gains)
        rows.append(row)
        novelty.append(1.0 if first and len(rows) == 1 else float(nearest[row]))
        gains[row] = -1
        np.minimum(nearest, np.maximum(1 - vectors @ vectors[row], 0), out=nearest)
    rest = np.flatnonzero(gains >= 0)
    rest = rest[np.argsort(-gains[rest], kind="stable")]
    return np.array([*rows, *rest.tolist()], np.int64), np.array([*novelty, *nearest[rest].tolist()])


def _best(vectors: Vectors, weights: Floats, nearest: Vectors, gains: Floats) -> int:
    """The image of the highest gain. `gains` are those of earlier places, and are renewed where needed."""
    fresh = np.zeros(len(gains), bool)
    while True:
        top = np.argsort(-gains, kind="stable")[:AGAIN]
        if fresh[top[0]]:
            return int(top[0])
        stale = top[~fresh[top] & (gains[top] >= 0)]
        gains[stale] = _gains(vectors, weights, nearest, stale)
        fresh[stale] = True


def _gains(vectors: Vectors, weights: Floats, nearest: Vectors, rows: NDArray[np.int64]) -> Floats:
    """How much closer to an annotated image each of some images brings all."""
    closer = np.maximum(nearest[:, None] - np.maximum(1 - vectors @ vectors[rows].T, 0), 0)
    return np.asarray(weights @ closer, np.float64)


def _doubt(looks: Sequence[Look]) -> Floats:
    """How unsure the model is of each image, 0 to 1: the mean of its ranks by score and disagreement."""
    columns = np.array([[-one.score, one.disagreement] for one in looks]).T
    return np.asarray(np.mean([_ranks(column) for column in columns], axis=0), np.float64)


def _ranks(values: Floats) -> Floats:
    """The share of values below each, of equal ones half."""
    ordered = np.sort(values)
    places = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return np.asarray(places / (2 * len(values)))


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
