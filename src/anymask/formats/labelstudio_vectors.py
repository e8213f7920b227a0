"""Label Studio's vectors: closed paths of straight lines and Bezier curves, drawn as its editor draws them.

Places are percent of the image. From a vertex to the next the line is cubic where either has a handle: the
first's `controlPoint2`, the second's `controlPoint1`; a missing handle lies 30 % of the way from its own
vertex (HumanSignal/label-studio, web/libs/editor/src/components/KonvaVector/components/VectorShape.tsx).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.formats import json_fields
from anymask.formats.polygons.primitives import curve
from anymask.formats.polygons.rings import Ring, as_ring
from anymask.formats.reading import NoMaskError

__all__ = ["vector_ring"]

_HANDLE = 0.3  # of the way to the other vertex

Place = NDArray[np.float64]


def vector_ring(value: Mapping[str, Any], percent: Place) -> Ring:
    """The ring of a vector in pixels. Raises NoMaskError for one without an area, FormatError.

    percent: (2,) pixels of one percent, along x and y.
    """
    vertices = [
        json_fields.mapping(one, "vertex") for one in json_fields.field(value, "vertices", list, "vector")
    ]
    if not value.get("closed"):
        raise NoMaskError("open vector")
    ordered = _in_order(vertices)
    places = [_place(one, percent) for one in ordered]
    edges = [
        _edge(one, other, percent) for one, other in zip(ordered, [*ordered[1:], *ordered[:1]], strict=True)
    ]
    return as_ring(np.concatenate(edges) if len(places) > 1 else np.zeros(0))


def _in_order(vertices: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The vertices along the path, by the one that each names as the one before it."""
    before = {one.get("id"): one.get("prevPointId") for one in vertices}
    after = {previous: id for id, previous in before.items() if previous in before}
    times = Counter(previous for previous in before.values() if previous is not None)
    if any(count > 1 for count in times.values()):
        raise NoMaskError("vector with branches")
    starts = [id for id, previous in before.items() if previous not in before]
    if len(before) != len(vertices) or len(starts) != 1 or len(after) != len(vertices) - 1:
        return vertices  # without ids, or closed in itself
    of_id = {one.get("id"): one for one in vertices}
    chain = [starts[0]]
    while chain[-1] in after:
        chain.append(after[chain[-1]])
    return [of_id[id] for id in chain]


def _edge(one: Mapping[str, Any], other: Mapping[str, Any], percent: Place) -> Place:
    """The places along the path from a vertex to the next, without the last."""
    start, end = _place(one, percent), _place(other, percent)
    leaving, arriving = _handle(one, "controlPoint2", percent), _handle(other, "controlPoint1", percent)
    if leaving is None and arriving is None:
        return start[None]
    leaving = start + _HANDLE * (end - start) if leaving is None else leaving
    arriving = end - _HANDLE * (end - start) if arriving is None else arriving
    return curve(np.stack([start, leaving, arriving, end]))[:-1]


def _handle(vertex: Mapping[str, Any], name: str, percent: Place) -> Place | None:
    if not vertex.get("isBezier") or vertex.get(name) is None:
        return None
    return _place(json_fields.mapping(vertex[name], name), percent)


def _place(point: Mapping[str, Any], percent: Place) -> Place:
    return percent * [json_fields.number(point.get(axis), axis) for axis in ("x", "y")]
