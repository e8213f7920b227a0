"""Reports of evaluations: figures with intervals, and everything needed to repeat the evaluation."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from anymask.evaluate.metrics import Interval
from anymask.files import write_atomic
from anymask.files.reports.provenance import host


@dataclass(frozen=True)
class SetResult:
    """The figures of one data set: `numbers` maps a name such as "click_1" to its value and interval."""

    name: str
    images: int
    masks: int
    numbers: Mapping[str, Interval]
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """The result of one evaluation, as a `table` or as JSON (`to_dict`, `save`)."""

    protocol: str
    """Name of the evaluation."""
    config: Mapping[str, Any]
    """All options of the evaluation."""
    model: str
    """Hash of the weights, see `model_hash`."""
    sets: tuple[SetResult, ...]
    """Results by data set."""
    mean: SetResult
    """The mean, over data sets unless its name says otherwise."""
    seconds: float
    """Duration."""
    commit: str = ""
    """Commit of the code, followed by "+" if it was modified."""
    machine: Mapping[str, Any] = field(default_factory=dict)
    """Hardware and versions, see `machine`."""
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Figures of published methods, shown below the results."""

    def to_dict(self) -> dict[str, Any]:
        """A JSON-serialisable dictionary; undefined figures (NaN) become null."""
        out: dict[str, Any] = plain(asdict(self))
        return out

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Report:
        """Rebuild a report from `to_dict`; unknown keys raise `TypeError`."""
        values = dict(values)
        sets = tuple(_set_result(item) for item in values.pop("sets"))
        return Report(sets=sets, mean=_set_result(values.pop("mean")), **values)

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write JSON. Raises `OutputError` if the folder is missing or the file exists without `force`."""
        write_atomic(path, (json.dumps(self.to_dict(), indent=1) + "\n").encode(), force=force)

    def table(self, columns: Sequence[str] | None = None) -> str:
        """A Markdown table: a row per data set, then the mean with the half-widths of its intervals."""
        names = list(columns or self.mean.numbers)
        rows = [["set", "images", "masks", *names], ["---", *["---:"] * (2 + len(names))]]
        rows += [_row(result, names, intervals=False) for result in self.sets]
        rows.append(_row(self.mean, names, intervals=True))
        for method, figures in self.published.items():
            rows.append([f"{method} (published)", "", "", *[figure(figures.get(name)) for name in names]])
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        return "\n".join("| " + " | ".join(map(_pad, row, widths)) + " |" for row in rows)


def _pad(text: str, width: int) -> str:
    if text.startswith("---"):
        return "-" * (width - text.endswith(":")) + ":" * text.endswith(":")
    return text.ljust(width)


def _row(result: SetResult, names: Sequence[str], *, intervals: bool) -> list[str]:
    numbers = [result.numbers.get(name) for name in names]
    cells = [
        "-" if number is None else with_interval(number) if intervals else figure(number.value)
        for number in numbers
    ]
    return [result.name, str(result.images), str(result.masks), *cells]


def figure(value: float | None) -> str:
    """A figure of a table; "-" for none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 1.0005 else f"{value:.2f}"


def with_interval(number: Interval) -> str:
    """A figure and half of its interval."""
    half = (number.high - number.low) / 2
    return figure(number.value) + ("" if math.isnan(half) else f" ±{figure(half)}")


def plain(value: Any) -> Any:
    """A value for JSON: NaN and infinities as null, paths as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return os.fspath(value) if isinstance(value, Path) else value


def _set_result(values: Mapping[str, Any]) -> SetResult:
    numbers = {name: _interval(item) for name, item in values["numbers"].items()}
    return SetResult(**{**values, "numbers": numbers})


def _interval(values: Mapping[str, float | None]) -> Interval:
    ends = [values[name] for name in ("value", "low", "high")]
    return Interval(*[float("nan") if end is None else end for end in ends])


def model_hash(model: nn.Module) -> str:
    """A hash, 16 hexadecimal digits, of all weights of a model in their float type."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def machine() -> dict[str, Any]:
    """The hardware and versions that a measurement depends on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {**host(), "threads": torch.get_num_threads(), "gpu": gpu, "torch": torch.__version__}
