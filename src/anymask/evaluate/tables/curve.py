"""The curve of a table that compares several models: their means over data sets, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from anymask.evaluate.metrics import Interval
from anymask.evaluate.report import with_interval
from anymask.files.reports.charts import Mark, over_names

__all__ = ["curve"]


def curve(numbers: Mapping[str, Interval]) -> str:
    """Values with their intervals over their names: on a logarithmic axis if all are positive numbers."""
    known = {name: one for name, one in numbers.items() if math.isfinite(one.value)}
    if not known:
        return ""
    places = _places(list(known))
    marks = [
        (name, places[name], Mark(one.value, one.low, one.high, told=with_interval(one)))
        for name, one in sorted(known.items(), key=lambda item: places[item[0]])
    ]
    return over_names("Mean of the data sets by model", "mean IoU", marks)


def _places(names: Sequence[str]) -> dict[str, float]:
    """Where each name lies on the axis, 0 to 1."""
    values = [_number(name) for name in names]
    numbers = [math.log(value) for value in values if value is not None and value > 0]
    if len(numbers) < len(names) or max(numbers) == min(numbers):
        numbers = [float(at) for at in range(len(names))]
    low, span = min(numbers), max(max(numbers) - min(numbers), 1e-9)
    return {name: (number - low) / span for name, number in zip(names, numbers, strict=True)}


def _number(name: str) -> float | None:
    """The number that a name begins with: 0.1, 10 %, 91M (parameters)."""
    digits = name.strip().rstrip("%MkB ")
    try:
        return float(digits.replace(",", ""))
    except ValueError:
        return None
