"""`anymask data`: look into data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TypeVar

from anymask import data
from anymask.cli.console import Advance, out, out_json, progress
from anymask.data import Check, Dataset, Faults, Stats
from anymask.errors import InputError
from anymask.types import Record

__all__ = ["check", "stats"]

Result = TypeVar("Result")
SHOWN = 20
"""Problems, and categories, that the text form lists at most."""


def check(*, paths: Sequence[str], split: str | None, as_json: bool) -> int:
    """Read everything once. Raises `InputError` at the end if something is wrong."""
    results = _look(paths, split, data.check)
    if as_json:
        out_json([asdict(result) | {"sound": result.sound} for result in results])
    else:
        out("\n".join(_check_text(result) for result in results))
    problems = sum(len(result.problems) for result in results)
    if problems:
        raise InputError(
            f"data must be sound, got {problems} problems in {len(results)} sets. Training leaves out what "
            "it cannot read; repair or remove the rest."
        )
    return 0


def stats(*, paths: Sequence[str], split: str | None, as_json: bool) -> int:
    """Print counts of every data set."""
    results = _look(paths, split, data.stats)
    if as_json:
        out_json([asdict(result) for result in results])
    else:
        out("\n\n".join(_stats_text(result) for result in results))
    return 0


def _look(paths: Sequence[str], split: str | None, look: Callable[[Dataset], Result]) -> list[Result]:
    """What `look` finds in each data set, with progress."""
    collections = [data.open_dataset(path, split=split) for path in paths]
    with progress("pictures") as advance:
        return [look(_Watched(collection, advance)) for collection in collections]


class _Watched:
    """A data set that tells which item is read."""

    def __init__(self, dataset: Dataset, advance: Advance) -> None:
        self.name = dataset.name
        self.faults: Faults = dataset.faults
        self._dataset, self._advance = dataset, advance

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Record:
        self._advance(index, len(self), self.name)
        return self._dataset[index]


def _check_text(result: Check) -> str:
    head = f"{result.name}: {result.images:,} pictures with {result.masks:,} masks can be read"
    lines = [f"  {item}: {' '.join(problem.split())}" for item, problem in result.problems]
    return "\n".join([head, *_some(lines, "  and {} more (--json lists all)")])


def _stats_text(result: Stats) -> str:
    least, most = result.longest_side
    lines = [
        f"{result.name}: {result.images:,} pictures, {result.masks:,} masks",
        f"  masks of a picture: {result.masks_per_image:.1f}; {result.without_masks} pictures have none",
        f"  longest side: {least} to {most} pixels",
    ]
    if result.corrupt:
        lines.append(f"  damaged items: {result.corrupt}")
    for key in ("sizes", "kinds", "categories"):
        named = [f"{name} {count:,}" for name, count in getattr(result, key).items()]
        if named:
            lines.append(f"  {key}: {', '.join(_some(named, '{} more'))}")
    return "\n".join(lines)


def _some(items: Sequence[str], rest: str) -> list[str]:
    return [*items[:SHOWN], *([rest.format(len(items) - SHOWN)] if len(items) > SHOWN else [])]
