"""What the masks of a data set are like, counted image by image in a fixed amount of memory.

The measures are those of SAM's figures 5 and 6: masks per image, relative size sqrt(mask area / image area),
concavity 1 - area / area of the convex hull, and where the centres of masks lie in the image.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import boxes, rle
from anymask.geometry.mask_shapes import Shapes, shapes_of
from anymask.types import Masks

__all__ = ["BINS", "GRID", "Tally"]

BINS = 50
"""Bins of a measure from 0 to 1."""
GRID = 64
"""Cells along each side of the map of centres."""
MOST_PER_IMAGE = 500
"""Images with more masks are counted together."""
SAME = 0.9
"""IoU from which on two masks of an image are near-duplicates."""
PRECISION = 1_000
"""Steps of 0 to 1 that quantiles are exact to."""


@dataclass
class Measure:
    """How a value from 0 to 1 is distributed."""

    steps: NDArray[np.int64] = field(default_factory=lambda: np.zeros(PRECISION, np.int64))

    def add(self, values: NDArray[Any]) -> None:
        """Count values; those that are not finite are left out."""
        found = values[np.isfinite(values)]
        self.steps += np.bincount(
            np.clip((found * PRECISION).astype(np.int64), 0, PRECISION - 1), minlength=PRECISION
        )

    def to_dict(self) -> dict[str, Any] | None:
        """Number, mean, quartiles and the counts of `BINS` bins; None without values."""
        total = int(self.steps.sum())
        if not total:
            return None
        middles = (np.arange(PRECISION) + 0.5) / PRECISION
        places = np.searchsorted(np.cumsum(self.steps), np.array([0.25, 0.5, 0.75]) * total)
        return {
            "count": total,
            "mean": float((self.steps * middles).sum() / total),
            "quartiles": [float(middles[place]) for place in places],
            "bins": self.steps.reshape(BINS, -1).sum(axis=1).tolist(),
        }


@dataclass
class Tally:
    """The counts of a data set so far."""

    images: int = 0
    masks: int = 0
    empty: int = 0
    """Masks without a pixel; they are left out of the measures."""
    touching: int = 0
    """Masks that touch the edge of their image."""
    duplicates: int = 0
    """Masks that have an IoU of 0.9 or more with an earlier mask of their image."""
    per_image: NDArray[np.int64] = field(default_factory=lambda: np.zeros(MOST_PER_IMAGE + 1, np.int64))
    sizes: Measure = field(default_factory=Measure)
    concavity: Measure = field(default_factory=Measure)
    scores: Measure = field(default_factory=Measure)
    stability: Measure = field(default_factory=Measure)
    centres: NDArray[np.int64] = field(default_factory=lambda: np.zeros((GRID, GRID), np.int64))
    """[row, column] of the map of centres, each axis scaled to the image."""
    image_sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(H, W) rounded to 10 pixels."""

    def add(self, masks: Masks) -> None:
        """Count the masks of an image."""
        h, w = masks.size
        self.images += 1
        self.masks += len(masks)
        self.per_image[min(len(masks), MOST_PER_IMAGE)] += 1
        self.image_sizes[round(h, -1), round(w, -1)] += 1
        if not len(masks):
            return
        found = shapes_of(masks.rles, masks.size)
        real = found.areas > 0
        self.empty += int((~real).sum())
        self.touching += int(found.touching(masks.size).sum())
        self.duplicates += near_duplicates(masks, found)
        self.sizes.add(np.sqrt(found.areas[real] / (h * w)))
        self.concavity.add(found.concavity[real])
        self.scores.add(masks.scores)
        if masks.stability is not None:
            self.stability.add(masks.stability)
        cells = np.minimum((found.centres[real] / (w, h) * GRID).astype(np.int64), GRID - 1)
        np.add.at(self.centres, (cells[:, 1], cells[:, 0]), 1)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON."""
        total = max(1, self.masks)
        return {
            "images": self.images,
            "masks": self.masks,
            "masks_per_image": self.masks / max(1, self.images),
            "images_by_masks": {str(n): int(c) for n, c in enumerate(self.per_image) if c},
            "empty_masks": self.empty,
            "share_touching_the_edge": self.touching / total,
            "share_of_near_duplicates": self.duplicates / total,
            "relative_size": self.sizes.to_dict(),
            "concavity": self.concavity.to_dict(),
            "scores": self.scores.to_dict() if self.scores.steps[:-1].any() else None,  # else none were given
            "stability": self.stability.to_dict(),
            "centres": self.centres.tolist(),
            "image_sizes": [
                {"height": h, "width": w, "images": count}
                for (h, w), count in self.image_sizes.most_common(20)
            ],
            "other_image_sizes": max(0, len(self.image_sizes) - 20),
        }


def near_duplicates(masks: Masks, shapes: Shapes) -> int:
    """How many masks have an IoU of `SAME` or more with an earlier one.

    Such masks have similar areas and boxes, so few pairs are compared pixel by pixel.
    """
    areas, corners = shapes.areas, shapes.boxes.astype(np.float32)
    near = boxes.iou_xyxy(corners, corners) >= SAME / 2
    near &= np.minimum.outer(areas, areas) >= SAME * np.maximum.outer(areas, areas)
    near &= areas[:, None] > 0
    later, earlier = np.nonzero(np.tril(near, -1))
    twice: set[int] = set()
    for one, other in zip(later.tolist(), earlier.tolist(), strict=True):
        if one not in twice and rle.iou([masks.rles[one]], [masks.rles[other]])[0, 0] >= SAME:
            twice.add(one)
    return len(twice)
