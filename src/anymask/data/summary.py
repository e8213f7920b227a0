"""The checks and statistics behind `anymask data check` and `anymask data stats`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from anymask.data.dataset import Dataset, readable
from anymask.geometry import rle
from anymask.types import Record

SIZES = (("tiny", 0.0), ("small", 0.06), ("medium", 0.15), ("large", 0.35))
"""Size classes of masks, with the least sqrt(mask area / image area) of each (SA-1B's measure of size)."""
SIZE_EDGES = tuple(least for _, least in SIZES[1:])
"""The boundaries between the size classes."""


@dataclass(frozen=True)
class Check:
    """The result of reading a whole data set: readable items, their masks, and (item, problem) pairs."""

    name: str
    images: int
    masks: int
    problems: tuple[tuple[str, str], ...]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """What its files hold and no mask was made of: kinds, and how many of each."""

    @property
    def sound(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


@dataclass(frozen=True)
class Stats:
    """Counts over the readable items of a data set.

    name: the data set's name.
    images, masks: their numbers.
    without_masks: number of images without a mask.
    masks_per_image: mean.
    longest_side: smallest and largest longest side of an image, in pixels.
    sizes: masks per size class, see SIZES.
    kinds, categories: masks per kind and per category, most frequent first.
    corrupt: number of items that could not be read.
    """

    name: str
    images: int
    masks: int
    without_masks: int
    masks_per_image: float
    longest_side: tuple[int, int]
    sizes: dict[str, int]
    kinds: dict[str, int]
    categories: dict[str, int]
    corrupt: int


def check(dataset: Dataset) -> Check:
    """Read every item and list unreadable items, duplicate ids, empty masks and duplicate masks."""
    seen: set[str] = set()
    odd: list[tuple[str, str]] = []
    images = masks = 0
    left_out: Counter[str] = Counter()
    for record in readable(dataset):
        images, masks = images + 1, masks + len(record.masks)
        odd += [(record.id, problem) for problem in _problems(record)]
        if record.id in seen:
            odd.append((record.id, "the id occurs twice"))
        seen.add(record.id)
        left_out.update(record.left_out)
    wrong = (*dataset.faults.messages.items(), *dataset.faults.partial.items(), *odd)
    return Check(dataset.name, images, masks, wrong, dict(left_out))


def _problems(record: Record) -> list[str]:
    runs = record.masks.rles
    found = [f"mask {i} is empty" for i, one in enumerate(runs) if rle.area(one) == 0]
    first: dict[tuple[str, bytes], int] = {}
    kinds = _kinds(record)  # the same pixels may be labelled both as a class and as an instance
    for i, one in enumerate(runs):
        earlier = first.setdefault((kinds[i], one.tobytes()), i)
        if earlier != i:
            found.append(f"masks {earlier} and {i} are the same")
    return found


def _kinds(record: Record) -> list[str]:
    """The kind of each mask, "instance" if the record gives none."""
    return list(record.meta.get("kinds") or ["instance"] * len(record.masks))


def stats(dataset: Dataset) -> Stats:
    """Count images, masks, sizes, kinds and categories."""
    sizes: Counter[str] = Counter({name: 0 for name, _ in SIZES})
    kinds: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    counts: list[int] = []
    sides: list[int] = []
    for record in readable(dataset):
        counts.append(len(record.masks))
        sides.append(max(record.masks.size))
        sizes.update(_size_classes(record))
        kinds.update(_kinds(record))
        categories.update(name for name in record.meta.get("categories", ()) if name)
    return Stats(
        name=dataset.name,
        images=len(counts),
        masks=sum(counts),
        without_masks=counts.count(0),
        masks_per_image=sum(counts) / max(1, len(counts)),
        longest_side=(min(sides, default=0), max(sides, default=0)),
        sizes=dict(sizes),
        kinds=dict(kinds.most_common()),
        categories=dict(categories.most_common()),
        corrupt=len(dataset.faults),
    )


def _size_classes(record: Record) -> list[str]:
    """The size class of every mask."""
    share = np.sqrt(record.masks.areas / (record.masks.size[0] * record.masks.size[1]))
    steps = np.searchsorted([least for _, least in SIZES], share, side="right") - 1
    return [SIZES[int(step)][0] for step in steps]
