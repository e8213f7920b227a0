"""Imports and exports in processes of their own, with limits on memory and on time without progress.

Parsing and writing JSON hold Python's global lock, and what they allocate would stay with the server. What
was imported before a limit was reached stays.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeAlias

from anymask.data_engine.project.project import Project, open_project
from anymask.errors import AnymaskError, FormatError
from anymask.files import budget
from anymask.images.bands import Bands

__all__ = ["run_apart"]


OVERHEAD = 256 << 20
"""Bytes of address space for what is imported late; little of it is touched."""


TICK = 0.5
"""Seconds between two signs of progress at least."""

Work: TypeAlias = "Callable[..., Any]"
"""A function of a module, called with the project, arguments and `tell`, to be called after each record.

It and its result are pickled.
"""


@dataclass(frozen=True)
class _Task:
    """What the process is to do."""

    work: Work
    given: tuple[Any, ...]
    folder: Path
    database: str
    bands: Bands | None
    memory: int


def run_apart(
    project: Project,
    work: Work,
    *given: Any,
    memory: int = budget.DEFAULT_MEMORY,
    seconds: float = 60.0,
) -> Any:
    """`work(project, *given, tell=...)` in another process; its errors are raised here.

    project: the process opens it by the addresses of its folder and database.
    work: such as `import_export.bring`.
    given: its further arguments.
    memory: bytes that it may take.
    seconds: that it may take without progress.

    Raises FormatError beyond one of the limits.
    """
    url = project.db.url.render_as_string(hide_password=False)
    task = _Task(work, given, project.folder, url, project.bands, memory)
    context = _context()
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, task), daemon=True)  # type: ignore[attr-defined]
    process.start()
    there.close()
    try:
        ended, found = _result(here, seconds)
    except EOFError:  # the system ended it
        ended, found = False, f"{memory >> 20} MiB"
    finally:
        process.kill()
        process.join()
        here.close()
    if ended:
        return found
    if isinstance(found, Exception):
        raise found
    raise FormatError(f"this must be done within {found}, got more. Do it in parts.")


def _result(here: Connection, seconds: float) -> tuple[bool, Any]:
    """What the process sends besides signs of progress; the limit if nothing comes for so many seconds."""
    while here.poll(seconds):
        sent: tuple[bool, Any] | None = here.recv()
        if sent is not None:
            return sent
    return False, f"{seconds:g} seconds a record"


def _progress(answer: Connection) -> Callable[[], None]:
    """A function that sends a sign of progress, at most one every TICK seconds."""
    last = time.monotonic()

    def tell() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= TICK:
            answer.send(None)
            last = now

    return tell


def _context() -> BaseContext:
    """Processes are forked from one that has imported this module, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "anymask.data_engine.project.import_export"])
    return context


def _work(answer: Connection, task: _Task) -> None:
    """Do the work and send back its result, its error or the limit that it reached."""
    found: tuple[bool, object]
    try:
        _limit_memory(task.memory)
        with budget.limited(task.memory):
            project = open_project(task.folder, task.database, bands=task.bands)
            found = True, task.work(project, *task.given, tell=_progress(answer))
            project.close()
    except MemoryError:
        found = False, f"{task.memory >> 20} MiB"
    except AnymaskError as error:
        found = False, error
    except Exception:
        found = False, RuntimeError(traceback.format_exc())
    answer.send(found)


def _limit_memory(most: int) -> None:
    """Let this process take at most so many bytes more than it has, where the system knows such a limit."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + most + OVERHEAD
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
