"""Edge detection from automatic masks (SAM, section 7.2 and appendix D.2)."""

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
from anymask.models import Progress
from anymask.models.protocol import Promptable, slices
from anymask.types import Embedding, Masks, Prompt

__all__ = ["EdgeConfig", "edges", "thin"]

POINTS_AT_ONCE = 16
"""Points per batch: their logits stay below 200 MB for SAM."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class EdgeConfig:
    """Settings of `edges`; defaults are those of the paper. Raises InputError for invalid values."""

    points_per_side: int = 16
    """Number of grid points along each side; each gives three masks."""
    nms: float = 0.7
    """Of two masks with a higher IoU than this, the one with the lower predicted IoU is removed."""
    thin: bool = True
    """Reduce edges to lines of one or two pixels."""

    def __post_init__(self) -> None:
        """Check the values."""
        if not 1 <= self.points_per_side <= 1024:
            raise InputError(f"points_per_side must be 1 to 1024, got {self.points_per_side}. Use 16.")
        if not 0 <= self.nms <= 1:
            raise InputError(f"nms must be 0 to 1, got {self.nms}. Use 0.7.")


def edges(
    model: Promptable,
    image: ImageSource | Embedding,
    config: EdgeConfig | None = None,
    progress: Progress | None = None,
) -> Floats:
    """Edge strength of each pixel: (H, W) float32 in [0, 1], 1 for the strongest edge of the image.

    Masks are predicted from a grid of points, without thresholds and crops, and filtered by mask NMS. Edge
    strength is the maximum over masks of the Sobel gradient of their sigmoid map, on the mask's border only,
    thinned along the normal. Gradients are computed at the lower of the image's and the model's resolution.
    Points of kept masks are decoded twice, so that few logits are held in memory. `progress(done, total)`
    counts points. Raises what `predict` raises.
    """
    settings = config or EdgeConfig()
    embedding = check_embedding(model, image) if isinstance(image, Embedding) else embed(model, image)
    points = grid_points(embedding.frame.size_hw, settings.points_per_side)
    kept = _kept(model, embedding, points, settings.nms, progress)
    strength = _max_gradient(model, embedding, points, kept)
    height, width = embedding.frame.size_hw
    full = np.asarray(cv2.resize(strength, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    lines = thin(full) if settings.thin else full
    return lines / max(float(lines.max()), 1e-12)


def _predict_points(model: Promptable, embedding: Embedding, points: Floats, *, logits: bool) -> Masks:
    prompts = [Prompt.point(float(x), float(y)) for x, y in points]
    return predict(model, embedding, prompts, logits=logits, zoom=False)


def _kept(
    model: Promptable, embedding: Embedding, points: Floats, nms: float, progress: Progress | None
) -> NDArray[np.int64]:
    """Numbers 3 * point + output of the masks kept by NMS, ascending."""
    parts = []
    for part in slices(len(points), POINTS_AT_ONCE):
        parts.append(_predict_points(model, embedding, points[part], logits=False))
        if progress is not None:
            progress(part.stop, len(points))
    masks = Masks.concat(parts)
    owner = owners(masks.rles, masks.boxes, masks.scores, nms, by_mask=True)
    return np.flatnonzero((owner == np.arange(len(masks))) & (masks.areas > 0))


def _max_gradient(model: Promptable, embedding: Embedding, points: Floats, kept: NDArray[np.int64]) -> Floats:
    """The maximum of the masks' edge maps, at the smaller of the image size and the model's size."""
    frame = embedding.frame
    size = min(frame.size_hw, frame.scaled_hw)
    out = np.zeros(size, np.float32)
    needed = np.unique(kept // 3)
    for part in slices(len(needed), POINTS_AT_ONCE):
        masks = _predict_points(model, embedding, points[needed[part]], logits=True)
        assert masks.logits is not None
        mine = np.isin(np.repeat(needed[part] * 3, 3) + np.tile([0, 1, 2], len(needed[part])), kept)
        for logits in masks.logits[mine]:
            np.maximum(out, _border_gradient(logits, frame, size), out=out)
    return out


def _border_gradient(logits: Floats, frame: Frame, size: tuple[int, int]) -> Floats:
    """Sobel gradient of the sigmoid map, 0 away from the mask's border; the image border does not count."""
    full = frame.logits_to_image(logits[None], size)[0]
    inside = (full > 0).view(np.uint8)
    square = np.ones((3, 3), np.uint8)
    border = cv2.dilate(inside, square) != cv2.erode(inside, square)
    probability = 1 / (1 + np.exp(-np.clip(full, -60, 60)))
    dx, dy = (cv2.Sobel(probability, cv2.CV_32F, i, 1 - i, borderType=cv2.BORDER_REPLICATE) for i in (1, 0))
    return np.asarray(np.hypot(dx, dy) * border, np.float32)


def thin(strength: Floats) -> Floats:
    """Non-maximum suppression of an edge map (H, W) along the normal of each edge; other pixels become 0.

    The normal is the main direction of the gradient around a pixel, from the structure tensor. A pixel is
    kept if the smoothed map is at least as strong as one pixel before and behind it, interpolated (Canny,
    1986).
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
