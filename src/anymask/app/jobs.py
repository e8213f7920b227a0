"""A queue of long-running jobs, run one after the other, with progress, result and cancellation."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Any, Literal, TypeAlias

from anymask.app import schemas
from anymask.app.error_handlers import busy
from anymask.errors import AnymaskError, UnknownNameError

__all__ = ["Cancelled", "Job", "Jobs", "Work"]

KEPT = 100
"""Number of finished jobs whose results are kept."""
State: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled"]
Tick: TypeAlias = Callable[[int, int], None]
Work: TypeAlias = Callable[[Tick], Any]
"""Called with a function that reports progress, `tick(done, total)`, which raises Cancelled."""
_log = logging.getLogger("anymask.app")


class Cancelled(Exception):  # noqa: N818 - not an error
    """The job was cancelled."""


@dataclass(frozen=True)
class Job:
    """The state of a job at one moment."""

    id: str
    kind: Literal["automatic", "like", "track"]
    owner: str
    """Id of the user."""
    state: State = "waiting"
    done: int = 0
    total: int = 0
    error: str | None = None
    model: str | None = None
    result: Any = None

    @property
    def ended(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.state in ("done", "failed", "cancelled")

    def to_schema(self, *, result: bool = True) -> schemas.Job:
        """The job as JSON schema of the API, with or without its result."""
        return schemas.Job(
            id=self.id,
            kind=self.kind,
            state=self.state,
            done=self.done,
            total=self.total,
            error=self.error,
            model=self.model,
            result=self.result if result else None,
        )


class Jobs:
    """All jobs of a server; they are lost when it stops."""

    def __init__(self, most_waiting: int, tell: Callable[[str], str] = str) -> None:
        """most_waiting: largest number of unfinished jobs. The thread starts with the first job.

        tell: words the error of a job for its user.
        """
        self._most, self._tell = most_waiting, tell
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: SimpleQueue[tuple[str, Work] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, kind: Literal["automatic", "like", "track"], owner: str, work: Work) -> Job:
        """Queue a job. Raises HTTPException 503 if too many are unfinished."""
        job = Job(secrets.token_hex(8), kind, owner)
        with self._lock:
            if sum(not one.ended for one in self._jobs.values()) >= self._most:
                raise busy(f"The server already has {self._most} unfinished jobs. Try again later.")
            self._jobs[job.id] = job
            self._forget()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
                self._thread.start()
        self._queue.put((job.id, work))
        return job

    def get(self, id: str) -> Job:
        """The current state of a job. Raises UnknownNameError."""
        with self._lock:
            if id not in self._jobs:
                raise UnknownNameError(
                    f"There is no job '{id}'. Start it again: jobs are lost when the server stops."
                )
            return self._jobs[id]

    def cancel(self, id: str) -> Job:
        """Stop a job at its next step; a job that has ended does not change."""
        self.get(id)
        return self._change(id, state="cancelled")

    def close(self) -> None:
        """Cancel all jobs."""
        for id in list(self._jobs):
            self._change(id, state="cancelled")
        self._queue.put(None)

    def _change(self, id: str, **values: Any) -> Job:
        """Change a job unless it has ended."""
        with self._lock:
            if not self._jobs[id].ended:
                self._jobs[id] = replace(self._jobs[id], **values)
            return self._jobs[id]

    def _forget(self) -> None:
        ended = [id for id, job in self._jobs.items() if job.ended]
        for id in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[id]

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            self._do(*item)

    def _do(self, id: str, work: Work) -> None:
        def tick(done: int, total: int) -> None:
            if self._change(id, done=done, total=total).ended:
                raise Cancelled

        try:
            if self._change(id, state="running").ended:
                return
            model, result = work(tick)
            self._change(id, state="done", model=model, result=result)
        except Cancelled:
            pass
        except AnymaskError as error:
            self._change(id, state="failed", error=self._tell(" ".join(str(error).split())))
        except Exception:
            _log.exception("job %s", id)
            self._change(id, state="failed", error="The job failed. See the server's output.")
