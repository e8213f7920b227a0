"""Examples: convert an image with its masks to a Context, the input of an in-context model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import InputError
from anymask.geometry.label_map import label_map
from anymask.images.colours import check_palette, encode
from anymask.types import Context, Masks, Record
from anymask.types.context import SIZE, normalise, squash

__all__ = ["context"]


def context(record: Record, palette: ArrayLike | None = None, *, size: int = SIZE) -> Context:
    """Make an example from an image with its masks.

    Without a palette all masks are white, for one class. With a palette (K, 3) each mask has the colour of
    its label, 0 to K - 1, or, without labels, of its index: for several classes, or a colour per object.
    Where masks overlap, the smaller one is on top. `size` is that of the model, `model.config.size`.
    Raises InputError for no mask, an empty mask, masks of another size than the image and labels outside the
    palette; ImageError if the image cannot be read.
    """
    image, masks = record.read(), record.masks
    if masks.size != image.shape[:2]:
        raise InputError(
            f"masks must have the image's size {_by(image.shape[:2])} (height x width), got "
            f"{_by(masks.size)}. Give the masks of this image."
        )
    if not len(masks) or not masks.areas.all():
        what = "an empty mask" if len(masks) else "no mask"
        raise InputError(f"record must show what to segment, got {what} for {record.id}. Leave it out.")
    colours = None if palette is None else check_palette(palette)
    labels = _label_map(masks, _labels(masks, 1 if colours is None else len(colours), colours is None))
    target = squash(encode(labels, colours), size, nearest=True)
    return Context(normalise(squash(image, size)), normalise(target), colours)


def _by(size_hw: Sequence[int]) -> str:
    return f"{size_hw[0]} x {size_hw[1]}"


def _labels(masks: Masks, count: int, white: bool) -> NDArray[np.int64]:
    """The index of the colour of each mask."""
    if white:
        return np.zeros(len(masks), np.int64)
    labels = np.arange(len(masks)) if masks.labels is None else masks.labels
    if labels.min() < 0 or labels.max() >= count:
        raise InputError(
            f"labels must be 0 to {count - 1} for a palette of {count} colours, got {labels.min()} to "
            f"{labels.max()}. Give a larger palette."
        )
    return labels


def _label_map(masks: Masks, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(H, W): 0 outside, else the label plus 1 of the smallest mask."""
    numbers = np.concatenate([[0], labels + 1])
    return np.asarray(numbers[label_map(masks.rles, masks.size)])
