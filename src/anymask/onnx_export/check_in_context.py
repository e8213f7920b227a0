"""Check of exported in-context models: compare what files and model paint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.images.colours import decode, encode
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import paint
from anymask.models.checkpoints.load import InContextNetwork
from anymask.models.onnx_session import Arrays, Session
from anymask.onnx_export.check import Finding
from anymask.onnx_export.decoding import milliseconds
from anymask.types import Masks, Record
from anymask.types.context import squash

Pixels = NDArray[np.uint8]
TIMES = 3
MOST = 4
"""Maximum number of photos."""


@dataclass(frozen=True)
class Case:
    """The inputs of a file, and what the model painted for them."""

    feed: Arrays
    painted: Pixels


def cases(model: InContextNetwork, photos: Sequence[Pixels]) -> list[Case]:
    """Each photo as query, once with the next photo as example and once with the next two."""
    out = []
    for number in range(min(len(photos), MOST)):
        following = [photos[(number + step) % len(photos)] for step in (1, 2)]
        out += [_case(model, photos[number], following[:count]) for count in (1, 2)]
    return out


def _case(model: InContextNetwork, query: Pixels, shown: Sequence[Pixels]) -> Case:
    side = model.config.size
    query, shown = squash(query, side), [squash(pixels, side) for pixels in shown]
    inside = _disc(side)
    record = [Record(str(number), pixels, _masks(inside)) for number, pixels in enumerate(shown)]
    contexts = [context(one, size=side) for one in record]
    targets = np.stack([encode(inside.astype(np.int64), None)] * len(shown)).astype(np.float32)
    feed: Arrays = {"examples": np.stack(shown).astype(np.float32), "targets": targets, "query": query}
    if getattr(model.config, "types", False):
        feed["instance"] = np.array(True)
    return Case(feed, paint(model, query, contexts, kind="instance"))


def _masks(inside: NDArray[np.bool_]) -> Masks:
    return Masks((inside.shape[0], inside.shape[1]), [rle.encode(inside)], [1.0])


def _disc(side: int) -> NDArray[np.bool_]:
    """The mask of an example: the centre of the image, where the bundled photos have their subject."""
    away = np.hypot(*(np.indices((side, side)) + 0.5 - side / 2))
    return np.asarray(away < side / 3)


def compare(files: Mapping[str, Path], expected: Sequence[Case]) -> Finding:
    """Compare a file with the model, by the IoU of the masks decoded from the painted images."""
    painter = Session(files["painter"])
    found = [_overlap(painter(one.feed)["painted"], one.painted) for one in expected]
    spent = {"painter": milliseconds(lambda: painter(expected[0].feed), TIMES)}
    return Finding(float(np.mean(found)), min(found), len(found), spent)


def _overlap(painted: NDArray[Any], wanted: Pixels) -> float:
    a, b = (decode(image, None) > 0 for image in (np.rint(painted), wanted))
    return float((a & b).sum() / (a | b).sum()) if (a | b).any() else 1.0
