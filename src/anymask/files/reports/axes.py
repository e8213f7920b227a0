"""Axes of charts as SVG: linear scales with ticks at round numbers, 1, 2 or 5 times a power of ten apart."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

__all__ = ["FRACTION", "LETTER", "TEXT", "Axis", "Plot", "text"]

STEPS = 5
"""About how many steps an axis has."""
TEXT, LETTER = 12, 6.6
"""The size of texts, and about how wide a letter is, in pixels."""
GRID = "#dddddd"


@dataclass(frozen=True)
class Axis:
    """A linear scale from `low` to `high`, both multiples of `step`."""

    low: float
    high: float
    step: float
    unit: str = ""
    """Behind the number of each tick."""

    @staticmethod
    def over(values: Iterable[float], unit: str = "", *, whole: bool = False) -> Axis:
        """The axis that holds all values; those that are not finite are left out.

        whole: ticks are at whole numbers only.
        """
        known = [value for value in values if math.isfinite(value)] or [0.0]
        least, most = min(known), max(known)
        if most - least < 1e-9 * max(1.0, abs(most)):
            least, most = min(0.0, least), max(0.0, most)
        most = most if most > least else least + 1.0
        span = most - least
        size = 10.0 ** math.floor(math.log10(span / STEPS))
        step = next(size * times for times in (1, 2, 5, 10) if size * times * STEPS >= span * (1 - 1e-9))
        step = max(1.0, step) if whole else step
        low = math.floor(least / step + 1e-9) * step
        return Axis(low, max(math.ceil(most / step - 1e-9) * step, low + step), step, unit)

    def share(self, value: float) -> float:
        """Where a value lies: 0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """The values of the ticks."""
        return [
            self.low + place * self.step for place in range(round((self.high - self.low) / self.step) + 1)
        ]

    def label(self, value: float) -> str:
        """The text of a tick."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        return f"{value + 0.0:,.{decimals}f}{self.unit}"


FRACTION = Axis(0.0, 1.0, 0.2)
"""The axis of shares, IoU and the like: the same in all charts, so that they can be compared."""


@dataclass(frozen=True)
class Plot:
    """The area of a chart between its axes, in pixels from the left and the top of the SVG."""

    left: float
    right: float
    top: float
    bottom: float

    def x(self, axis: Axis, value: float) -> float:
        """Where a value of the horizontal axis lies."""
        return self.left + (self.right - self.left) * axis.share(value)

    def y(self, axis: Axis, value: float) -> float:
        """Where a value of the vertical axis lies."""
        return self.bottom - (self.bottom - self.top) * axis.share(value)

    def horizontal(self, axis: Axis, title: str) -> list[str]:
        """The horizontal axis with its grid lines, numbers and title."""
        parts = []
        for value in axis.ticks():
            x = self.x(axis, value)
            parts.append(_line(x, x, self.top, self.bottom))
            parts.append(text(x, self.bottom + 16, axis.label(value), "middle"))
        return [*parts, text((self.left + self.right) / 2, self.bottom + 34, title, "middle")]

    def vertical(self, axis: Axis, title: str) -> list[str]:
        """The vertical axis with its grid lines and numbers; its title lies over it."""
        parts = [text(8, self.top - 12, title)]
        for value in axis.ticks():
            y = self.y(axis, value)
            parts.append(_line(self.left, self.right, y, y))
            parts.append(text(self.left - 6, y + 4, axis.label(value), "end"))
        return parts


def _line(x1: float, x2: float, y1: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}" stroke="{GRID}"/>'


def text(
    x: float, y: float, words: str, anchor: str = "start", *, room: float = 0, bold: bool = False
) -> str:
    """A text as SVG; one wider than `room` pixels (0: any) is cut and shows itself whole on hovering."""
    most = int(room / LETTER) if room else len(words)
    shown = words if len(words) <= most else words[: most - 1] + "…"
    whole = "" if shown == words else f"<title>{escape(words)}</title>"
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{whole}{escape(shown)}</text>'
