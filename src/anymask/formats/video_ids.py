"""Which object of a video each mask is: the numbers in `meta["ids"]`, or those of a map of objects."""

from __future__ import annotations

from collections.abc import Sequence

from anymask.formats import json_fields
from anymask.types import Record

__all__ = ["NUMBERED", "tracks"]

NUMBERED = "numbered within its frame, not as a track"


def tracks(record: Record) -> tuple[list[int], bool]:
    """The tracks of the masks, and whether they are known; where they are not, masks are numbered from 1.

    Known are ids that are numbers, each of one mask; without ids labels, each of one mask and without a
    category: such are the numbers of masks in PNG maps.
    """
    known: Sequence[object] = json_fields.per_mask(record, "ids") or ()
    if "ids" not in record.meta and "categories" not in record.meta and record.masks.labels is not None:
        known = record.masks.labels.tolist()
    numbers = [one for value in known if (one := json_fields.whole(value)) is not None and one >= 0]
    if len(numbers) == len(set(numbers)) == len(record.masks):
        return numbers, True
    return list(range(1, len(record.masks) + 1)), False
