"""SegGPT, table 3: YouTube-VOS 2018 and MOSE, whose validation truth only their servers have.

For the validation sets the predictions become a ZIP file for the server. Local scores are those of videos of
the training sets; they are no figures of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.metrics import iou
from anymask.evaluate.tables.table import Items, Row, TableSet, means
from anymask.evaluate.tables.video import MEMORY, labelled_masks, read_labels, to_labels
from anymask.evaluate.video_masks import boundary_f
from anymask.formats import json_fields
from anymask.formats.voc import palette_png
from anymask.images.colours import palette
from anymask.images.read import read_image
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.tracking import segment_video
from anymask.models import InContext
from anymask.types import Context, Record

__all__ = ["SERVER_SETS", "track"]

Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Film:
    """The frames of a video, the label maps that show its objects, and the frames to answer."""

    name: str
    frames: tuple[Path, ...]
    maps: Mapping[int, Path]
    """By index of the frame."""
    wanted: tuple[int, ...]
    folder: str = ""
    """Where the server looks for the videos."""


def track(
    model: InContext, frames: Sequence[Path], shown: Mapping[int, Labels], memory: int = MEMORY
) -> list[Labels]:
    """Label maps of all frames, from those of some frames; in each of these further objects may appear.

    The frames that show objects are examples from there on, besides the last `memory` frames. Before the
    first of them there is nothing.
    """
    most = max((int(np.where(one == 255, 0, one).max()) for one in shown.values()), default=0)
    starts = sorted(shown)
    if not starts or not most:
        return [np.zeros(read_image(frame).shape[:2], np.uint8) for frame in frames]
    colours, contexts = palette(most), list[Context]()
    out = [np.zeros(shown[starts[0]].shape, np.uint8) for _ in range(starts[0] + 1)]
    for start, end in pairwise([*starts, len(frames) - 1]):
        new = np.where(shown[start] == 255, 0, shown[start])
        out[start] = np.where(new > 0, new, out[start]).astype(np.uint8)
        record = Record("shown", read_image(frames[start]), labelled_masks(out[start]))
        contexts.append(context(record, colours, size=model.config.size))
        tracked = segment_video(model, frames[start + 1 : end + 1], contexts, memory=memory)
        out += [to_labels(one.masks) for one in tracked]
    return out


def answer_film(model: InContext, one: Film) -> Mapping[str, bytes]:
    """The palette images that the server takes."""
    found = track(model, one.frames, {at: read_labels(path) for at, path in one.maps.items()})
    names = {at: f"{one.folder}{one.name}/{one.frames[at].stem}.png" for at in one.wanted}
    return {name: palette_png(found[at]) for at, name in names.items()}


def measure_film(model: InContext, one: Film) -> Row:
    """J and F of each object, means over its frames with a truth after the first."""
    truths = {at: read_labels(path) for at, path in one.maps.items()}
    numbers = sorted({int(number) for truth in truths.values() for number in np.unique(truth)} - {0, 255})
    first = {number: min(at for at, truth in truths.items() if (truth == number).any()) for number in numbers}
    shown = {
        at: np.where(np.isin(truths[at], [n for n in numbers if first[n] == at]), truths[at], 0)
        for at in sorted(set(first.values()))
    }
    found = track(model, one.frames, shown)
    out: dict[str, list[float]] = {"jf": [], "j": [], "f": []}
    for number in numbers:
        pairs = [(found[at] == number, truth == number) for at, truth in truths.items() if at > first[number]]
        if pairs:
            j, f = (float(np.mean([measure(*both) for both in pairs])) for measure in (iou, boundary_f))
            for name, value in (("jf", (j + f) / 2), ("j", j), ("f", f)):
                out[name].append(value)
    return out


def _films(split: str, *, folder: str, by_meta: bool) -> Callable[[Path], Items]:
    """The videos of a split; by_meta: those of `meta.json`, of which only listed frames are answered."""

    def open_(root: Path) -> Items:
        base = root / split
        meta = json_fields.load_json(base / "meta.json") if by_meta else {}
        videos = json_fields.field(meta, "videos", dict, "meta.json") if by_meta else None
        names = sorted(path.name for path in (base / "Annotations").iterdir() if path.is_dir())
        names = names if videos is None else sorted(videos)
        return Items(names, lambda index: _film(root, split, names[index], folder, videos))

    return open_


def _film(root: Path, split: str, name: str, folder: str, videos: Mapping[str, object] | None) -> Film:
    every = root / f"{split}_all_frames" / "JPEGImages" / name
    place = every if every.is_dir() else root / split / "JPEGImages" / name
    frames = tuple(sorted(place.glob("*.jpg")))
    at = {frame.stem: index for index, frame in enumerate(frames)}
    maps = sorted((root / split / "Annotations" / name).glob("*.png"))
    lacking = next((path for path in maps if path.stem not in at), None)
    if not frames or not maps or lacking is not None:
        raise FormatError(
            f"video {name} must have frames and label maps of them, got {lacking or 'none'} in {place}. "
            "Get it again."
        )
    wanted = (
        sorted(at.values()) if videos is None else [at[one] for one in _listed(videos[name]) if one in at]
    )
    return Film(name, frames, {at[path.stem]: path for path in maps}, tuple(wanted), folder)


def _listed(video: object) -> list[str]:
    """The frames of any object of a video, in order."""
    objects = json_fields.field(video, "objects", dict, "video")
    return sorted(
        {str(one) for thing in objects.values() for one in json_fields.field(thing, "frames", list, "object")}
    )


_YOUTUBE = TableSet(
    name="YouTube-VOS 2018 val, for the server",
    home="youtube-vos.org; server: codalab.lisn.upsaclay.fr/competitions/7685",
    size="9 GB",
    licence="research only",
    folders=("YouTubeVOS", "YouTube-VOS", "YouTubeVOS2018"),
    needs=("valid/meta.json", "valid/JPEGImages", "valid/Annotations"),
    open=_films("valid", folder="Annotations/", by_meta=True),
    measure=measure_film,
    answer=answer_film,
    figures=means,
    note="No local truth: send the ZIP file beside the report to the server.",
)
_MOSE = replace(
    _YOUTUBE,
    name="MOSE v1 val, for the server",
    home="henghuiding.github.io/MOSE; server: codalab.lisn.upsaclay.fr/competitions/10703",
    size="13 GB",
    licence="CC BY-NC-SA 4.0",
    folders=("MOSE", "MOSEv1"),
    needs=("valid/JPEGImages", "valid/Annotations"),
    open=_films("valid", folder="", by_meta=False),
)
_NOTE = "Videos of the training set: not comparable with published figures."
SERVER_SETS = (
    _YOUTUBE,
    _MOSE,
    *(
        replace(
            one,
            name=f"{name} train, not comparable",
            needs=("train/JPEGImages", "train/Annotations"),
            open=_films("train", folder="", by_meta=False),
            answer=None,
            note=_NOTE,
        )
        for one, name in ((_YOUTUBE, "YouTube-VOS 2018"), (_MOSE, "MOSE v1"))
    ),
)
