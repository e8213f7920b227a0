"""Running exported files, from prompts to logits."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.geometry.frame import Frame
from anymask.models.onnx_session import Arrays, Session
from anymask.types import Prompt

TOGETHER = 8
"""Maximum number of objects per call of a decoder."""
ENOUGH = 5.0
"""Total seconds after which a measurement stops; the encoder of a large model takes longer."""


def prompt_arrays(prompts: Sequence[Prompt], frame: Frame) -> Arrays:
    """The decoder's inputs for prompts of any lengths; shorter ones are padded with points of label -1."""
    rows = [prompt.arrays(frame) for prompt in prompts]
    most = max(len(labels) for _, labels, _ in rows)
    points = np.zeros((len(rows), most, 2), np.float32)
    labels = np.full((len(rows), most), -1, np.int64)
    mask = np.zeros((len(rows), 1, *frame.grid_hw), np.float32)
    for n, (own_points, own_labels, own_mask) in enumerate(rows):
        points[n, : len(own_points)], labels[n, : len(own_labels)] = own_points, own_labels
        mask[n, 0] = 0 if own_mask is None else own_mask
    has = np.array([own is not None for _, _, own in rows])
    return {"points": points, "labels": labels, "mask": mask, "has_mask": has}


def decode(decoder: Session, encoded: Arrays, prompts: Sequence[Prompt], frame: Frame) -> NDArray[Any]:
    """Logits (N, 4, h, w) of prompts on an encoded image."""
    parts = [prompts[start : start + TOGETHER] for start in range(0, len(prompts), TOGETHER)]
    return np.concatenate([decoder({**encoded, **prompt_arrays(part, frame)})["logits"] for part in parts])


def milliseconds(work: Callable[[], object], times: int) -> float:
    """The median time of `work`, after one warm-up run; fewer than `times` runs if it takes long."""
    work()
    spent = list[float]()
    while len(spent) < times and sum(spent) < ENOUGH:
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return 1000 * statistics.median(spent)
