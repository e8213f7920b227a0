"""How many threads are fastest on this machine: measured by `anymask doctor --tune`, kept in the cache.

A small model gains little from a second thread and loses from many: its operators are too short to share.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from anymask.files import cache_dir, write_atomic
from anymask.files.reports.provenance import cpu_name

__all__ = ["fastest", "keep", "kept", "time_in_turns"]

FILE = "threads.json"
WORTH = 0.9
"""More threads are worth it if they take at most this share of the time."""


def kept(cores: int) -> int | None:
    """The number of threads measured on this machine, None without a measurement of just this machine."""
    try:
        found = json.loads((cache_dir() / FILE).read_text("utf-8"))
        count = found["threads"] if found["machine"] == _machine(cores) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return count if isinstance(count, int) and 1 <= count <= cores else None


def keep(count: int, cores: int) -> Path:
    """Store the number of threads for this machine. Raises OutputError for a cache that is read-only."""
    folder = cache_dir()
    with suppress(OSError):  # the writing reports it
        folder.mkdir(parents=True, exist_ok=True)
    values = {"machine": _machine(cores), "threads": count}
    return write_atomic(folder / FILE, json.dumps(values).encode(), force=True)


def fastest(times: Mapping[int, float]) -> int:
    """The number of threads to use, from the time of each: more only where they are worth it (WORTH)."""
    best = min(times)
    for count in sorted(times):
        if times[count] <= WORTH * times[best]:
            best = count
    return best


def time_in_turns(
    make: Callable[[int], Callable[[], object]], counts: Sequence[int], seconds: float
) -> dict[int, float]:
    """The median time in seconds of a call for each number of threads; `make(count)` opens what is called.

    All take turns, so that other work on the machine disturbs all alike, for about so many seconds.
    """
    calls = {count: make(count) for count in counts}
    for call in calls.values():
        call()  # the first call allocates
    times: dict[int, list[float]] = {count: [] for count in counts}
    end = time.perf_counter() + seconds
    while not all(times.values()) or time.perf_counter() < end:
        for count, call in calls.items():
            start = time.perf_counter()
            call()
            times[count].append(time.perf_counter() - start)
    return {count: float(np.median(found)) for count, found in times.items()}


def _machine(cores: int) -> str:
    """What the measurement holds for."""
    from importlib import metadata  # reads the packages' files: only where there is a measurement

    return f"{cpu_name()}, {cores} cores, onnxruntime {metadata.version('onnxruntime')}"
