"""Time calls and print them as a table under a line on the hardware."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import torch

from anymask.evaluate.report import commit, machine

OURS, RELEASED = "anymask", "segment-anything"


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Median time of a call after one to warm up, work queued on an accelerator included."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def print_header(title: str) -> None:
    """What is measured, on which machine, from which commit."""
    facts = machine()
    hardware = facts["gpu"] or f"{facts['processor']}, {facts['cores']} cores, {facts['threads']} threads"
    print(f"{title}\n{hardware}; torch {facts['torch']}; commit {commit() or 'unknown'}\n")


def print_rows(rows: Sequence[tuple[str, float, float | None]], peer_name: str = "segment-anything") -> None:
    """Rows of (what, our seconds, the peer's seconds or None), as milliseconds and their ratio."""
    print(f"| {'what':44} | anymask ms | {peer_name + ' ms':>19} | ratio |")
    print(f"| {'-' * 44} | {'-' * 9}: | {'-' * 18}: | {'-' * 4}: |")
    for what, ours, theirs in rows:
        peer = (f"{theirs * 1e3:19.1f}", f"{theirs / ours:5.2f}") if theirs else (" " * 18 + "-", "    -")
        print(f"| {what:44} | {ours * 1e3:10.1f} | {peer[0]} | {peer[1]} |")


def print_table(columns: Sequence[str], rows: Mapping[str, Mapping[str, float]]) -> None:
    """For each row the milliseconds of each contender, and how many times as fast the best of ours is.

    Ours are the columns whose name begins with "anymask". The ratios are to the released package and to the
    best of all others.
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
