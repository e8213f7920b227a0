"""Workers as actors of Ray: on this machine, or on a cluster.

A fixed number of actors, each with at most two shards. Only paths and reports pass through Ray: images are
read and written by the actors, so that its object store stays empty.
"""

from __future__ import annotations

import logging
import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from anymask.data_engine.distributed.processes import ENDED, Answer, Make, answer, ready_maker
from anymask.data_engine.distributed.tasks import Job, Outcome, Report, Task
from anymask.errors import AnymaskError, InputError, MissingExtraError

__all__ = ["RayActors", "cause", "connect", "is_ray"]

IN_FLIGHT = 2
"""Tasks at an actor: one that it does, and the next."""
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
STORE = 100 << 20
"""Bytes of the object store of a Ray that is started here."""


def cause(error: Exception) -> str:
    """The last line of an error of Ray, which names what was raised; above is a traceback in colours."""
    lines = _COLOUR.sub("", str(error)).split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), type(error).__name__)[:300]


def is_ray(workers: str) -> bool:
    """Whether a value of --workers names Ray: ray, auto or an address ray://HOST:PORT."""
    return workers in ("ray", "auto") or workers.startswith("ray://")


def connect(address: str, threads: int, *, gpus: bool = False) -> tuple[Any, int]:
    """Start Ray on this machine ("ray"), or connect to a cluster; Ray, and how many workers it has room for.

    threads: of each worker. gpus: each worker takes one GPU. Raises MissingExtraError, and InputError for a
    cluster that cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--workers ray", "ray") from error
    try:
        if address == "ray":
            from anymask.models.onnx_session import cores

            ray.init(
                address="local",
                num_cpus=cores(),
                object_store_memory=STORE,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        else:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
        raise InputError(
            f"--workers must be ray, or the address of a Ray that runs, got {address} "
            f"({' '.join(str(error).split())[:200]}). Start it with: ray start --head"
        ) from error
    found = ray.cluster_resources()
    room = found.get("CPU", 1.0) // threads
    return ray, max(1, int(min(room, found.get("GPU", 0.0)) if gpus else room))


class RayActors:
    """Workers as actors; they are restarted by Ray when they die."""

    def __init__(
        self,
        ray: Any,
        job: Job,
        count: int,
        start: Callable[[Job], Make] = ready_maker,
        *,
        gpus: bool = False,
    ) -> None:
        """Start `count` actors.

        ray: the module, connected. job: what they are told. count: their number. start: what each calls
        first. gpus: whether each takes a GPU.
        """
        self._ray = ray
        actor = ray.remote(_Actor).options(
            num_cpus=job.threads, num_gpus=int(gpus), max_restarts=-1, max_task_retries=0
        )
        self._actors = [actor.remote(job, start) for _ in range(count)]
        self._queues: list[deque[Any]] = [deque() for _ in self._actors]
        self._tasks: dict[Any, tuple[int, Task]] = {}
        self._innocent: set[Any] = set()
        """Tasks that waited behind another when their actor died."""

    def free(self) -> int:
        """See Workers."""
        return IN_FLIGHT * len(self._actors) - len(self._tasks)

    def submit(self, task: Task) -> None:
        """See Workers: the actor with the fewest tasks takes it."""
        number = min(range(len(self._actors)), key=lambda one: len(self._queues[one]))
        reference = self._actors[number].make.remote(task)
        self._queues[number].append(reference)
        self._tasks[reference] = number, task

    def wait(self) -> Sequence[Outcome]:
        """See Workers."""
        if not self._tasks:
            return []
        ready, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=1.0)
        if not ready:
            self._check_alive()
        return [self._outcome(reference) for reference in ready]

    def _check_alive(self) -> None:
        """Raise AnymaskError where no machine of Ray lives any more: Ray itself would wait for ever."""
        try:
            lives = any(node["Alive"] for node in self._ray.nodes())
        except self._ray.exceptions.RayError:
            lives = False
        if not lives:
            raise AnymaskError("Ray must run, got no machine that is alive. Run the same command to resume.")

    def _outcome(self, reference: Any) -> Outcome:
        number, task = self._tasks.pop(reference)
        queue = self._queues[number]
        head = queue[0]
        queue.remove(reference)
        try:
            said: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            return Outcome(task, "failed", problem=cause(error))
        except self._ray.exceptions.RayError as error:
            self._check_start(error)
            blamed = reference == head and reference not in self._innocent
            if reference not in self._innocent:  # the first error of an actor that died
                self._innocent.update(one for one in queue if one != head)
            return Outcome(task, "died" if blamed else "returned", problem=ENDED)
        content = said[1]
        if isinstance(content, Exception):
            raise content
        if isinstance(content, Report):
            return Outcome(task, "done", content)
        return Outcome(task, "failed", problem=content)

    def _check_start(self, error: Exception) -> None:
        """Raise AnymaskError where an actor cannot even start, however often it is tried."""
        if "creation" in str(error) or "__init__" in str(error):
            raise AnymaskError(
                f"workers must start, got {cause(error)}. Install the same anymask on every machine of the "
                "cluster."
            ) from error

    def close(self) -> None:
        """See Workers."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._ray.shutdown()


class _Actor:
    """What runs on the cluster."""

    def __init__(self, job: Job, start: Callable[[Job], Make]) -> None:
        """A worker that cannot start says so when it gets a task, so that the reason reaches the driver."""
        self._make: Make | None = None
        self._error: Exception | None = None
        try:
            self._make = start(job)
        except AnymaskError as error:
            self._error = error

    def make(self, task: Task) -> Answer:
        """Carry out a task."""
        if self._make is None:
            assert self._error is not None, "it has one or the other"
            return "fatal", self._error
        return answer(self._make, task)
