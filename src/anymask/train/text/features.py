"""The features of named masks, computed once for each data set and kept in files.

Besides the annotated masks there are proposals, as `anymask.find` gets them, so that the model also learns
what no name is for. A proposal is named by an annotated mask of nearly the same shape; it is nothing if it
overlaps none much, or if it is a small part of one; others are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from anymask.data.dataset import Dataset, readable
from anymask.files import write_atomic
from anymask.geometry import rle
from anymask.inference.promptable.predict import embed
from anymask.inference.text.regions import find_regions
from anymask.models.protocol import Promptable
from anymask.models.text.namer import MaskFeatures
from anymask.types import Masks, Record

__all__ = ["NOTHING", "PART", "Rows", "set_rows"]

Progress: TypeAlias = Callable[[str, int], None]

NOTHING, PART = "(nothing)", "(part)"
"""The names of proposals that no annotated mask fits; the latter lie in one."""
LEAST_PIXELS = 60
MOST_OF_NAME, MOST_OF_IMAGE = 5, 30
"""Masks of an image that are used, the largest, of each name and in all."""
SAME, OTHER = 0.7, 0.2
"""IoU from which on a proposal has the name of a mask, and up to which it has not."""
SMALL_PART = 0.4
"""A proposal inside a mask with a lower IoU than this is a part."""


@dataclass(frozen=True)
class Rows:
    """Masks as training examples: features (N, F) float16, a name each, and whether it is a proposal."""

    features: NDArray[np.float16]
    names: Sequence[str]
    proposed: NDArray[np.bool_]

    def to_bytes(self) -> bytes:
        """As a safetensors file."""
        text = np.frombuffer("\n".join(self.names).encode(), np.uint8)
        return save({"features": self.features, "names": text, "proposed": self.proposed.astype(np.uint8)})

    @staticmethod
    def read(path: Path) -> Rows:
        """Read what `to_bytes` wrote."""
        found = load_file(path)
        names = found["names"].tobytes().decode().split("\n") if len(found["names"]) else []
        return Rows(found["features"], names, found["proposed"] != 0)


def set_rows(
    dataset: Dataset,
    features: MaskFeatures,
    cache: Path,
    *,
    model: Promptable | None = None,
    proposed: int = 0,
    most: int | None = None,
    progress: Progress | None = None,
) -> Rows:
    """The rows of a data set, from the file `cache` if it is there; else computed and written to it.

    dataset: records with categories.
    features: computes the features.
    cache: the file.
    model: proposes masks; None for no proposals.
    proposed: number of images, the first ones, whose proposals are used.
    most: number of images; None for all.
    progress: called with the name of the data set and the number of images done.
    """
    if cache.is_file():
        return Rows.read(cache)
    parts: list[Rows] = []
    for number, record in enumerate(readable(dataset)):
        if number == most:
            break
        parts.append(_record_rows(record, features, model if number < proposed else None))
        if progress is not None:
            progress(dataset.name, number + 1)
    rows = _joined(parts)
    cache.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(cache, rows.to_bytes(), force=True)
    return rows


def _record_rows(record: Record, features: MaskFeatures, model: Promptable | None) -> Rows:
    image, categories = record.read(), record.meta.get("categories") or ()
    chosen = _largest(record.masks, categories)
    masks, names = record.masks[chosen], [categories[row] for row in chosen]
    if model is not None:
        found = find_regions(model, embed(model, image))
        given = [_name_of(one, record.masks, categories) for one in found]
        fits = [row for row, name in enumerate(given) if name is not None]
        masks = Masks.concat([_plain(masks), _plain(found[fits])])
        names += [name for name in given if name is not None]
    proposed = np.arange(len(names)) >= len(chosen)
    if not names:
        return _joined([])
    return Rows(features(image, masks.rles).astype(np.float16), names, proposed)


def _largest(masks: Masks, categories: Sequence[str | None]) -> list[int]:
    """The masks that are used of an image."""
    chosen, count = list[int](), Counter[str]()
    for row in np.argsort(-masks.areas, kind="stable").tolist():
        name = categories[row] if row < len(categories) else None
        if name and masks.areas[row] >= LEAST_PIXELS and count[name] < MOST_OF_NAME:
            count[name] += 1
            chosen.append(row)
    return chosen[:MOST_OF_IMAGE]


def _name_of(proposal: Masks, masks: Masks, categories: Sequence[str | None]) -> str | None:
    """The name of a proposal, NOTHING, PART, or None if that is doubtful."""
    if not len(masks):
        return None
    shared = rle.intersection(proposal.rles, masks.rles, masks.size)[0].astype(np.float64)
    area = float(proposal.areas[0])
    iou = shared / np.maximum(area + masks.areas - shared, 1)
    best = int(iou.argmax())
    if iou[best] >= SAME:
        return categories[best] or None
    if iou[best] <= SMALL_PART and shared[best] >= 0.9 * area:
        return PART
    return NOTHING if iou[best] <= OTHER and shared.sum() <= OTHER * area else None


def _plain(masks: Masks) -> Masks:
    return Masks(masks.size, masks.rles)


def _joined(parts: Sequence[Rows]) -> Rows:
    width = max((part.features.shape[1] for part in parts), default=0)
    return Rows(
        np.concatenate([np.zeros((0, width), np.float16), *(p.features for p in parts if len(p.names))]),
        [name for part in parts for name in part.names],
        np.concatenate([np.zeros(0, np.bool_), *(part.proposed for part in parts)]),
    )
