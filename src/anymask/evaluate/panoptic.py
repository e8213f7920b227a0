"""Panoptic quality of COCO: how segments of an image match, and PQ, SQ and RQ of weighted images.

Source of the rules: Kirillov et al., "Panoptic Segmentation", 2019, section 4; the evaluation of COCO's
panoptic API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.evaluate.metrics import Floats

__all__ = ["VOID", "Segment", "Segments", "match_segments", "quality", "segment_pixels"]

VOID = 0
"""The number of pixels that no segment covers."""


@dataclass(frozen=True)
class Segment:
    """What the JSON says of a segment."""

    category: int
    area: int = 0
    """Pixels, as the file states them; used for annotated segments."""
    crowd: bool = False


@dataclass(frozen=True)
class Segments:
    """The segments of an image: a number for each pixel (H, W), and what each number is."""

    numbers: NDArray[np.int64]
    of_number: Mapping[int, Segment]
    name: str = "the image"
    """For messages."""


def match_segments(truth: Segments, found: Segments) -> dict[str, list[Any]]:
    """Matches of an image by class: "categories", and for each the summed "iou", "tp", "fp" and "fn".

    Segments of one class match above an IoU of 0.5, without the pixels of the prediction that are void. A
    predicted segment of which more than half lies in void and in a crowd of its class does not count; of
    several crowds of a class the last is used. Areas of annotated segments are those that the file states.
    Raises FormatError where the numbers of an image are not those that its list has.
    """
    areas = _checked_areas(truth, found)
    shared = _intersections(truth.numbers, found.numbers)
    totals: dict[int, list[float]] = {}
    matched_true, matched_found = set(), set()
    for (own, mine), pixels in shared.items():
        if own not in truth.of_number or mine not in found.of_number:
            continue
        one, other = truth.of_number[own], found.of_number[mine]
        union = one.area + areas[mine] - pixels - shared.get((VOID, mine), 0)
        if not one.crowd and one.category == other.category and pixels / union > 0.5:
            _add(totals, one.category, iou=pixels / union, tp=1)
            matched_true.add(own)
            matched_found.add(mine)
    for own, one in truth.of_number.items():
        if own not in matched_true and not one.crowd:
            _add(totals, one.category, fn=1)
    crowds = {one.category: own for own, one in truth.of_number.items() if one.crowd}
    for mine, other in found.of_number.items():
        forgiven = shared.get((VOID, mine), 0) + shared.get((crowds.get(other.category, -1), mine), 0)
        if mine not in matched_found and forgiven / areas[mine] <= 0.5:
            _add(totals, other.category, fp=1)
    categories = sorted(totals)
    columns = {name: [totals[c][i] for c in categories] for i, name in enumerate(("iou", "tp", "fp", "fn"))}
    return {"categories": categories, **columns}


def _add(totals: dict[int, list[float]], category: int, **values: float) -> None:
    row = totals.setdefault(category, [0.0, 0.0, 0.0, 0.0])
    for place, name in enumerate(("iou", "tp", "fp", "fn")):
        row[place] += values.get(name, 0.0)


def _checked_areas(truth: Segments, found: Segments) -> dict[int, int]:
    """Pixels of each predicted segment."""
    if found.numbers.shape != truth.numbers.shape:
        raise FormatError(
            f"prediction {found.name} must have the size {truth.numbers.shape} of {truth.name}, got "
            f"{found.numbers.shape}. Predict it again."
        )
    segment_pixels(truth)
    return segment_pixels(found)


def segment_pixels(one: Segments) -> dict[int, int]:
    """Pixels of each segment. Raises FormatError where the image and the list differ."""
    numbers, counts = np.unique(one.numbers, return_counts=True)
    areas = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    areas.pop(VOID, None)
    for number in sorted(areas.keys() ^ one.of_number.keys()):
        side = "JSON" if number in areas else "PNG"
        raise FormatError(
            f"segment {number} of {one.name} must be in PNG and JSON, got none in the {side}. Write it again."
        )
    return areas


def _intersections(own: NDArray[np.int64], mine: NDArray[np.int64]) -> dict[tuple[int, int], int]:
    pairs, counts = np.unique(own.astype(np.int64) * (1 << 24) + mine, return_counts=True)
    return {divmod(pair, 1 << 24): count for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True)}


def quality(
    rows: Sequence[Mapping[str, Any]], things: frozenset[int], weights: Floats | None = None
) -> dict[str, float]:
    """PQ, SQ and RQ of weighted images, over all classes with any match or miss; PQ of things and of stuff.

    rows: what `match_segments` returns. things: the classes with instances. weights: (I,), ones by default.
    """
    totals: dict[int, Floats] = {}
    for row, weight in zip(rows, np.ones(len(rows)) if weights is None else weights, strict=True):
        values = np.array([row[name] for name in ("iou", "tp", "fp", "fn")], np.float64)
        for category, column in zip(row["categories"], values.T, strict=True):
            totals[category] = totals.get(category, np.zeros(4)) + weight * column
    of_class = {c: _quality(*sums) for c, sums in totals.items() if sums[1:].sum() > 0}
    out: dict[str, float] = {}
    for ending, chosen in (
        ("", list(of_class)),
        ("_things", [c for c in of_class if c in things]),
        ("_stuff", [c for c in of_class if c not in things]),
    ):
        values = np.array([of_class[c] for c in chosen]).reshape(-1, 3)
        means = values.mean(axis=0) if len(values) else np.full(3, np.nan)
        out |= {f"{name}{ending}": float(mean) for name, mean in zip(("pq", "sq", "rq"), means, strict=True)}
    return out


def _quality(iou: float, tp: float, fp: float, fn: float) -> tuple[float, float, float]:
    whole = tp + 0.5 * fp + 0.5 * fn
    return iou / whole, iou / tp if tp else 0.0, tp / whole
