"""Opened ONNX files: onnxruntime on the CPU, with arrays by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray

from anymask.errors import InputError, WeightsError
from anymask.models import measured_threads

__all__ = ["Arrays", "Session", "cores", "threads"]

Arrays: TypeAlias = dict[str, NDArray[Any]]
VARIABLES = ("ANYMASK_THREADS", "OMP_NUM_THREADS")
CGROUP = Path("/sys/fs/cgroup")


class Session:
    """An opened ONNX file, called with inputs by name."""

    def __init__(self, path: Path, count: int | None = None) -> None:
        """`count`: threads, by default those of `threads()`. Raises WeightsError."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = count or threads()
        # waiting threads sleep: spinning takes twice the time on a shared machine (docs/log.md, 2026-11-30)
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
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


def threads() -> int:
    """Threads to use: `ANYMASK_THREADS`, else `OMP_NUM_THREADS`, else as measured, else one per core.

    Measured: by `anymask doctor --tune`, see `measured_threads`. Cores are those that this process may use;
    more threads would wait for each other. Raises InputError for a variable that is no number.
    """
    for variable in VARIABLES:
        given = os.environ.get(variable, "").partition(",")[0].strip()  # OpenMP: one number for each level
        if given:
            if not given.isdecimal() or not int(given):
                raise InputError(
                    f"{variable} must be a number of threads from 1 on, got {given!r}. Correct or unset it."
                )
            return min(int(given), cores())
    return measured_threads.kept(cores()) or cores()


def cores() -> int:
    """CPU cores that this process may use: by its affinity, and by the share of its control group."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(mine, _share(CGROUP)))


def _share(root: Path) -> int:
    """Cores that the control group of this process may use at once, rounded up; many without a limit."""
    unlimited = os.cpu_count() or 1
    try:  # version 2, then 1
        if (root / "cpu.max").is_file():
            quota, period = (root / "cpu.max").read_text().split()
        else:
            quota, period = (
                (root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
            )
        return unlimited if quota == "max" or int(quota) < 0 else max(1, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        return unlimited


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
