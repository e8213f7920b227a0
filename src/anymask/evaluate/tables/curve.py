"""The curve of a table that compares several models: their means over data sets, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from anymask.evaluate.metrics import Interval
from anymask.evaluate.report import with_interval

__all__ = ["curve"]

WIDTH, HEIGHT, LEFT, BELOW = 520, 260, 60, 40


def curve(numbers: Mapping[str, Interval]) -> str:
    """Values with their intervals over their names: on a logarithmic axis if all are positive numbers."""
    known = {name: one for name, one in numbers.items() if math.isfinite(one.value)}
    if not known:
        return ""
    places = _places(list(known))
    ends = [end for one in known.values() for end in (one.value, one.low, one.high) if math.isfinite(end)]
    low, span = min(ends), max(max(ends) - min(ends), 1e-9)
    points = []
    for name, one in sorted(known.items(), key=lambda item: places[item[0]]):
        x = LEFT + (WIDTH - LEFT - 30) * places[name] + 10
        top, value, bottom = (
            15 + (HEIGHT - BELOW - 30) * (1 - (end - low) / span) for end in (one.high, one.value, one.low)
        )
        points.append((x, value, top, bottom, name, one))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in points)
    marks = "".join(_mark(*point) for point in points)
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}"><polyline points="{line}" fill="none" stroke="#2d69be"/>'
        f"{marks}</svg>"
    )


def _mark(x: float, y: float, top: float, bottom: float, name: str, one: Interval) -> str:
    bar = ""
    if math.isfinite(top) and math.isfinite(bottom):
        bar = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}" stroke="#2d69be"/>'
    dot = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#2d69be"><title>{with_interval(one)}</title></circle>'
    )
    return (
        f"{bar}{dot}"
        f'<text x="{x:.1f}" y="{HEIGHT - 15}" text-anchor="middle">{escape(name[:20])}</text>'
        f'<text x="{x + 7:.1f}" y="{y - 7:.1f}">{one.value:.3f}</text>'
    )


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
