"""In-context segmentation of videos: the examples of a frame are given contexts and the previous frames.

SegGPT (ICCV 2023), sections 3.3 and 4.3: the first frame with its masks is an example, and so are the last
frames with their predicted masks. Memory holds one frame, and `memory` frames at the model's size.
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
from anymask.models.protocol import InContext, Promptable
from anymask.types import Context, Masks, Record
from anymask.types.context import denormalise

__all__ = ["Tracked", "segment_video"]


@dataclass(frozen=True, eq=False)
class Tracked:
    """The masks of one frame."""

    index: int
    """The index of the frame."""
    image: Pixels
    """(H, W, 3) uint8 RGB."""
    masks: Masks
    """A mask for each object found; `labels` identify the objects."""
    drift: float
    """0 if every object of the examples is found with certainty, 1 if none is found."""


def segment_video(
    model: InContext,
    frames: Iterable[ImageSource],
    contexts: Sequence[Context],
    *,
    memory: int = 8,
    kind: Kind = "instance",
    edits: Mapping[int, Masks] | None = None,
    known: Mapping[int, Masks] | None = None,
    refine: Promptable | None = None,
) -> Iterator[Tracked]:
    """Segment the frames of a video one by one as the contexts show.

    model: an in-context model in evaluation mode.
    frames: images that `read_image` accepts.
    contexts: examples, usually of the first frame.
    memory: how many of the last frames with masks are used as further examples; 8 is best for SegGPT
        (table 9).
    kind: SegGPT's type token, as for `paint`.
    edits: corrected masks by frame index. From such a frame on it is the only context, so that edits add,
        correct or remove objects, by label; after an empty Masks nothing is searched for.
    known: masks of frames by index from an earlier run, which are not computed again.
    refine: a promptable model that refines the masks of each frame (`anymask.sharpen`).

    Raises InputError as `segment_like` does, and for a negative memory.
    """
    if memory < 0:
        raise InputError(f"memory must be at least 0 frames, got {memory}. Use 8.")
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
    """1 minus the mean score of the objects that the examples show; lost objects have the score 0."""
    wanted = {label for one in anchors for label in _shown(one)}
    if not wanted:
        return 0.0
    labels = np.zeros(len(masks), np.int64) if masks.labels is None else masks.labels
    best = {int(label): float(masks.scores[labels == label].max()) for label in np.unique(labels)}
    return 1 - sum(best.get(label, 0.0) for label in wanted) / len(wanted)


def _shown(one: Context) -> list[int]:
    """The labels in a context's target."""
    return [int(label) - 1 for label in np.unique(decode(denormalise(one.target), one.palette)) if label]
