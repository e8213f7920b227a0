"""Crops for refinement: small masks are predicted again in a close-up crop of the image.

The crop is a square around the prompt and the first mask. Its prompt is the original one in the frame of the
crop, with the logits of the first mask as mask prompt; the result replaces the first mask. A network that
sees the whole image at a few hundred pixels resolves small objects poorly, and crop refinement gains more for
them than any other use of the same time (docs/log.md).

A click gives the position of an object but not its size. For a single click, hypotheses are therefore
predicted from the whole image and from a wider crop around the click, and the best distinct ones are refined.
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

__all__ = ["Crop", "click_crop", "distinct", "mask_crop", "merge_similar"]

Floats: TypeAlias = NDArray[np.float32]

CROP_SCALE = 2.0
"""Side of a crop, relative to the longest side of the box that it must contain."""
LARGEST_CROP = 0.9
"""A mask whose crop would be longer than this share of the image's longest side is not refined."""
SIMILAR = 0.5
"""Crops with at least this IoU are replaced by the larger one."""
SMALLEST_CROP = 48
"""Minimum side of a crop in image pixels; smaller crops hold no detail."""
CLICK_CROP = 0.5
"""Side of the crop around a click, relative to the image's longest side."""
DISTINCT = 0.5
"""Masks with a smaller IoU than this count as distinct hypotheses."""
CUT_OFF = 0.5
"""A mask is cut off if its pixels at inner edges exceed this share of the square root of its area."""


@dataclass(frozen=True)
class Crop:
    """A rectangle of an image. Boxes are half-open xyxy of whole pixels."""

    size_hw: tuple[int, int]
    """Size of the image."""
    xyxy: tuple[int, int, int, int]
    """The rectangle in the image."""

    @property
    def xy(self) -> tuple[int, int]:
        """The corner of the crop in the image."""
        return self.xyxy[:2]

    def pixels(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The pixels of the crop, (h, w, 3)."""
        x0, y0, x1, y1 = self.xyxy
        return np.ascontiguousarray(image[y0:y1, x0:x1])

    @property
    def crop_hw(self) -> tuple[int, int]:
        """Size of the crop."""
        x0, y0, x1, y1 = self.xyxy
        return y1 - y0, x1 - x0

    def prompt(self, prompt: Prompt, logits: Floats, whole: Frame, part: Frame) -> Prompt:
        """The prompt in the frame of the crop; `logits` (gh, gw) of the image become its mask."""
        return replace(self.moved(prompt), mask=whole.logits_in(part, self.xy, logits))

    def moved(self, prompt: Prompt) -> Prompt:
        """The points and the box of a prompt in pixels of the crop, and its text."""
        corner = np.array(self.xy, np.float32)
        return Prompt(
            points=prompt.points - corner if len(prompt.points) else None,
            labels=prompt.labels if len(prompt.points) else None,
            box=None if prompt.box is None else prompt.box - np.tile(corner, 2),
            text=prompt.text,
        )

    def cuts_off(self, runs: rle.Runs) -> bool:
        """Whether a mask of the crop seems to continue beyond its edges."""
        (x0, y0, x1, y1), (h, w) = self.xyxy, self.size_hw
        mask = rle.decode(runs, self.crop_hw)
        edges = [(x0 > 0, mask[:, 0]), (y0 > 0, mask[0]), (x1 < w, mask[:, -1]), (y1 < h, mask[-1])]
        cut = sum(int(np.count_nonzero(edge)) for inside, edge in edges if inside)
        return cut > CUT_OFF * math.sqrt(rle.area(runs))

    def runs(self, runs: rle.Runs) -> rle.Runs:
        """Convert a mask of the crop to a mask of the image."""
        return rle.paste(runs, self.crop_hw, self.xy, self.size_hw)

    def logits(self, known: Floats, found: Floats, whole: Frame, part: Frame) -> Floats:
        """Logits of the image (gh, gw): `found`, of the crop, inside the crop and `known` elsewhere."""
        x, y = self.xy
        inside = whole.cells_within(self.xyxy)
        return np.where(inside, part.logits_in(whole, (-x, -y), found), known)


def mask_crop(prompt: Prompt, runs: rle.Runs, size_hw: tuple[int, int]) -> Crop | None:
    """The crop in which a mask of a prompt is refined, or None if it is large enough or empty."""
    box = _extent(prompt, runs, size_hw)
    if box is None:
        return None
    h, w = size_hw
    side = max(CROP_SCALE * float((box[2:] - box[:2]).max()), SMALLEST_CROP)
    if side >= LARGEST_CROP * max(h, w):
        return None
    (x0, x1), (y0, y1) = (_span(box[axis], box[axis + 2], side, full) for axis, full in ((0, w), (1, h)))
    return Crop(size_hw, (x0, y0, x1, y1))


def click_crop(prompt: Prompt, size_hw: tuple[int, int]) -> Crop | None:
    """The crop around a single click; None for other prompts and for small images."""
    side = CLICK_CROP * max(size_hw)
    if not prompt.ambiguous or side < SMALLEST_CROP:
        return None
    (x, y), (h, w) = prompt.points[0], size_hw
    (x0, x1), (y0, y1) = (_span(c, c, side, full) for c, full in ((x, w), (y, h)))
    return Crop(size_hw, (x0, y0, x1, y1))


def distinct(runs: Sequence[rle.Runs], quality: Floats, most: int) -> list[int]:
    """Indices of `most` masks: best first those distinct from all better ones, then the best of the rest."""
    order = np.argsort(-quality, kind="stable").tolist()
    similar = rle.iou(runs, runs) >= DISTINCT
    apart: list[int] = []
    for one in order:
        if not similar[one, apart].any():
            apart.append(one)
    return [*apart, *(one for one in order if one not in apart)][:most]


def merge_similar(crops: Sequence[Crop | None]) -> list[Crop | None]:
    """Replace each crop by the largest similar one, so that fewer crops must be encoded."""
    some = [crop for crop in crops if crop is not None]
    boxes = np.array([crop.xyxy for crop in some], np.float32).reshape(-1, 4)
    similar = iou_xyxy(boxes, boxes) >= SIMILAR
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    largest = iter([some[int(np.where(row, areas, 0).argmax())] for row in similar])
    return [None if crop is None else next(largest) for crop in crops]


def _extent(prompt: Prompt, runs: rle.Runs, size_hw: tuple[int, int]) -> Floats | None:
    """What a crop must contain, (4,) xyxy: the prompt's box, else points and mask; None for an empty mask."""
    if prompt.box is not None:
        corners = np.clip(prompt.box.reshape(2, 2), 0, size_hw[::-1])
    elif rle.area(runs):
        corners = rle.box(runs, size_hw).reshape(2, 2)
    else:
        return None
    both = np.concatenate([corners, prompt.points])
    return np.concatenate([both.min(axis=0), both.max(axis=0)]).astype(np.float32)


def _span(low: float, high: float, side: float, full: int) -> tuple[int, int]:
    """`side` whole pixels around the middle of `low` and `high`, moved to lie within 0 and `full`."""
    length = min(int(np.ceil(side)), full)
    start = int(np.clip(np.floor((low + high - length) / 2), 0, full - length))
    return start, start + length
