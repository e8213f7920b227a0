"""The figures of an analysis as SVG: figure 6 of SAM, the distribution of scores, and clicks by group."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from anymask.data.analysis.tally import BINS
from anymask.files.reports.charts import Mark, Row, curves, dots
from anymask.files.reports.wording import counted

__all__ = ["POINTS", "group_chart", "group_charts", "mask_charts", "points_text"]

POINTS = (1, 3)
"""How many points the IoU of groups is shown for."""
MEASURES = {
    "relative_size": ("Relative size of masks", "square root of mask area / image area"),
    "concavity": ("Concavity of masks", "1 - area / area of the convex hull"),
    "scores": ("Predicted IoU of masks", "predicted IoU"),
    "stability": ("Stability of masks", "stability"),
}
"""Title and axis of the figure of a measure."""
COARSE = (50, 25, 10, 5)
"""Numbers of bins to choose from; each divides `BINS`."""


def mask_charts(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The names of files, and curves with one for each data set."""
    per_image = {one["name"]: _share_by_count(one["images_by_masks"]) for one in results}
    yield (
        "masks-per-image.svg",
        curves(
            "Images with at most so many masks", "masks per image", "share of images", per_image, counts=True
        ),
    )
    for key, (title, axis) in MEASURES.items():
        measured = {one["name"]: one[key] for one in results if one[key] is not None}
        if measured:
            bins = _bins(min(one["count"] for one in measured.values()))
            series = {name: _shares(one["bins"], bins) for name, one in measured.items()}
            share = f"share of masks in each {1 / bins:.2g}"
            yield f"{key.replace('_', '-')}.svg", curves(title, axis, share, series)


def _bins(count: int) -> int:
    """Fewer bins for fewer masks, so that their shares are more than noise."""
    return next((bins for bins in COARSE if bins * bins <= 3 * count), COARSE[-1])


def _share_by_count(counts: Mapping[str, int]) -> tuple[list[float], list[float]]:
    """Steps up to the share of images with at most so many masks."""
    total = sum(counts.values()) or 1
    places = sorted((int(number), count) for number, count in counts.items())
    sums = accumulate(count for _, count in places)
    return _steps(
        [0.0, *(float(number) for number, _ in places)], [0.0, 0.0, *(done / total for done in sums)]
    )


def _shares(bins: Sequence[int], count: int) -> tuple[list[float], list[float]]:
    """The outline of a histogram with `count` bins from 0 to 1."""
    width, total = BINS // count, sum(bins) or 1
    shares = [sum(bins[at : at + width]) / total for at in range(0, BINS, width)]
    return _steps([place / count for place in range(count + 1)], [0.0, *shares, 0.0])


def _steps(places: Sequence[float], heights: Sequence[float]) -> tuple[list[float], list[float]]:
    """A line that changes from one height to the next at each place."""
    xs = [place for place in places for _ in range(2)]
    ys = [height for pair in pairwise(heights) for height in pair]
    return xs, ys


def group_charts(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The names of files, and the IoU of groups at each number of points."""
    for number, one in enumerate(results, 1):
        for points in POINTS if "clicks_by_group" in one else ():
            yield f"groups-{number}-points-{points}.svg", group_chart(one["clicks_by_group"], points)


def group_chart(found: Mapping[str, Any], points: int) -> str:
    """The IoU of groups at a number of points, and below it the published one of other people."""
    key = f"points_{points}"
    own = [_own(row, row[key]) for row in found["groups"]]
    published = [
        Row(f"SAM, {row['set']}: {row['group']}", [Mark(row[key], kind=1, told=f"{row[key]:.3f}")])
        for row in found["published"]
        if key in row
    ]
    title = f"Mean IoU at {points_text(points)} (rings: SAM's paper, not comparable one by one)"
    return dots(title, "mean IoU", [*own, *published])


def _own(row: Mapping[str, Any], mean: Mapping[str, Any]) -> Row:
    bare = mean["low"] is None
    low, high = (math.nan, math.nan) if bare else (mean["low"], mean["high"])
    note = f"{counted(row['images'], 'image')}, no interval" if bare else ""
    return Row(row["group"], [Mark(mean["iou"], low, high, told=f"{mean['iou']:.3f}")], note)


def points_text(number: int) -> str:
    """A number of points in words."""
    return counted(number, "point")
