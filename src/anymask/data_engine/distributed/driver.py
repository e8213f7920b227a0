"""The driver: it gives the shards that are not finished to the workers, and deals with what fails.

A shard that failed three times is halved until the image that is to blame is alone. That image is listed as
damaged, and the pieces are merged: the shard has the same bytes as if it had been made without that image.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from anymask.data_engine.distributed.manifest import Manifest
from anymask.data_engine.distributed.tasks import Outcome, Report, Task, Workers
from anymask.errors import OutputError
from anymask.files.places import Place

__all__ = ["Driver"]

TRIES = 3
"""How often a shard, or an image alone, may fail; a piece of several images is halved at once."""
MOST_DEATHS = 3
"""How often each worker may die, on average, while nothing at all gets done."""


@dataclass
class Driver:
    """Carries out the shards of a manifest."""

    manifest: Manifest
    target: Place
    settings: str
    """The hash of the run's settings."""
    workers: Workers
    count: int
    """Number of workers."""
    finished: Callable[[Task, Report], None]
    """Called with every finished shard."""
    _again: deque[Task] = field(default_factory=deque)
    _failures: Counter[tuple[str, bool]] = field(default_factory=Counter)
    _split: dict[int, dict[str, bool]] = field(default_factory=dict)
    """The pieces of a shard, and whether each is finished."""
    _flying: int = 0
    _exhausted: bool = False
    _deaths: int = 0

    def run(self, shards: Iterable[int]) -> None:
        """Make the given shards. Raises the error that no worker can get over."""
        todo = iter(shards)
        try:
            while True:
                self._submit(todo)
                if self._exhausted and not self._again and not self._flying:
                    return
                for outcome in self.workers.wait():
                    self._flying -= 1
                    self._take(outcome)
        finally:
            self.workers.close()

    def _submit(self, todo: Iterator[int]) -> None:
        for _ in range(self.workers.free()):
            task = self._again.popleft() if self._again else self._next(todo)
            if task is None:
                return
            self.workers.submit(task)
            self._flying += 1

    def _next(self, todo: Iterator[int]) -> Task | None:
        shard = next(todo, None)
        self._exhausted = shard is None
        return None if shard is None else self._whole(shard)

    def _whole(self, shard: int) -> Task:
        return Task(shard, self.manifest.span(shard)[0], self.manifest.read(shard))

    def _take(self, outcome: Outcome) -> None:
        task, state = outcome.task, outcome.state
        if state == "returned":
            self._again.append(task)
        elif state == "done":
            assert outcome.report is not None, "a task that is done has a report"
            self._deaths = 0
            self._done(task, outcome.report)
        else:
            self._deaths += state == "died"
            if self._deaths > MOST_DEATHS * max(3, self.count):
                raise OutputError(
                    f"workers must stay alive, got {self._deaths} deaths in a row ({outcome.problem}). Look "
                    "for memory that runs out, and use fewer workers."
                )
            self._failed(task, outcome.problem)

    # ---- what is done

    def _done(self, task: Task, report: Report) -> None:
        if task.piece:
            self._split[task.shard][task.name] = True
            self._merge_if_complete(task.shard)
            return
        for name in self._split.pop(task.shard, ()):
            for suffix in (".json", ".tar"):
                self.target.remove(name + suffix)
        self.finished(task, report)

    def _merge_if_complete(self, shard: int) -> None:
        pieces = self._split[shard]
        if all(pieces.values()):
            self._again.append(Task(shard, self.manifest.span(shard)[0], (), pieces=tuple(sorted(pieces))))

    # ---- what fails

    def _failed(self, task: Task, problem: str) -> None:
        key = task.name, bool(task.pieces)
        self._failures[key] += 1
        tries = 1 if task.piece and len(task.rows) > 1 else TRIES
        if self._failures[key] < tries:
            self._again.append(task)
        elif task.pieces:
            raise OutputError(
                f"shard must be merged from its pieces, got {problem} for {task.name}. Try again."
            )
        elif len(task.rows) > 1 or not task.piece:
            self._halve(task)
        else:
            self._give_up(task, problem)

    def _halve(self, task: Task) -> None:
        middle = len(task.rows) // 2
        pieces = self._split.setdefault(task.shard, {})
        pieces.pop(task.name, None)
        for start, stop in ((0, middle), (middle, len(task.rows))):
            if start < stop:
                piece = task.part(start, stop)
                pieces[piece.name] = False
                self._again.append(piece)

    def _give_up(self, task: Task, problem: str) -> None:
        """List an image as damaged."""
        (row,) = task.rows
        text = (
            f"image must be one that can be processed, got {problem} {TRIES} times. Remove it, or look at it."
        )
        report = Report("", 0, 0, 0, self.settings, {row.path: text})
        self.target.remove(f"{task.name}.json")
        self.target.put_new(f"{task.name}.json", report.to_json())
        self._done(task, report)
