"""What a run will take, measured on a sample before it starts."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from anymask.data_engine.distributed.listing import Source
from anymask.data_engine.distributed.manifest import rows_per_shard
from anymask.data_engine.distributed.shard import image_chunks
from anymask.data_engine.image_masks import Plan, make_item
from anymask.errors import AnymaskError, InputError
from anymask.files.places import open_place
from anymask.models import Promptable

__all__ = ["SAMPLE", "Estimate", "estimate"]

SAMPLE = 8
"""Images that are processed to measure."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take."""

    images: int
    shards: int
    workers: int
    sample: int
    """Images that were processed to measure."""
    seconds_per_image: float
    """Mean, of one worker alone."""
    spread: float
    """Standard error of the mean, seconds."""
    masks_per_image: float
    hours: float
    """For all images with this many workers, if they do not slow each other down."""
    core_hours: float
    bytes: int
    """Of the data set: images and masks."""
    unreadable: int
    """Images of the sample that cannot be processed."""


def estimate(
    model: Promptable,
    source: Source,
    plan: Plan,
    *,
    workers: int,
    threads: int = 1,
    per_shard: int | None = None,
    advance: Callable[[int, int, str], object] | None = None,
) -> Estimate:
    """Process a few images, spread evenly over the source, and project; nothing is written.

    model: a promptable model, with the threads that a worker has.
    source: the images.
    plan: what to make of each.
    workers: their number. threads: of each.
    per_shard: images in a shard; by default as a run chooses.
    advance: called before each image of the sample.

    Raises InputError where no image of the sample can be processed.
    """
    images = list(source.images())
    step = max(1, len(images) // SAMPLE)
    sample = images[step // 2 :: step][:SAMPLE]
    seconds: list[float] = []
    sizes: list[int] = []
    masks = 0
    for number, (id, path, _) in enumerate(sample):
        if advance is not None:
            advance(number, len(sample), path)
        start = time.perf_counter()
        try:
            count, size = _processed(model, source, plan, id, path)
        except AnymaskError:
            continue
        seconds.append(time.perf_counter() - start)
        sizes.append(size)
        masks += count
    if not seconds:
        raise InputError(
            f"source must hold images that can be processed, got none among {len(sample)} that were tried."
        )
    mean = statistics.mean(seconds)
    each = per_shard or rows_per_shard(len(images))
    return Estimate(
        images=len(images),
        shards=-(-len(images) // each),
        workers=workers,
        sample=len(seconds),
        seconds_per_image=mean,
        spread=_standard_error(seconds),
        masks_per_image=masks / len(seconds),
        hours=len(images) * mean / min(workers, -(-len(images) // each)) / 3600,
        core_hours=len(images) * mean * threads / 3600,
        bytes=round(len(images) * statistics.mean(sizes)),
        unreadable=len(sample) - len(seconds),
    )


def _standard_error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def _processed(model: Promptable, source: Source, plan: Plan, id: str, path: str) -> tuple[int, int]:
    """Process an image as a worker does; the number of masks, and the bytes that it takes in a shard."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, f"image{PurePosixPath(path).suffix}")
        with copy.open("wb") as file:
            file.writelines(image_chunks(open_place(source.address), path))
        count, files = make_item(model, copy, plan, id)
    return count, sum(len(data) for data in files.values())
