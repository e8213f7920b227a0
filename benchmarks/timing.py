"""Time calls and print a table of the times under a line that describes the hardware."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from anymask.evaluate.report import machine
from anymask.files.reports.provenance import commit

OURS, RELEASED = "anymask", "segment-anything"


class Spent(NamedTuple):
    """Seconds of a call: by the clock, and of all cores, which other load hardly affects."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall * 1e3:.1f} ({self.processor * 1e3:.1f})"


def spent(call: Callable[[], object], repeats: int) -> Spent:
    """Medians of a call after a warm-up call, including work queued on a GPU."""
    return in_turns({"": call}, repeats)[""]


def in_turns(calls: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, Spent]:
    """`spent` of several calls in alternation, so that other load on the machine affects all of them."""
    times: dict[str, list[Spent]] = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            start, busy = time.perf_counter(), time.process_time()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(Spent(time.perf_counter() - start, time.process_time() - busy))
    return {
        name: Spent(*(statistics.median(column) for column in zip(*some[1:], strict=True)))
        for name, some in times.items()
    }


def add_options(parser: argparse.ArgumentParser, repeats: int) -> None:
    """Declare the options that the network benchmarks share."""
    photo = Path(__file__).parents[1] / "src" / "anymask" / "images" / "photos" / "cat.jpg"
    parser.add_argument("--image", default=photo)
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="measure anymask alone")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line and set the number of threads."""
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def print_header(title: str) -> None:
    """Print what is measured, on which machine and from which commit."""
    facts = machine()
    hardware = facts["gpu"] or f"{facts['processor']}, {facts['cores']} cores, {facts['threads']} threads"
    print(f"{title}\n{hardware}; torch {facts['torch']}; commit {commit() or 'unknown'}\n")


def print_rows(rows: Sequence[tuple[str, Spent, Spent | None]], peer_name: str = "segment-anything") -> None:
    """Print rows of (what, what we and the peer spent, or None) as milliseconds and their ratio."""
    print(f"| {'what':44} | {'anymask ms (CPU)':>19} | {peer_name + ' ms (CPU)':>27} | ratio |")
    print(f"| {'-' * 44} | {'-' * 18}: | {'-' * 26}: | {'-' * 4}: |")
    for what, ours, theirs in rows:
        peer = (str(theirs), f"{theirs.wall / ours.wall:.2f}") if theirs else ("-", "-")
        print(f"| {what:44} | {ours!s:>19} | {peer[0]:>27} | {peer[1]:>5} |")


def print_table(columns: Sequence[str], rows: Mapping[str, Mapping[str, Spent]]) -> None:
    """Print each row's milliseconds (CPU) per column, and the speed-up of anymask's fastest column.

    Columns whose name begins with "anymask" are anymask's. The ratios compare wall times with the released
    package and with the fastest other implementation.
    """
    print(f"| {'ms (CPU ms)':34} | {' | '.join(columns)} | x released | x best other |")
    print(f"|{'-' * 36}|{'|'.join('-' * (len(name) + 1) + ':' for name in columns)}|{'-' * 11}:|{'-' * 13}:|")
    for what, times in rows.items():
        cells = [str(times[name]) if name in times else "-" for name in columns]
        ours = min(value.wall for name, value in times.items() if name.startswith(OURS))
        released = [value.wall for name, value in times.items() if name.startswith(RELEASED)]
        others = [value.wall for name, value in times.items() if not name.startswith(OURS)]
        ratios = [f"{min(some) / ours:.1f}" if some else "-" for some in (released, others)]
        padded = [cell.rjust(len(name)) for cell, name in zip(cells, columns, strict=True)]
        print(f"| {what:34} | {' | '.join(padded)} | {ratios[0]:>10} | {ratios[1]:>12} |")
