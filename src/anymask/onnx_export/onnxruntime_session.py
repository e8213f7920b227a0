"""Running exported files with onnxruntime, from prompts to logits."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry.frame import Frame
from anymask.types import Prompt

Arrays: TypeAlias = dict[str, NDArray[Any]]

TOGETHER = 8
"""Maximum number of objects per call of a decoder."""
ENOUGH = 5.0
"""Total seconds after which a measurement stops; the encoder of a large model takes longer."""


class Session:
    """An opened ONNX file, called with inputs by name."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """`threads`: None for one per available core."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or cores()
        self._session = onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
        self.outputs = [output.name for output in self._session.get_outputs()]

    def __call__(self, feed: Mapping[str, NDArray[Any]]) -> Arrays:
        """The outputs by name."""
        return dict(zip(self.outputs, self._session.run(None, dict(feed)), strict=True))


def cores() -> int:
    """Number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
