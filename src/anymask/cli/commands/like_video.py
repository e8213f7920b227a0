"""`anymask like` on a video: a folder of numbered maps, a file of figures per frame, then the overlay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anymask.cli.console import note, progress
from anymask.cli.like_outputs import Job, describe, number_map
from anymask.data_engine.sources import Item
from anymask.errors import ImageError, InputError
from anymask.files import write_atomic
from anymask.formats.example_masks import Examples
from anymask.geometry import rle
from anymask.images.colours import palette
from anymask.images.overlay import overlay
from anymask.images.read import read_map
from anymask.images.write import encode_png
from anymask.types import Masks

if TYPE_CHECKING:
    from anymask.images.video import VideoFrame

__all__ = ["MASKS", "OVERLAY", "run"]

MASKS, OVERLAY = "{}-masks", "{}-overlay.mp4"
FIGURES = "frames.jsonl"


def run(job: Job, item: Item) -> dict[str, Any]:
    """Track objects through one video; with --resume the frames that are done are read from their files."""
    from anymask.images.video import read_video, write_video
    from anymask.inference.in_context.tracking import segment_video

    options, path = job.options, item.path
    place = job.folder / MASKS.format(item.id)
    times: list[Fraction] = []
    frames = _decoding(_noting(read_video(path, skipped=note), times))
    place.mkdir(exist_ok=True)
    if not options.resume:
        _clear(place)
    known = _still_valid(_known(place, job.examples), job)
    if known:
        note(f"resuming after {len(known)} frames of {path.name}")
    lines = _lines(place, len(known))
    with progress("frames") as advance:
        for one in segment_video(
            job.model,
            (frame.image for frame in frames),
            job.contexts,
            memory=options.memory,
            kind=options.kind,
            edits=job.edits,
            known=known,
            refine=job.refiner,
        ):
            if one.index not in known:
                fact = {"frame": one.index, "seconds": float(times[-1]), "drift": round(one.drift, 4)}
                lines.append({**fact, **describe(one.masks, job.examples)})
                _keep(place, one.index, one.masks, lines, job.examples)
            advance(one.index + 1, 0, path.name)
    _check_corrections(job, len(times), path)
    target = job.folder / OVERLAY.format(item.id)
    write_video(target, _drawn(read_video(path), place, job.examples), codec=options.codec, force=True)
    drift = max((line["drift"] for line in lines), default=0.0)
    return {"path": str(path), "frames": len(times), "drift": drift, "overlay": str(target)}


def _check_corrections(job: Job, frames: int, path: Path) -> None:
    """Raise `InputError` for a correction of a frame that the video does not have."""
    late = [frame for frame in job.edits if frame >= frames]
    if late:
        raise InputError(
            f"--correct must name a frame of {path}, 0 to {frames - 1}, got {late[0]}. The masks are kept: "
            "name another frame and add --resume."
        )


def _decoding(frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    """The same frames, the first decoded already: a video that cannot be read leaves no files behind."""
    return chain([*islice(frames, 1)], frames)


def _noting(frames: Iterator[VideoFrame], times: list[Fraction]) -> Iterator[VideoFrame]:
    for frame in frames:
        times.append(frame.time)
        yield frame


def _clear(place: Path) -> None:
    for file in [*place.glob("*.png"), place / FIGURES]:
        file.unlink(missing_ok=True)


def _keep(place: Path, index: int, masks: Masks, lines: list[dict[str, Any]], examples: Examples) -> None:
    """Write a frame's figures, then its map: where the map is, the frame is done."""
    with (place / FIGURES).open("w" if index == 0 else "a", encoding="utf-8") as file:
        file.write(json.dumps(lines[-1]) + "\n")
    write_atomic(place / f"{index:06d}.png", encode_png(number_map(masks, examples)), force=True)


def _known(place: Path, examples: Examples) -> dict[int, Masks]:
    """The maps of the first frames, up to the first that is missing or damaged."""
    known: dict[int, Masks] = {}
    while (file := place / f"{len(known):06d}.png").is_file():
        try:
            known[len(known)] = _read_map(file, examples)
        except ImageError:
            break
    return known


def _still_valid(known: dict[int, Masks], job: Job) -> dict[int, Masks]:
    """The frames that are done, up to the first that differs from its correction."""
    for frame in sorted(job.edits.keys() & known.keys()):
        done, right = (number_map(masks, job.examples) for masks in (known[frame], job.edits[frame]))
        if not np.array_equal(done, right):
            return {index: masks for index, masks in known.items() if index < frame}
    return known


def _read_map(file: Path, examples: Examples) -> Masks:
    values = read_map(file)
    numbers = [255] if examples.palette is None else [int(number) for number in examples.numbers]
    here = [label for label, number in enumerate(numbers) if (values == number).any()]
    runs = [rle.encode(values == numbers[label]) for label in here]
    return Masks((values.shape[0], values.shape[1]), runs, labels=np.array(here, np.int64))


def _lines(place: Path, count: int) -> list[dict[str, Any]]:
    """The figures of the first frames; the file is cut to them, as its last line may be incomplete."""
    file = place / FIGURES
    texts = file.read_text("utf-8").splitlines()[:count] if file.is_file() else []
    write_atomic(file, "".join(f"{text}\n" for text in texts).encode(), force=True)
    return [json.loads(text) for text in texts]


def _drawn(frames: Iterator[VideoFrame], place: Path, examples: Examples) -> Iterator[VideoFrame]:
    """Frames with their masks, each object in one colour throughout."""
    from anymask.images.video import VideoFrame

    for index, frame in enumerate(frames):
        masks = _read_map(place / f"{index:06d}.png", examples)
        layers = np.zeros((len(examples.numbers), *masks.size), np.bool_)
        if masks.labels is not None:
            layers[masks.labels] = masks.dense()
        drawn = overlay(frame.image, layers, colours=palette(len(layers)))
        yield VideoFrame(drawn, frame.time)
