"""Record: an image with its masks, as data sets and annotation files hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.images.display import read_display
from anymask.types.masks import Masks

__all__ = ["PER_MASK", "Record", "Source"]

Source: TypeAlias = Literal["human", "auto", "import"]


PER_MASK = (
    "ids",
    "categories",
    "category_scores",
    "kinds",
    "parents",
    "crowds",
    "areas",
    "crop_boxes",
    "point_coords",
    "attributes",
)
"""Keys of `Record.meta` whose values are lists with one entry per mask."""


@dataclass(frozen=True, eq=False)
class Record:
    """An image with its masks, as data sets and annotation files hold them."""

    id: str
    """A name that is unique in its data set."""
    image: NDArray[np.uint8] | Path
    """(H, W, 3) uint8 RGB, or a file that `read` opens."""
    masks: Masks
    """The annotated masks, of the image size."""
    source: Source = "import"
    """The origin of the masks."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Further metadata; the keys of `PER_MASK` hold one entry per mask, "dataset" one for all. "areas" are
    those that an annotation file states, which may differ from the masks' pixel counts."""
    ignore: rle.Runs | None = None
    """Runs of the unlabelled pixels, which are excluded from losses and scores."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What the annotation file holds for the image but no mask was made of: kinds, and how many of each."""

    def __repr__(self) -> str:
        """A short description."""
        return f"Record({self.id!r}, {self.masks!r}, source={self.source!r})"

    def read(self) -> NDArray[np.uint8]:
        """The image (H, W, 3) uint8 RGB. Raises ImageError if the file cannot be read."""
        return read_display(self.image) if isinstance(self.image, Path) else self.image

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> Record:
        """The same image with some of its masks, in the order of `rows`, and their metadata."""
        meta = {key: [self.meta[key][row] for row in rows] for key in PER_MASK if key in self.meta}
        return replace(self, masks=self.masks[np.asarray(rows, np.int64)], meta={**self.meta, **meta})

    def with_masks(self, masks: Masks, **meta: object) -> Record:
        """The same image with other masks; metadata per mask is dropped unless passed in `meta`."""
        kept = {k: v for k, v in self.meta.items() if k not in PER_MASK}
        return replace(self, masks=masks, meta={**kept, **meta})
