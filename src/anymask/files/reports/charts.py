"""Charts as SVG: curves with a legend beside them, values on lines of their own, values over names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from anymask.files.reports.axes import FRACTION, LETTER, TEXT, Axis, Plot, text

__all__ = ["COLOURS", "Mark", "Row", "curves", "dots", "legend", "over_names"]

WIDTH, HEIGHT, ABOVE, BELOW = 560, 300, 56, 44
"""Of a chart in pixels, and the room above and below the plot for the title and for the axis."""
LEFT, LEGEND, LINE = 64, 150, 22
"""The room left of the plot, that of the legend, and the height of a line, in pixels."""
COLOURS = ("#2d69be", "#c8502d", "#3a8f4d", "#8a5ab0", "#b08a1e", "#555555")
SHAPES = ("circle", "square", "diamond")


@dataclass(frozen=True)
class Mark:
    """A value on a line of a chart."""

    value: float
    low: float = math.nan
    high: float = math.nan
    """The ends of the interval; NaN without one."""
    kind: int = 0
    """0: measured, a dot. From 1 on: published by the method of this number, a ring, square or diamond."""
    told: str = ""
    """Shown on hovering."""


@dataclass(frozen=True)
class Row:
    """A line of a chart."""

    name: str
    marks: Sequence[Mark]
    note: str = ""
    """Beside the first mark."""


def curves(
    title: str,
    x_title: str,
    y_title: str,
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    counts: bool = False,
) -> str:
    """Several curves with their names beside them.

    title: above the chart.
    x_title: what x is.
    y_title: what y is.
    series: x, and y as shares from 0 to 1 (shown in per cent), of each curve by name.
    counts: x has whole numbers only, and the curves go on at their last height to the end of the axis.
    """
    drawn = {name: (xs, [100 * y for y in ys]) for name, (xs, ys) in series.items() if len(xs)}
    most = max((x for xs, _ in drawn.values() for x in xs), default=0.0)
    across = Axis.over([0.0, most + counts], whole=counts)
    up = Axis.over([0.0, *(y for _, ys in drawn.values() for y in ys)], " %")
    plot = Plot(LEFT, WIDTH - LEGEND - 20, ABOVE, HEIGHT - BELOW)
    parts = [*plot.horizontal(across, x_title), *plot.vertical(up, y_title)]
    for number, (name, (xs, ys)) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        dashes = "" if number < len(COLOURS) else ' stroke-dasharray="6 3"'
        line = f'fill="none" stroke="{colour}" stroke-width="2"{dashes}'
        if counts:
            xs, ys = [*xs, across.high], [*ys, ys[-1]]
        points = " ".join(f"{plot.x(across, x):.1f},{plot.y(up, y):.1f}" for x, y in zip(xs, ys, strict=True))
        parts.append(f'<polyline points="{points}" {line}/>')
        x, y = plot.right + 16, plot.top + 8 + 20 * number
        parts.append(f'<path d="M{x},{y}h18" {line}/>')
        parts.append(text(x + 24, y + 4, name, room=LEGEND - 24))
    return _svg(title, parts, max(HEIGHT, ABOVE + 20 * len(drawn)))


def dots(
    title: str, x_title: str, rows: Sequence[Row], axis: Axis = FRACTION, names: Iterable[str] = ()
) -> str:
    """Values on a line each: measured ones as dots with their intervals, published ones as rings.

    names: of the rows of other charts, so that plots of the same width lie below each other.
    """
    longest = max(map(len, [*(row.name for row in rows), *names]), default=0)
    left = min(LETTER * longest + 16, 0.54 * WIDTH)
    plot = Plot(left, WIDTH - 24, ABOVE - 20, ABOVE - 20 + LINE * len(rows))
    parts = plot.horizontal(axis, x_title)
    for number, row in enumerate(rows):
        y = plot.top + LINE * (number + 0.5)
        parts.append(text(left - 8, y + 4, row.name, "end", room=left - 8))
        for mark in sorted(row.marks, key=lambda mark: mark.kind):
            parts += _interval(plot.x(axis, mark.low), plot.x(axis, mark.high), y, y)
            parts.append(_mark(plot.x(axis, mark.value), y, mark.kind, mark.told))
        if row.note and row.marks:
            x = plot.x(axis, row.marks[0].value)
            left_of = x > (plot.left + plot.right) / 2
            parts.append(text(x + (-10 if left_of else 10), y + 4, row.note, "end" if left_of else "start"))
    return _svg(title, parts, round(plot.bottom + BELOW))


def over_names(title: str, y_title: str, values: Sequence[tuple[str, float, Mark]]) -> str:
    """Values with their intervals, joined by a line, over their names.

    values: the name, where it lies on the axis from 0 to 1, and the value of each, from left to right.
    """
    ends = [end for _, _, mark in values for end in (mark.value, mark.low, mark.high)]
    up, plot = Axis.over(ends), Plot(LEFT, WIDTH - 24, ABOVE, HEIGHT - BELOW + 14)
    parts, inner = plot.vertical(up, y_title), plot.right - plot.left - 80
    points = [(plot.left + 40 + inner * place, plot.y(up, mark.value)) for _, place, mark in values]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[0]}"/>')
    for (name, _, mark), (x, y) in zip(values, points, strict=True):
        parts += _interval(x, x, plot.y(up, mark.low), plot.y(up, mark.high))
        parts.append(_mark(x, y, mark.kind, mark.told))
        parts.append(text(x + 8, y - 8, f"{mark.value:.3f}"))
        parts.append(text(x, plot.bottom + 18, name, "middle", room=max(60, inner / len(values))))
    return _svg(title, parts, HEIGHT)


def legend(names: Sequence[str]) -> str:
    """The marks of `dots` and what they are, as HTML: the measured one and then each published method."""
    head = '<svg width="18" height="16" aria-hidden="true">'
    marks = (
        f"<span>{head}{_mark(9, 8, kind)}</svg> {escape(name)}</span>" for kind, name in enumerate(names)
    )
    return f'<p class="legend">{"".join(marks)}</p>'


def _interval(x1: float, x2: float, y1: float, y2: float) -> list[str]:
    if not all(map(math.isfinite, (x1, x2, y1, y2))):
        return []
    ends = f'x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"'
    return [f'<line {ends} stroke="{COLOURS[0]}" stroke-width="2"/>']


def _mark(x: float, y: float, kind: int, told: str = "") -> str:
    if not math.isfinite(x) or not math.isfinite(y):
        return ""
    title = f"<title>{escape(told)}</title>" if told else ""
    if not kind:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{COLOURS[0]}">{title}</circle>'
    style = f'fill="none" stroke="{COLOURS[1 + (kind - 1) % (len(COLOURS) - 1)]}" stroke-width="1.8"'
    shape = SHAPES[(kind - 1) % len(SHAPES)]
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" {style}>{title}</circle>'
    path = "m-4.5,-4.5h9v9h-9z" if shape == "square" else "m0,-6l6,6l-6,6l-6,-6z"
    return f'<path d="M{x:.1f},{y:.1f}{path}" {style}>{title}</path>'


def _svg(title: str, parts: Sequence[str], height: int) -> str:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="{TEXT}" '
        f'role="img" aria-label="{escape(title)}">{text(8, 18, title, bold=True)}{"".join(parts)}</svg>'
    )
