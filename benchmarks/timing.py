"""Time calls and print a table of the times under a line that describes the hardware."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from anymask.evaluate.report import commit, machine

OURS, RELEASED = "anymask", "segment-anything"


def seconds(call: Callable[[], object], repeats: int, *, processor: bool = False) -> float:
    """Median seconds of a call after a warm-up call, including work queued on a GPU.

    processor: measure the CPU time of the process instead, which other load on the machine does not affect.
    """
    return in_turns({"": call}, repeats, processor=processor)[""]


def in_turns(
    calls: Mapping[str, Callable[[], object]], repeats: int, *, processor: bool = False
) -> dict[str, float]:
    """`seconds` of several calls in alternation, so that other load on the machine affects all of them."""
    clock = time.process_time if processor else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            start = clock()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times[name].append(clock() - start)
    return {name: statistics.median(some[1:]) for name, some in times.items()}


def add_options(parser: argparse.ArgumentParser, repeats: int) -> None:
    """Declare the options that the network benchmarks share."""
    photo = Path(__file__).parents[1] / "src" / "anymask" / "images" / "photos" / "cat.jpg"
    parser.add_argument("--image", default=photo)
    parser.add_argument("--repeats", type=int, default=repeats)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="measure anymask alone")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="use one thread and measure CPU time, for a shared machine",
    )


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line and set the number of threads."""
    options = parser.parse_args()
    torch.set_num_threads(1 if options.processor_time else options.threads)
    return options


def print_header(title: str) -> None:
    """Print what is measured, on which machine and from which commit."""
    facts = machine()
    hardware = facts["gpu"] or f"{facts['processor']}, {facts['cores']} cores, {facts['threads']} threads"
    print(f"{title}\n{hardware}; torch {facts['torch']}; commit {commit() or 'unknown'}\n")


def print_rows(rows: Sequence[tuple[str, float, float | None]], peer_name: str = "segment-anything") -> None:
    """Print rows of (what, our seconds, the peer's seconds or None) as milliseconds and their ratio."""
    print(f"| {'what':44} | anymask ms | {peer_name + ' ms':>19} | ratio |")
    print(f"| {'-' * 44} | {'-' * 9}: | {'-' * 18}: | {'-' * 4}: |")
    for what, ours, theirs in rows:
        peer = (f"{theirs * 1e3:19.1f}", f"{theirs / ours:5.2f}") if theirs else (" " * 18 + "-", "    -")
        print(f"| {what:44} | {ours * 1e3:10.1f} | {peer[0]} | {peer[1]} |")


def print_table(columns: Sequence[str], rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print each row's milliseconds per column, and the speed-up of anymask's fastest column.

    Columns whose name begins with "anymask" are anymask's. The ratios compare with the released package and
    with the fastest other implementation.
    """
    print(f"| {'ms':34} | {' | '.join(columns)} | x released | x best other |")
    print(f"|{'-' * 36}|{'|'.join('-' * (len(name) + 1) + ':' for name in columns)}|{'-' * 11}:|{'-' * 13}:|")
    for what, times in rows.items():
        cells = [f"{times[name] * 1e3:.1f}" if name in times else "-" for name in columns]
        ours = min(value for name, value in times.items() if name.startswith(OURS))
        released = [value for name, value in times.items() if name.startswith(RELEASED)]
        others = [value for name, value in times.items() if not name.startswith(OURS)]
        ratios = [f"{min(some) / ours:.1f}" if some else "-" for some in (released, others)]
        padded = [cell.rjust(len(name)) for cell, name in zip(cells, columns, strict=True)]
        print(f"| {what:34} | {' | '.join(padded)} | {ratios[0]:>10} | {ratios[1]:>12} |")
