"""Shapes that labelling tools draw beside polygons, as rings in image pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anymask.formats.polygons.rings import Ring, as_ring

__all__ = ["box_ring", "curve", "ellipse_ring"]

_MOST_CORNERS = 720  # of an ellipse or a curve
_CLOSE = 0.01  # pixels between a curve and its corners' lines


def box_ring(
    x0: float, y0: float, x1: float, y1: float, *, degrees: float = 0, about: str = "centre"
) -> Ring:
    """A box with two opposite corners, turned clockwise about its centre or its first corner."""
    ring = as_ring([x0, y0, x1, y0, x1, y1, x0, y1])
    pivot = ring[0] if about == "corner" else ring.mean(axis=0)
    return _turned(ring, pivot, degrees)


def ellipse_ring(x: float, y: float, radius_x: float, radius_y: float, *, degrees: float = 0) -> Ring:
    """An ellipse around (x, y), turned clockwise, within 0.01 pixels as long as 720 corners are enough."""
    # n corners miss a circle by about r (pi / n)^2 / 2
    largest = min(max(abs(radius_x), abs(radius_y), 1.0), 1e6)
    count = min(_MOST_CORNERS, math.ceil(math.pi * math.sqrt(largest / 0.02)))
    angle = np.arange(count) * (2 * np.pi / count)
    ring = as_ring(np.stack([x + radius_x * np.cos(angle), y + radius_y * np.sin(angle)], axis=1))
    return _turned(ring, np.array([x, y]), degrees)


def curve(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A cubic Bezier curve as points (K, 2) on it, both ends among them, within 0.01 pixels of it.

    points: (4, 2), the ends and between them the handles.
    """
    # n equal steps miss a cubic by at most 6 / 8 of its largest second difference / n^2
    bend = float(np.hypot(*np.diff(points, 2, axis=0).T).max())
    count = min(_MOST_CORNERS, max(1, math.ceil(math.sqrt(0.75 * min(bend, 1e6) / _CLOSE))))
    t = np.linspace(0, 1, count + 1)[:, None]
    a, b, c, d = points
    return np.asarray((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)


def _turned(ring: Ring, pivot: Ring, degrees: float) -> Ring:
    """A ring turned about a point, clockwise on the screen."""
    if not degrees:
        return ring
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return as_ring((ring - pivot) @ np.array([[cos, sin], [-sin, cos]]) + pivot)
