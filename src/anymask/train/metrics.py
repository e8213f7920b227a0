"""The log of a run: means over the steps since the last line, as JSON lines and in TensorBoard."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from anymask.files import write_atomic
from anymask.train.distributed import Ranks

Report = Callable[[dict[str, Any]], None]
"""Called with every line of metrics.jsonl as it is written."""
METRICS = "metrics.jsonl"
BOARD = "tensorboard"


def tally(values: Tensor, rows: Tensor | None = None) -> Tensor:
    """Sum and count, (2,) float64, of all values or of those selected by the bool tensor `rows`; no gradient.

    Metrics of a step are given in this form, since a mean over steps, passes and processes needs both.
    """
    values = values.detach().double()
    rows = torch.ones_like(values) if rows is None else rows.double()
    return torch.stack([(values * rows).sum(), rows.sum()])


class RunningMeans:
    """Sums and counts of metrics by name since the last line of the log."""

    def __init__(self) -> None:
        """No metrics yet."""
        self.sums: dict[str, Tensor] = {}

    def add(self, metrics: dict[str, Tensor]) -> None:
        """Add one step's metrics, see `tally`."""
        for name, pair in metrics.items():
            self.sums[name] = self.sums[name] + pair if name in self.sums else pair

    def means(self, ranks: Ranks) -> dict[str, float]:
        """Means over all processes; the sums are then reset."""
        own = {name: pair.tolist() for name, pair in self.sums.items()}
        self.sums = {}
        everyone = ranks.gather(own)
        names = dict.fromkeys(name for one in everyone for name in one)
        pairs = {name: [one[name] for one in everyone if name in one] for name in names}
        totals = {name: [sum(column) for column in zip(*pair, strict=True)] for name, pair in pairs.items()}
        return {name: total / count for name, (total, count) in totals.items() if count}


class Log:
    """metrics.jsonl, TensorBoard where it is installed, and the caller's report."""

    def __init__(self, folder: Path, report: Report | None, step: int) -> None:
        """Resume after `step`: later lines of a killed run are dropped, since they will be logged again."""
        self.path, self.report = folder / METRICS, report
        self._cut(step)
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.board: Any = None
        else:
            self.board = SummaryWriter(str(folder / BOARD), purge_step=step + 1 if step else None)

    def write(self, values: dict[str, Any]) -> None:
        """Append one line; `values` holds "step"."""
        line = {name: _plain(value) for name, value in values.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self.board:
            for name, value in values.items():
                self.board.add_scalar(name, value, values["step"])
            self.board.flush()
        if self.report:
            self.report(line)

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self.board:
            self.board.close()

    def _cut(self, step: int) -> None:
        if not self.path.exists():
            return
        lines = [line for line in self.path.read_text().splitlines() if _step_of(line) <= step]
        write_atomic(self.path, "".join(line + "\n" for line in lines).encode(), force=True)


def _plain(value: Any) -> Any:
    """Floats with six decimals; infinity and NaN, which JSON does not have, become None."""
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
