"""Edges of an image, from masks of everything in it (SAM, section 7.2 and appendix D.2)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry.frame import Frame
from anymask.images.read import ImageSource
from anymask.inference.mask_generation.grids import grid_points
from anymask.inference.mask_generation.nms import owners
from anymask.inference.promptable.predict import check_embedding, embed, predict
from anymask.models import Progress, Sam
from anymask.models.layers import slices
from anymask.types import Embedding, Masks, Prompt

__all__ = ["EdgeConfig", "edges", "thin"]

POINTS_AT_ONCE = 16
"""Points that are asked together, so many that their logits stay below 200 MB for SAM."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class EdgeConfig:
    """Settings of `edges`; defaults are the paper's. Raises InputError for values that cannot be used."""

    points_per_side: int = 16
    """A grid of this many points along each side, three masks for each."""
    nms: float = 0.7
    """Of two masks with a larger IoU the one with the lower predicted IoU goes."""
    thin: bool = True
    """Reduce edges to lines, one pixel or two wide."""

    def __post_init__(self) -> None:
        """Check the values."""
        if not 1 <= self.points_per_side <= 1024:
            raise InputError(f"points_per_side must be 1 to 1024, got {self.points_per_side}. Take 16.")
        if not 0 <= self.nms <= 1:
            raise InputError(f"nms must be 0 to 1, got {self.nms}. Take 0.7.")


def edges(
    model: Sam,
    image: ImageSource | Embedding,
    config: EdgeConfig | None = None,
    progress: Progress | None = None,
) -> Floats:
    """How much of an edge each pixel is: (H, W) float32 in [0, 1], the strongest of the image 1.

    Masks of a grid of points, without thresholds and crops; after mask NMS, Sobel's gradient of the sigmoid
    map of each, on the mask's border only; the maximum over masks, then thinning along the normal. Gradients
    are taken at the finer of the image's and the model's resolution that is not finer than the image.
    The points are asked twice, the second time for the masks that stay, so that memory holds the logits of a
    few. `progress(done, total)` counts points. Raises what `predict` raises.
    """
    settings = config or EdgeConfig()
    embedding = check_embedding(model, image) if isinstance(image, Embedding) else embed(model, image)
    points = grid_points(embedding.frame.size_hw, settings.points_per_side)
    kept = _kept(model, embedding, points, settings.nms, progress)
    strength = _strongest(model, embedding, points, kept)
    height, width = embedding.frame.size_hw
    full = np.asarray(cv2.resize(strength, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    lines = thin(full) if settings.thin else full
    return lines / max(float(lines.max()), 1e-12)


def _ask(model: Sam, embedding: Embedding, points: Floats, *, logits: bool) -> Masks:
    prompts = [Prompt.point(float(x), float(y)) for x, y in points]
    return predict(model, embedding, prompts, logits=logits, zoom=False)


def _kept(
    model: Sam, embedding: Embedding, points: Floats, nms: float, progress: Progress | None
) -> NDArray[np.int64]:
    """Numbers 3 * point + output of the masks that stay, ascending."""
    parts = []
    for part in slices(len(points), POINTS_AT_ONCE):
        parts.append(_ask(model, embedding, points[part], logits=False))
        if progress is not None:
            progress(part.stop, len(points))
    masks = Masks.concat(parts)
    owner = owners(masks.rles, masks.boxes, masks.scores, nms, by_mask=True)
    return np.flatnonzero((owner == np.arange(len(masks))) & (masks.areas > 0))


def _strongest(model: Sam, embedding: Embedding, points: Floats, kept: NDArray[np.int64]) -> Floats:
    """The maximum of the masks' edge maps, in the smaller of the image's and the model frame's size."""
    frame = embedding.frame
    size = min(frame.size_hw, frame.scaled_hw)
    out = np.zeros(size, np.float32)
    asked = np.unique(kept // 3)
    for part in slices(len(asked), POINTS_AT_ONCE):
        masks = _ask(model, embedding, points[asked[part]], logits=True)
        assert masks.logits is not None
        mine = np.isin(np.repeat(asked[part] * 3, 3) + np.tile([0, 1, 2], len(asked[part])), kept)
        for logits in masks.logits[mine]:
            np.maximum(out, _border_gradient(logits, frame, size), out=out)
    return out


def _border_gradient(logits: Floats, frame: Frame, size: tuple[int, int]) -> Floats:
    """Sobel's gradient of the sigmoid map, 0 away from the border of the mask; the image's frame is none."""
    full = frame.logits_to_image(logits[None], size)[0]
    inside = (full > 0).view(np.uint8)
    square = np.ones((3, 3), np.uint8)
    border = cv2.dilate(inside, square) != cv2.erode(inside, square)
    probability = 1 / (1 + np.exp(-np.clip(full, -60, 60)))
    dx, dy = (cv2.Sobel(probability, cv2.CV_32F, i, 1 - i, borderType=cv2.BORDER_REPLICATE) for i in (1, 0))
    return np.asarray(np.hypot(dx, dy) * border, np.float32)


def thin(strength: Floats) -> Floats:
    """Keep of an edge map (H, W) the pixels that are the strongest along their edge's normal; others are 0.

    The normal is the main direction of the gradient around a pixel, from the structure tensor. A pixel stays
    if the smoothed map is there as strong as one pixel before and behind, interpolated (non-maximum
    suppression as Canny, 1986, has it).
    """
    smooth = cv2.GaussianBlur(strength, (0, 0), 1.5, borderType=cv2.BORDER_REPLICATE)
    dx, dy = (cv2.Sobel(smooth, cv2.CV_32F, i, 1 - i, borderType=cv2.BORDER_REPLICATE) for i in (1, 0))
    xx, xy, yy = (cv2.GaussianBlur(product, (0, 0), 1.5) for product in (dx * dx, dx * dy, dy * dy))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    y, x = np.indices(strength.shape, dtype=np.float32)
    step_x, step_y = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    keep = strength > 0
    for sign in (1, -1):
        there = cv2.remap(
            smooth, x + sign * step_x, y + sign * step_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        keep &= smooth >= there
    return np.asarray(strength * keep, np.float32)
