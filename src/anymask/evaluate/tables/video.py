"""SegGPT, table 3: video object segmentation on DAVIS 2017, and table 4: the number of frames in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.tables.episodes import read_lines
from anymask.evaluate.tables.table import Items, Row, TableSet, means
from anymask.evaluate.video_masks import object_scores
from anymask.geometry import rle
from anymask.images.colours import palette
from anymask.images.read import open_image, read_image, read_map
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.tracking import segment_video
from anymask.models import InContext
from anymask.types import Masks, Record

__all__ = [
    "MEMORY",
    "VIDEO_SETS",
    "davis_set",
    "labelled_masks",
    "read_labels",
    "segment_sequence",
    "to_labels",
]

MEMORY = 8
"""Frames in memory, the best number of the paper."""
NOBODY = 255


@dataclass(frozen=True)
class Video:
    """The frames of a video, and their label maps."""

    name: str
    frames: tuple[Path, ...]
    maps: tuple[Path, ...]


def read_labels(path: Path) -> NDArray[np.uint8]:
    """The object numbers (H, W) of a palette image. Raises FormatError for an image in colour."""
    with open_image(path) as opened:
        if opened.mode not in ("P", "L", "1"):
            raise FormatError(
                f"label map must be a palette PNG, got {opened.mode} in {path}. Save object numbers, mode P."
            )
    return read_map(path).astype(np.uint8)


def check_prediction(labels: NDArray[np.uint8], objects: int, path: Path) -> None:
    """Refuse numbers of objects that the first frame does not have. Raises FormatError."""
    most = int(labels.max(initial=0))
    if most > objects:
        raise FormatError(
            f"prediction must hold numbers 0 to {objects}, got {most} in {path}. Write background as 0."
        )


def _open_davis(root: Path) -> Items:
    names = [name for line in read_lines(root / "ImageSets/2017/val.txt") for name in line.split()]
    return Items(names, lambda index: _sequence(root, names[index]))


def _sequence(root: Path, name: str) -> Video:
    maps = tuple(sorted((root / "Annotations/480p" / name).glob("*.png")))
    frames = tuple(root / "JPEGImages/480p" / name / f"{path.stem}.jpg" for path in maps)
    lacking = next((path for path in frames if not path.is_file()), None)
    if len(maps) < 3 or lacking is not None:
        raise FormatError(
            f"sequence {name} must have 3 frames or more, got no {lacking or 'frames'}. Get it again."
        )
    return Video(name, frames, maps)


def segment_sequence(
    model: InContext, frames: Sequence[Path], first: NDArray[np.uint8], memory: int
) -> list[NDArray[np.uint8]]:
    """Label maps of all frames, from that of the first frame (numbers from 1; 255 is background)."""
    labels = np.where(first == NOBODY, 0, first)
    shown = labelled_masks(labels)
    record = Record("first", read_image(frames[0]), shown)
    example = context(record, palette(int(labels.max())), size=model.config.size)
    tracked = segment_video(model, frames, [example], memory=memory, edits={0: shown})
    return [to_labels(one.masks) for one in tracked]


def labelled_masks(labels: NDArray[np.uint8]) -> Masks:
    """A mask for each number from 1 in a map (H, W), labelled with the number less 1."""
    found = rle.encode_numbers(labels)
    return Masks(
        (labels.shape[0], labels.shape[1]), found.values(), labels=np.array(list(found), np.int64) - 1
    )


def to_labels(masks: Masks) -> NDArray[np.uint8]:
    """The map (H, W) of masks: each mask's label and 1, later ones on top."""
    out = np.zeros(masks.size, np.uint8)
    labels = range(len(masks)) if masks.labels is None else masks.labels.tolist()
    for runs, label in zip(masks.rles, labels, strict=True):
        out[rle.decode(runs, masks.size)] = label + 1
    return out


def measure_sequence(model: InContext, one: Video, *, memory: int = MEMORY) -> Row:
    """J and F of the objects of a sequence."""
    truths = [read_labels(path) for path in one.maps]
    return object_scores(segment_sequence(model, one.frames, truths[0], memory), truths)


def measure_predictions(_: object, one: Video) -> Row:
    """J and F of label maps that lie in `Predictions/480p/<sequence>`, for all frames. Raises FormatError."""
    truths, found = [read_labels(path) for path in one.maps], []
    objects = int(np.where(truths[0] == NOBODY, 0, truths[0]).max())
    for path, truth in zip(one.maps, truths, strict=True):
        place = path.parents[3] / "Predictions" / Path(*path.parts[-3:])
        if not place.is_file():
            raise FormatError(f"prediction of every frame must exist, got none at {place}. Predict it.")
        labels = read_labels(place)
        if labels.shape != truth.shape:
            raise FormatError(f"prediction must have the size {truth.shape}, got {labels.shape} in {place}.")
        check_prediction(labels, objects, place)
        found.append(labels)
    return object_scores(found, truths)


def davis_set(name: str = "DAVIS 2017 val", memory: int = MEMORY) -> TableSet:
    """DAVIS 2017 with this many frames in memory."""
    return TableSet(
        name=name,
        home="davischallenge.org (DAVIS-2017-trainval-480p.zip)",
        size="800 MB",
        licence="CC BY-NC 4.0",
        folders=("DAVIS", "DAVIS2017"),
        needs=("ImageSets/2017/val.txt", "Annotations/480p", "JPEGImages/480p"),
        open=_open_davis,
        measure=partial(measure_sequence, memory=memory),
        figures=means,
    )


VIDEO_SETS = (
    davis_set(),
    replace(
        davis_set("DAVIS 2017 val, predicted PNGs"),
        needs=("ImageSets/2017/val.txt", "Annotations/480p", "JPEGImages/480p", "Predictions/480p"),
        measure=measure_predictions,
        note="Label maps of any method, in Predictions/480p; the model is not used.",
    ),
)
