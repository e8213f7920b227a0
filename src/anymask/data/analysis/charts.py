"""Charts as SVG, and maps of centres as PNG: what figures 5 and 6 of SAM show, for data sets of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np

from anymask.images.write import encode_png

__all__ = ["curves", "heat_map"]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420, 260, 48, 40, 26
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
