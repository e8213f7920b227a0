"""Charts as SVG, and maps of centres as PNG: what figures 5 and 6 of SAM show, for data sets of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np

from anymask.images.write import encode_png

__all__ = ["curves", "dots", "heat_map"]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420, 260, 48, 40, 26
WIDE, NAMES, LINE = 600, 280, 20
"""Of charts with a line for each value: the width, that of the names, the height of a line."""
COLOURS = ("#2d69be", "#c8502d", "#3a8f4d", "#8a5ab0", "#b08a1e", "#555555")


def curves(title: str, axis: str, series: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> str:
    """A chart of several curves as SVG.

    title: over the chart. axis: what x is. series: x and y (shares from 0 to 1) of each curve by name.
    """
    drawn = {name: (xs, ys) for name, (xs, ys) in series.items() if len(xs)}
    most_x = max((max(xs) for xs, _ in drawn.values()), default=1.0) or 1.0
    most_y = max((max(ys) for _, ys in drawn.values()), default=1.0) or 1.0
    parts = [
        f'<text x="{LEFT}" y="16" font-weight="bold">{escape(title)}</text>',
        *_axes(axis, most_x, most_y),
    ]
    for number, (name, (xs, ys)) in enumerate(drawn.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{_x(x, most_x):.1f},{_y(y, most_y):.1f}" for x, y in zip(xs, ys, strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(
            f'<text x="{WIDTH - 8}" y="{TOP + 14 + 15 * number}" text-anchor="end" fill="{colour}">'
            f"{escape(name[:30])}</text>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def dots(
    title: str,
    own: Sequence[tuple[str, float, float | None, float | None]],
    published: Sequence[tuple[str, float]],
) -> str:
    """Values from 0 to 1 as SVG, a line for each: dots with intervals, then rings.

    own: name, value, and both ends of the interval where it has one. published: name and value.
    """
    height = TOP + LINE * (len(own) + len(published)) + BOTTOM
    parts = [f'<text x="8" y="16" font-weight="bold">{escape(title)}</text>']
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _along(part)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP}" y2="{height - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{height - BOTTOM + 15}" text-anchor="middle">{part:.3g}</text>')
    rows = [*own, *((name, value, None, None) for name, value in published)]
    for number, (name, value, low, high) in enumerate(rows):
        y = TOP + LINE * (number + 0.5)
        parts.append(f'<text x="{NAMES - 8}" y="{y + 4}" text-anchor="end">{escape(name[:38])}</text>')
        if low is not None and high is not None:
            ends = f'x1="{_along(low):.1f}" x2="{_along(high):.1f}"'
            parts.append(f'<line {ends} y1="{y}" y2="{y}" stroke="{COLOURS[0]}" stroke-width="2"/>')
        fill = COLOURS[0] if number < len(own) else "none"
        colour = COLOURS[0] if number < len(own) else "#666"
        parts.append(f'<circle cx="{_along(value):.1f}" cy="{y}" r="4" fill="{fill}" stroke="{colour}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{height}" '
        f'font-family="sans-serif" font-size="12">{"".join(parts)}</svg>'
    )


def _along(value: float) -> float:
    return NAMES + (WIDE - NAMES - 16) * value


def _x(value: float, most: float) -> float:
    return LEFT + (WIDTH - LEFT - 8) * value / most


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / most


def _axes(axis: str, most_x: float, most_y: float) -> list[str]:
    parts = [f'<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(axis)}</text>']
    for part in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _x(part * most_x, most_x), _y(part * most_y, most_y)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{100 * part * most_y:.3g} %</text>'
        )
        label = f"{part * most_x:.3g}"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{label}</text>')
    return parts


def heat_map(counts: Sequence[Sequence[int]], side: int = 256) -> bytes:
    """A map of counts as a PNG file of `side` x `side` pixels, dark where there are none."""
    values = np.asarray(counts, np.float64)
    scaled = (255 * values / max(values.max(), 1)).astype(np.uint8)
    large = cv2.resize(scaled, (side, side), interpolation=cv2.INTER_NEAREST)
    colours: Any = cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)
    return encode_png(np.ascontiguousarray(colours[..., ::-1]))
