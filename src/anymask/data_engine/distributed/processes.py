"""Workers as processes of this machine.

A worker gets one task at a time, and ends when its driver does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeAlias

from anymask.data_engine.distributed.shard import FATAL, Maker
from anymask.data_engine.distributed.tasks import Job, Outcome, Report, Task
from anymask.errors import AnymaskError

__all__ = ["ENDED", "Answer", "Make", "Processes", "answer", "ready_maker"]

Make: TypeAlias = "Callable[[Task], Report]"
Answer: TypeAlias = "tuple[str, Report | str | Exception]"
"""How a worker answers: ("done", report), ("failed", what happened) or ("fatal", error)."""
THREADS = "ANYMASK_THREADS"
ENDED = "a worker that ended without a word (out of memory, or a fault in a library)"
STARTS = 3
"""How often a worker may die before it was ever ready."""


def ready_maker(job: Job) -> Make:
    """What a worker does with tasks: its model is loaded, its threads are set. Raises AnymaskError."""
    os.environ[THREADS] = str(job.threads)
    from anymask.models import load_sam

    model = load_sam(job.model, device=job.device, compile=job.compile, offline=job.offline)
    return Maker(job, model)


def answer(make: Make, task: Task) -> Answer:
    """Carry out a task; errors become answers."""
    try:
        return "done", make(task)
    except FATAL as error:
        return "fatal", error
    except Exception as error:
        return "failed", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


@dataclass
class _Worker:
    """A process and its task."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    task: Task | None = None


class Processes:
    """Workers in processes of their own."""

    def __init__(self, job: Job, count: int, start: Callable[[Job], Make] = ready_maker) -> None:
        """count: number of processes. start: what each calls first; a function of a module."""
        self._job, self._start = job, start
        self._context = multiprocessing.get_context("spawn")
        self._starts = 0
        self._workers = [self._new() for _ in range(count)]

    def free(self) -> int:
        """See Workers."""
        return sum(one.ready and one.task is None for one in self._workers)

    def submit(self, task: Task) -> None:
        """See Workers."""
        worker = next(one for one in self._workers if one.ready and one.task is None)
        worker.task = task
        with suppress(OSError):  # it has just died, which `wait` finds
            worker.pipe.send(task)

    def wait(self) -> Sequence[Outcome]:
        """See Workers."""
        by_pipe = {id(one.pipe): one for one in self._workers}
        found = []
        for pipe in wait([one.pipe for one in self._workers], timeout=1.0):
            worker = by_pipe[id(pipe)]
            try:
                found += self._hear(worker, worker.pipe.recv())
            except (EOFError, OSError):
                found += self._replace(worker)
        return found

    def _hear(self, worker: _Worker, said: Answer) -> list[Outcome]:
        """What a worker says: that it is ready, or how its task ended."""
        state, content = said
        if isinstance(content, Exception):
            raise content
        if state == "ready":
            worker.ready, self._starts = True, 0
            return []
        task, worker.task = worker.task, None
        assert task is not None, "a worker answers when it has a task"
        if isinstance(content, Report):
            return [Outcome(task, "done", content)]
        return [Outcome(task, "failed", problem=content)]

    def _replace(self, worker: _Worker) -> list[Outcome]:
        """Start another process for one that died; the outcome of its task."""
        worker.process.join()
        worker.pipe.close()
        self._starts += not worker.ready
        if self._starts >= STARTS:
            raise AnymaskError(
                f"workers must start, got exit code {worker.process.exitcode} {STARTS} times. Look for "
                "memory that runs out, and use fewer workers."
            )
        self._workers[self._workers.index(worker)] = self._new()
        return [] if worker.task is None else [Outcome(worker.task, "died", problem=ENDED)]

    def _new(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_work, args=(there, self._job, self._start), daemon=True)
        process.start()
        there.close()
        return _Worker(process, here)

    def close(self) -> None:
        """See Workers."""
        for one in self._workers:
            one.pipe.close()
            one.process.terminate()
        for one in self._workers:
            one.process.join()


def _work(pipe: Connection, job: Job, start: Callable[[Job], Make]) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver
    threading.Thread(target=_end_with_driver, daemon=True).start()
    try:
        make = start(job)
    except AnymaskError as error:
        pipe.send(("fatal", error))
        return
    pipe.send(("ready", ""))
    with suppress(EOFError, OSError):
        while True:
            pipe.send(answer(make, pipe.recv()))


def _end_with_driver() -> None:
    """End this process when its driver ends, in the middle of a shard too."""
    driver = multiprocessing.parent_process()
    if driver is not None:
        driver.join()
        os._exit(1)
