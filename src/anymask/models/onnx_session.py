"""Opened ONNX files: onnxruntime on the CPU, with arrays by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from anymask.errors import WeightsError

__all__ = ["Arrays", "Session", "cores"]

Arrays: TypeAlias = dict[str, NDArray[Any]]


class Session:
    """An opened ONNX file, called with inputs by name."""

    def __init__(self, path: Path, threads: int | None = None) -> None:
        """`threads`: None for one per available core. Raises WeightsError for a file that does not open."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads or cores()
        try:
            self._session = onnxruntime.InferenceSession(
                os.fspath(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes have no common base
            raise WeightsError(
                f"{path} must be a graph that onnxruntime {onnxruntime.__version__} can run, got: "
                f"{_first_line(error)}. Install anymask again, or a newer onnxruntime."
            ) from error
        self.outputs = [output.name for output in self._session.get_outputs()]
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def __call__(self, feed: Mapping[str, NDArray[Any]]) -> Arrays:
        """The outputs by name."""
        return dict(zip(self.outputs, self._session.run(None, dict(feed)), strict=True))


def cores() -> int:
    """Number of threads of a model: OMP_NUM_THREADS, as for PyTorch, else the cores that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
