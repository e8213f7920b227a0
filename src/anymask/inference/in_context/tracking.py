"""In-context segmentation of videos: each frame by the examples and by the frames just before it.

SegGPT (ICCV 2023), section 3.3 and 4.3: the first frame with its masks is the example; the last frames with
their answers, cut to masks, join it. One frame is held at a time, and `memory` of them at the model's size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anymask.errors import InputError
from anymask.images.colours import decode
from anymask.images.read import ImageSource, read_image
from anymask.images.video import Pixels
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import Kind, segment_like, sharpen
from anymask.models import InContext, Sam
from anymask.types import Context, Masks, Record
from anymask.types.context import denormalise

__all__ = ["Tracked", "segment_video"]


@dataclass(frozen=True, eq=False)
class Tracked:
    """What was found in a frame."""

    index: int
    """The number of the frame, from 0."""
    image: Pixels
    """(H, W, 3) uint8 RGB."""
    masks: Masks
    """A mask for each object that was found; `labels` tell which."""
    drift: float
    """0 where every object of the examples is found with certainty, 1 where none is found."""


def segment_video(
    model: InContext,
    frames: Iterable[ImageSource],
    contexts: Sequence[Context],
    *,
    memory: int = 8,
    kind: Kind = "instance",
    edits: Mapping[int, Masks] | None = None,
    known: Mapping[int, Masks] | None = None,
    refine: Sam | None = None,
) -> Iterator[Tracked]:
    """Segment frame after frame as the contexts show, which are mostly made of the first frame.

    The last `memory` frames in which something was found are examples too (8 is best, SegGPT, table 9).
    `edits` are masks that a person gave for some frames: from there on the video goes on as if it began with
    that frame, so they add, correct or take away objects, by their labels; no masks at all end the search.
    `known` are answers of an earlier run for the first frames, which are not computed again. `refine` is a
    promptable model that redraws the masks of each frame (`anymask.sharpen`) before they are remembered.
    Raises InputError as `segment_like` does, and for a negative memory.
    """
    if memory < 0:
        raise InputError(f"memory must be at least 0 frames, got {memory}. Take 8.")
    edits, known = edits or {}, known or {}
    palette = contexts[0].palette if contexts else None
    anchors = list(contexts)
    recent: deque[Context] = deque(maxlen=memory)

    def example(image: Pixels, masks: Masks) -> Context:
        return context(Record("frame", image, masks), palette, size=model.config.size)

    for index, frame in enumerate(frames):
        image = read_image(frame)
        if index in edits:
            masks = edits[index]
            anchors = [example(image, masks)] if len(masks) else []
            recent.clear()
        elif index in known:
            masks = known[index]
        elif anchors or index == 0:
            masks = segment_like(model, image, [*anchors, *recent], kind=kind)
            masks = masks if refine is None or not len(masks) else sharpen(refine, image, masks)
        else:
            masks = Masks((image.shape[0], image.shape[1]), ())
        if index not in edits and len(masks) and memory:
            recent.append(example(image, masks))
        yield Tracked(index, image, masks, _drift(masks, anchors))


def _drift(masks: Masks, anchors: Sequence[Context]) -> float:
    """1 less the mean score of the objects that the examples show, 0 for each that is lost."""
    wanted = {label for one in anchors for label in _shown(one)}
    if not wanted:
        return 0.0
    labels = np.zeros(len(masks), np.int64) if masks.labels is None else masks.labels
    best = {int(label): float(masks.scores[labels == label].max()) for label in np.unique(labels)}
    return 1 - sum(best.get(label, 0.0) for label in wanted) / len(wanted)


def _shown(one: Context) -> list[int]:
    """The labels that a context's target holds."""
    return [int(label) - 1 for label in np.unique(decode(denormalise(one.target), one.palette)) if label]
