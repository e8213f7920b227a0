"""Record: an image with its masks, as data sets and annotation files hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.images.read import read_image

if TYPE_CHECKING:
    pass
from anymask.types.masks import Masks

__all__ = ["PER_MASK", "Record", "Source"]

Source: TypeAlias = Literal["human", "auto", "import"]


PER_MASK = ("ids", "categories", "kinds", "parents", "crop_boxes", "point_coords")
"""Notes in `Record.meta` that hold an entry for each mask."""


@dataclass(frozen=True, eq=False)
class Record:
    """An image with its masks, as data sets and annotation files hold them."""

    id: str
    """A name that is unique in its set."""
    image: NDArray[np.uint8] | Path
    """(H, W, 3) uint8 RGB, or the file that is read when asked for."""
    masks: Masks
    """The annotated masks, of the image's size."""
    source: Source = "import"
    """Who made the masks."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else is known; the lists of `PER_MASK` hold an entry for each mask, "dataset" one for all."""
    ignore: rle.Runs | None = None
    """Runs of the pixels that nobody labelled; they count in no loss and no score."""

    def __repr__(self) -> str:
        """A short description."""
        return f"Record({self.id!r}, {self.masks!r}, source={self.source!r})"

    def read(self) -> NDArray[np.uint8]:
        """The image (H, W, 3) uint8 RGB. Raises ImageError where the file cannot be read."""
        return read_image(self.image) if isinstance(self.image, Path) else self.image

    def with_masks(self, masks: Masks, **meta: object) -> Record:
        """The same image with other masks; the notes on single masks go unless given anew."""
        kept = {k: v for k, v in self.meta.items() if k not in PER_MASK}
        return replace(self, masks=masks, meta={**kept, **meta})
