"""The progress of a project's retraining, in a file that outlives the process that makes it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from anymask.data_engine.project import Project, versions
from anymask.errors import AnymaskError
from anymask.files import locked, write_atomic

__all__ = ["LOCK", "NEW", "Tell", "keep_state", "read_state"]

NEW = "new"
"""The folder of a retraining that has not ended."""
LOCK = "lock"
"""The file that is locked while a process retrains."""
Tell: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done and the total."""
_STATE = "state.json"
PAUSE = 0.5
"""Seconds between two writes of the progress at least."""


@dataclass
class Told:
    """The state of a retraining that runs in this process."""

    file: Path
    outer: Tell
    last: float = 0.0

    def tell(self, what: str, done: int, total: int) -> None:
        """Write down the progress, and pass it on."""
        if time.monotonic() - self.last >= PAUSE:
            self.last = time.monotonic()
            self._write(state="running", what=what, done=done, total=total)
        self.outer(what, done, total)

    def ended(self, result: dict[str, Any]) -> None:
        """Write down the result."""
        self._write(state="done", result=result)

    def failed(self, error: str) -> None:
        """Write down the error."""
        self._write(state="failed", error=error)

    def _write(self, **values: Any) -> None:
        found = {"what": "", "done": 0, "total": 0, "error": None, "result": None, "process": os.getpid()}
        write_atomic(self.file, json.dumps(found | values).encode(), force=True)


@contextmanager
def keep_state(folder: Path, tell: Tell) -> Iterator[Told]:
    """Write down the progress and the errors of a retraining. folder: of the versions."""
    told = Told(folder / _STATE, tell)
    told.tell("images", 0, 0)
    try:
        yield told
    except AnymaskError as error:
        told.failed(" ".join(str(error).split()))
        raise
    except Exception as error:
        told.failed(f"{type(error).__name__}: {error}")
        raise


def read_state(project: Project) -> dict[str, Any]:
    """The state of the last retraining: "none", "running", "stopped", "failed" or "done", and its progress.

    One whose process is gone is stopped; the next retraining resumes it.
    """
    folder = versions.models_folder(project)
    try:
        found: dict[str, Any] = json.loads((folder / _STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return {"state": "none", "what": "", "done": 0, "total": 0, "error": None, "result": None}
    if found["state"] == "running" and not _runs(int(found["process"]), folder / LOCK):
        found["state"] = "stopped"
    return found


def _runs(process: int, lock: Path) -> bool:
    """Whether a retraining of this process still runs.

    The lock alone could be asked, but a question takes it for a moment, in which no retraining could begin.
    """
    if sys.platform != "win32":
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
    with locked(lock, wait=False) as free:
        return not free
