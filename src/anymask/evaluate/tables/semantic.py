"""SegGPT, table 5: mean IoU on ADE20K, by Painter's palette or a tuned prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.tables.label_images import read_classes
from anymask.evaluate.tables.painter import example, painted
from anymask.evaluate.tables.table import Figures, Items, Row, TableSet, Weights
from anymask.geometry import rle
from anymask.images.read import read_image
from anymask.inference.in_context.segment import segment_like
from anymask.models import InContext
from anymask.types import Context, Masks

__all__ = ["SEMANTIC_SETS", "class_counts", "class_palette", "classes_of", "mean_iou", "nearest_class"]

CLASSES = 150
NOBODY = 255
"""Pixels of no class, which do not count."""
PROMPT = "ADE_train_00009574"
"""The example of Painter's evaluation."""


def class_palette(count: int, levels: int, step: int) -> NDArray[np.uint8]:
    """Painter's colours of classes (count, 3): `levels` values of each channel, from 255 down by `step`."""
    number = np.arange(count)
    places = number // levels**2, number % levels**2 // levels, number % levels
    return np.stack([255 - step * place for place in places], axis=1).astype(np.uint8)


def nearest_class(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The class of each pixel (H, W, 3): the least sum of absolute differences; of equal ones the first."""
    best = np.full(colours.shape[:2], np.iinfo(np.int32).max, np.int32)
    found = np.zeros(colours.shape[:2], np.uint8)
    for number, colour in enumerate(palette.astype(np.int32)):
        far = np.abs(colours - colour).sum(axis=2, dtype=np.int32)
        found[far < best] = number
        np.minimum(best, far, out=best)
    return found


@dataclass(frozen=True)
class Labelled:
    """A query with its truth, classes from 0 or 255, and the example."""

    query: Path
    truth: Path
    example: Path | tuple[Path, Path]
    """A tuned prompt, or an image and its classes."""


def measure_palette(model: InContext, one: Labelled) -> Row:
    """Paint by Painter's palette, resize in colour space, truncate to 8 bits, take the nearest class."""
    assert isinstance(one.example, tuple)
    palette = class_palette(CLASSES, 6, 42)
    classes = classes_of(one.example[1])
    target = np.where(classes[..., None] == NOBODY, 0, palette[np.minimum(classes, CLASSES - 1)]).astype(
        np.uint8
    )
    image = read_image(one.query)
    colours = np.clip(painted(model, image, example(model, read_image(one.example[0]), target)), 0, 255)
    size = (image.shape[1], image.shape[0])
    full = cv2.resize(colours, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    return _compared(nearest_class(full, palette), one.truth)


def measure_tuned(model: InContext, one: Labelled) -> Row:
    """Segment by a tuned prompt, whose palette has a colour for each class."""
    assert isinstance(one.example, Path)
    found = segment_like(model, read_image(one.query), [_prompt(one.example)], kind="semantic")
    return _compared(label_map(found), one.truth)


def label_map(masks: Masks) -> NDArray[np.uint8]:
    """(H, W): the label of each pixel; 254, which is no class, where there is no mask."""
    out = np.full(masks.size, NOBODY - 1, np.uint8)
    for runs, label in zip(masks.rles, [] if masks.labels is None else masks.labels.tolist(), strict=True):
        out[rle.decode(runs, masks.size)] = label
    return out


@lru_cache(1)
def _prompt(path: Path) -> Context:
    return Context.load(path)


def classes_of(path: Path) -> NDArray[np.uint8]:
    """The classes (H, W) of a label map, from 0; 0 in the file, "other", becomes 255."""
    return np.asarray(read_classes(path) - np.uint8(1))


def _compared(found: NDArray[np.uint8], path: Path) -> Row:
    truth = classes_of(path)
    if truth.shape != found.shape:
        raise FormatError(
            f"label map must have the size {found.shape} of its image, got {truth.shape} in {path}. "
            "Get it again."
        )
    return class_counts(found, truth)


def class_counts(found: NDArray[np.uint8], truth: NDArray[np.uint8]) -> dict[str, list[int]]:
    """By class: pixels of both, of the truth and of the prediction; pixels of no class are left out."""
    counted = truth != NOBODY
    a, b = found[counted], truth[counted]
    shared, true, predicted = (np.bincount(some, minlength=256) for some in (b[a == b], b, a))
    seen = np.flatnonzero(true + predicted)
    return {
        "classes": seen.tolist(),
        "shared": shared[seen].tolist(),
        "true": true[seen].tolist(),
        "predicted": predicted[seen].tolist(),
    }


def mean_iou(rows: Sequence[Row]) -> Figures:
    """Mean over the classes of the truth of summed intersections by summed unions, and the pixel accuracy."""
    sums = np.zeros((3, len(rows), 256))
    for i, row in enumerate(rows):
        for part, name in zip(sums, ("shared", "true", "predicted"), strict=True):
            part[i, row["classes"]] = row[name]

    def figures(weights: Weights) -> Mapping[str, float]:
        shared, true, predicted = weights @ sums
        present = true > 0
        if not present.any():
            return {"miou": float("nan"), "accuracy": float("nan")}
        ious = shared[present] / (true + predicted - shared)[present]
        return {"miou": float(ious.mean()), "accuracy": float(shared.sum() / true.sum())}

    return figures


def _open(root: Path, shown: Path | tuple[Path, Path]) -> Items:
    queries = sorted((root / "images/validation").glob("*.jpg"))
    maps = root / "annotations/validation"
    return Items(
        [path.stem for path in queries],
        lambda index: Labelled(queries[index], maps / f"{queries[index].stem}.png", shown),
    )


def _open_palette(root: Path) -> Items:
    return _open(root, (root / f"images/training/{PROMPT}.jpg", root / f"annotations/training/{PROMPT}.png"))


def _open_tuned(root: Path) -> Items:
    return _open(root, root / "prompt.safetensors")


_PALETTE = TableSet(
    name="ADE20K val, palette",
    home="sceneparsing.csail.mit.edu (ADEChallengeData2016.zip)",
    size="950 MB",
    licence="BSD-3; images research only",
    folders=("ADEChallengeData2016", "ade20k", "datasets/ade20k"),
    needs=("images/validation/*.jpg", "annotations/validation/*.png", f"images/training/{PROMPT}.jpg"),
    open=_open_palette,
    measure=measure_palette,
    figures=mean_iou,
    resamples=500,
)

SEMANTIC_SETS = (
    _PALETTE,
    replace(
        _PALETTE,
        name="ADE20K val, tuned prompt",
        needs=("images/validation/*.jpg", "annotations/validation/*.png", "prompt.safetensors"),
        open=_open_tuned,
        measure=measure_tuned,
        note="prompt.safetensors is made by anymask tune; SegGPT's was not released.",
    ),
)
