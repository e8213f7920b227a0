"""A second look: where an answer is small in the model's frame, a close-up of it is asked the same again.

The close-up is a square of the image around the prompt and the first answer. Its prompt is the first one,
moved into the close-up, with the first answer's logits as its mask. What comes of it takes the first
answer's place. A network that sees the whole image at a few hundred pixels has so little of a small thing
that this gains more than any other use of the same time (docs/log.md).

A click says where, but not how large. A click alone is therefore answered twice before the second look, from
the whole image and from the surroundings of the click, and of all these answers some that differ go on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.geometry.boxes import iou_xyxy
from anymask.geometry.frame import Frame
from anymask.types import Prompt

__all__ = ["CloseUp", "close_up", "different", "shared", "surroundings"]

Floats: TypeAlias = NDArray[np.float32]

AROUND = 2.0
"""Side of a close-up by the longest side of what it is laid around."""
LARGEST = 0.9
"""A close-up as long as this share of the image's longest side would show nothing new."""
ALIKE = 0.5
"""Close-ups whose squares have this IoU are looked at in one, the larger."""
SMALLEST = 48
"""Image pixels that a close-up has at least: there is nothing to see in fewer."""
NEAR = 0.5
"""Side of a click's surroundings by the image's longest side."""
DIFFERENT = 0.5
"""Answers to a click with a smaller IoU than this say different things."""
CUT_OFF = 0.5
"""A mask is cut off where its pixels at an edge are more than this, by the side of a square of its area."""


@dataclass(frozen=True)
class CloseUp:
    """A part of an image, as a picture of its own. All boxes are half-open xyxy of whole pixels."""

    size_hw: tuple[int, int]
    """The image."""
    xyxy: tuple[int, int, int, int]
    """The part."""

    @property
    def xy(self) -> tuple[int, int]:
        """Its corner in the image."""
        return self.xyxy[:2]

    def pixels(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The part's own picture, (h, w, 3)."""
        x0, y0, x1, y1 = self.xyxy
        return np.ascontiguousarray(image[y0:y1, x0:x1])

    @property
    def part_hw(self) -> tuple[int, int]:
        """Its size."""
        x0, y0, x1, y1 = self.xyxy
        return y1 - y0, x1 - x0

    def prompt(self, prompt: Prompt, logits: Floats, whole: Frame, part: Frame) -> Prompt:
        """The same question about the part; `logits` (gh, gw) of the whole are the first answer."""
        return replace(self.moved(prompt), mask=whole.logits_in(part, self.xy, logits))

    def moved(self, prompt: Prompt) -> Prompt:
        """The points and the box of a prompt, in the part."""
        corner = np.array(self.xy, np.float32)
        return Prompt(
            points=prompt.points - corner if len(prompt.points) else None,
            labels=prompt.labels if len(prompt.points) else None,
            box=None if prompt.box is None else prompt.box - np.tile(corner, 2),
        )

    def cuts_off(self, runs: rle.Runs) -> bool:
        """Whether a mask of the part seems to go on in the image, beyond the part."""
        (x0, y0, x1, y1), (h, w) = self.xyxy, self.size_hw
        mask = rle.decode(runs, self.part_hw)
        edges = [(x0 > 0, mask[:, 0]), (y0 > 0, mask[0]), (x1 < w, mask[:, -1]), (y1 < h, mask[-1])]
        cut = sum(int(np.count_nonzero(edge)) for inside, edge in edges if inside)
        return cut > CUT_OFF * math.sqrt(rle.area(runs))

    def runs(self, runs: rle.Runs) -> rle.Runs:
        """A mask of the part as a mask of the image."""
        return rle.paste(runs, self.part_hw, self.xy, self.size_hw)

    def logits(self, known: Floats, found: Floats, whole: Frame, part: Frame) -> Floats:
        """The logits of the whole (gh, gw): `found` (of the part) where it is seen, `known` elsewhere."""
        x, y = self.xy
        seen = whole.cells_within(self.xyxy)
        return np.where(seen, part.logits_in(whole, (-x, -y), found), known)


def close_up(prompt: Prompt, runs: rle.Runs, size_hw: tuple[int, int]) -> CloseUp | None:
    """The close-up for an answer to a prompt, or None where the first look was close enough."""
    box = _extent(prompt, runs, size_hw)
    if box is None:
        return None
    h, w = size_hw
    side = max(AROUND * float((box[2:] - box[:2]).max()), SMALLEST)
    if side >= LARGEST * max(h, w):
        return None
    (x0, x1), (y0, y1) = (_span(box[axis], box[axis + 2], side, full) for axis, full in ((0, w), (1, h)))
    return CloseUp(size_hw, (x0, y0, x1, y1))


def surroundings(prompt: Prompt, size_hw: tuple[int, int]) -> CloseUp | None:
    """What lies near a click alone; None for another prompt and where the image is small."""
    side = NEAR * max(size_hw)
    if not prompt.ambiguous or side < SMALLEST:
        return None
    (x, y), (h, w) = prompt.points[0], size_hw
    (x0, x1), (y0, y1) = (_span(c, c, side, full) for c, full in ((x, w), (y, h)))
    return CloseUp(size_hw, (x0, y0, x1, y1))


def different(runs: Sequence[rle.Runs], quality: Floats, most: int) -> list[int]:
    """Numbers of `most` answers: the best that differ from all better ones, then the best of the others."""
    order = np.argsort(-quality, kind="stable").tolist()
    alike = rle.iou(runs, runs) >= DIFFERENT
    apart: list[int] = []
    for one in order:
        if not alike[one, apart].any():
            apart.append(one)
    return [*apart, *(one for one in order if one not in apart)][:most]


def shared(closes: Sequence[CloseUp | None]) -> list[CloseUp | None]:
    """The close-ups with every one replaced by the largest that is much like it, to save looks."""
    some = [close for close in closes if close is not None]
    boxes = np.array([close.xyxy for close in some], np.float32).reshape(-1, 4)
    alike = iou_xyxy(boxes, boxes) >= ALIKE
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    largest = iter([some[int(np.where(row, areas, 0).argmax())] for row in alike])
    return [None if close is None else next(largest) for close in closes]


def _extent(prompt: Prompt, runs: rle.Runs, size_hw: tuple[int, int]) -> Floats | None:
    """What a close-up must show, (4,) xyxy: the prompt's box, or points and answer; None if nothing."""
    if prompt.box is not None:
        corners = np.clip(prompt.box.reshape(2, 2), 0, size_hw[::-1])
    elif rle.area(runs):
        corners = rle.box(runs, size_hw).reshape(2, 2)
    else:
        return None
    both = np.concatenate([corners, prompt.points])
    return np.concatenate([both.min(axis=0), both.max(axis=0)]).astype(np.float32)


def _span(low: float, high: float, side: float, full: int) -> tuple[int, int]:
    """`side` whole pixels around the middle of low and high, moved to lie within 0 and `full`."""
    length = min(int(np.ceil(side)), full)
    start = int(np.clip(np.floor((low + high - length) / 2), 0, full - length))
    return start, start + length
