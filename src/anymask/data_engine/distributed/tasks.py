"""What passes between the driver and its workers: tasks with the paths of images, and reports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from anymask.data_engine.distributed.manifest import Row
from anymask.data_engine.image_masks import Plan

__all__ = ["PIECES", "Job", "Outcome", "Report", "Task", "Workers", "hash_of"]

PIECES = "pieces"
"""The folder of parts of shards that could not be made as a whole, until they are merged."""
State: TypeAlias = Literal["done", "failed", "died", "returned"]


@dataclass(frozen=True)
class Job:
    """What every worker of a run is told once."""

    model: str
    """The name or path of the model."""
    device: str
    compile: bool
    offline: bool
    plan: Plan
    source: str
    """The place that the paths of the manifest are relative to."""
    target: str
    """The place of the data set."""
    settings: Mapping[str, Any]
    """The settings of the run: a worker that finds others for itself does nothing."""
    threads: int = 1
    """Threads that compute the model."""


@dataclass(frozen=True)
class Task:
    """A shard to make, a piece of it, or a shard to merge from its pieces."""

    shard: int
    first: int
    """The number of the first row."""
    rows: tuple[Row, ...]
    """The images; none for a merge."""
    piece: bool = False
    pieces: tuple[str, ...] = ()
    """The names of the pieces to merge, in order; empty for a task that makes something."""

    @property
    def name(self) -> str:
        """The name of its files without the suffix."""
        if not self.piece:
            return f"masks-{self.shard:06d}"
        return f"{PIECES}/masks-{self.shard:06d}-{self.first:09d}-{self.first + len(self.rows):09d}"

    def part(self, start: int, stop: int) -> Task:
        """A piece: rows from `start` to below `stop`, counted within the task."""
        return Task(self.shard, self.first + start, self.rows[start:stop], piece=True)


@dataclass(frozen=True)
class Report:
    """What a shard or a piece holds; its file is written last, so that a shard that has one is finished."""

    sha256: str
    """Of the tar file; empty for a piece without one."""
    size: int
    """Bytes of the tar file."""
    images: int
    masks: int
    settings: str
    """The hash of the run's settings."""
    damaged: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with the images that are left out, by path."""

    def to_json(self) -> bytes:
        """The file."""
        return json.dumps(vars(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Report | None:
        """The report in a file, None where it is not one."""
        try:
            found = cls(**json.loads(data))
            counts = (found.size, found.images, found.masks)
            sound = all(isinstance(one, int) for one in counts) and isinstance(found.damaged, dict)
        except (ValueError, TypeError):
            return None
        return found if sound else None

    @classmethod
    def joined(cls, parts: Sequence[Report], sha256: str, size: int) -> Report:
        """The report of a shard that is merged from pieces."""
        damaged = {path: problem for one in parts for path, problem in one.damaged.items()}
        images, masks = (sum(getattr(one, name) for one in parts) for name in ("images", "masks"))
        return cls(sha256, size, images, masks, parts[0].settings, damaged)


@dataclass(frozen=True)
class Outcome:
    """The end of a task at a worker."""

    task: Task
    state: State
    """"done"; "failed" by an exception; "died" with its worker; "returned" untouched, as its worker died
    before it."""
    report: Report | None = None
    problem: str = ""
    """What went wrong, in words that are the same in every run."""


class Workers(Protocol):
    """A fixed number of workers; they restart when they die."""

    def free(self) -> int:
        """How many tasks it takes now."""

    def submit(self, task: Task) -> None:
        """Give a task to a worker; only while `free` says so."""

    def wait(self) -> Sequence[Outcome]:
        """Wait until tasks have ended, at most a second; the outcomes.

        Raises the error that no worker can get over: a full disk, other weights than the run's.
        """

    def close(self) -> None:
        """End the workers."""


def hash_of(settings: Mapping[str, Any]) -> str:
    """The hash of settings, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
