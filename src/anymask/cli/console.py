"""What the command line prints: results to stdout, progress and notes to stderr."""

from __future__ import annotations

import json
import math
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Clock", "command_line", "note", "out", "out_json", "progress", "spent", "table"]

PAUSE = 10.0
"""Seconds between two lines of progress where there is no terminal."""

Advance = Callable[[int, int, str], None]
"""Called with how much is done, how much there is in all (0: unknown), and what it is about."""


def out(text: str) -> None:
    """A line of the result."""
    print(text)


def out_json(value: Any) -> None:
    """The result as JSON; NaN and infinity become null."""
    print(json.dumps(_finite(value), indent=1, ensure_ascii=False))


def note(text: str) -> None:
    """A line for the user who is waiting."""
    print(text, file=sys.stderr, flush=True)


def command_line() -> str:
    """The command as it was typed, for the head of a report."""
    return shlex.join(["anymask", *sys.argv[1:]])


class Clock:
    """Seconds that the parts of a command took."""

    def __init__(self) -> None:
        """Start with no part."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure the time spent inside and add it to the part's time."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def spent(seconds: Mapping[str, float]) -> str:
    """The times of a Clock as text."""
    return ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in seconds.items())


def table(rows: Sequence[Sequence[object]], heads: Sequence[str] = ()) -> str:
    """Columns side by side; those of numbers are aligned to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    lines = [list(heads), *texts] if heads else texts
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    right = [bool(rows) and all(isinstance(row[c], int | float) for row in rows) for c in range(len(widths))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


@contextmanager
def progress(unit: str = "") -> Iterator[Advance]:
    """Show progress: a bar on a terminal, a line every ten seconds elsewhere.

    `unit` "bytes" shows sizes and speed, anything else counts.
    """
    if sys.stderr.isatty():
        with _bar(unit) as advance:
            yield advance
    else:
        yield _lines(unit)


def _lines(unit: str) -> Advance:
    last = time.monotonic()

    def advance(done: int, total: int, what: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PAUSE:
            last = now
            note(f"{what}: {_amount(done, unit, total)}")

    return advance


def _amount(done: int, unit: str, total: int) -> str:
    """Such as "3 of 5 images", or "3 images" where the total is not known."""
    counts = [f"{count / 1e6:.0f}" if unit == "bytes" else f"{count}" for count in (done, total)]
    name = "MB" if unit == "bytes" else unit
    return f"{' of '.join(counts if total else counts[:1])} {name}".rstrip()


@contextmanager
def _bar(unit: str) -> Iterator[Advance]:
    from rich import progress as rich
    from rich.console import Console
    from rich.markup import escape

    count = [rich.MofNCompleteColumn()]
    size = [rich.DownloadColumn(), rich.TransferSpeedColumn()] if unit == "bytes" else count
    columns = [rich.TextColumn("{task.description}"), rich.BarColumn(), *size, rich.TimeRemainingColumn()]
    bar = rich.Progress(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=None)

    def advance(done: int, total: int, what: str) -> None:
        bar.start()  # only now: most models need no download
        bar.update(task, completed=done, total=total or None, description=escape(what))

    try:
        yield advance
    finally:
        bar.stop()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
