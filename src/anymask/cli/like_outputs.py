"""What `anymask like` is to do, and how its results are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anymask.cli.options.like import Options
from anymask.formats.example_masks import Examples
from anymask.geometry.rle import decode
from anymask.types import Masks

if TYPE_CHECKING:
    from anymask.images.bands import Bands
    from anymask.models import InContext, Promptable
    from anymask.types import Context

__all__ = ["WHITE", "Job", "describe", "number_map", "numbers_of"]

WHITE = 255
"""The number of objects where the examples are black and white."""


@dataclass(frozen=True)
class Job:
    """Everything that is the same for all images and videos."""

    options: Options
    model: InContext
    refiner: Promptable | None
    """The promptable model of --sharpen."""
    examples: Examples
    contexts: Sequence[Context]
    edits: Mapping[int, Masks]
    """The right masks of frames of the video, by frame."""
    folder: Path
    """Where to write."""
    bands: Bands | None = None
    """How images other than 8-bit RGB are shown."""


def number_map(masks: Masks, examples: Examples) -> NDArray[Any]:
    """The masks as one map (H, W): white where the examples are black and white, else their numbers."""
    numbers = np.array([WHITE]) if examples.palette is None else examples.numbers
    flat = np.zeros(masks.size, np.uint16 if numbers.max() > 255 else np.uint8)
    labels = np.zeros(0, np.int64) if masks.labels is None else masks.labels
    for label, runs in zip(labels, masks.rles, strict=True):
        flat[decode(runs, masks.size)] = numbers[label]
    return flat


def numbers_of(masks: Masks, examples: Examples) -> list[int]:
    """The number of each mask's object."""
    return [] if masks.labels is None else [int(examples.numbers[label]) for label in masks.labels]


def describe(masks: Masks, examples: Examples) -> dict[str, Any]:
    """What is printed of the masks of an image or frame."""
    rows = zip(numbers_of(masks, examples), masks.scores, masks.areas, masks.boxes, strict=True)
    return {
        "size": list(masks.size),
        "masks": [
            {
                "number": number,
                "score": round(float(score), 4),
                "area": int(area),
                "box": [int(side) for side in box],
            }
            for number, score, area, box in rows
        ],
    }
