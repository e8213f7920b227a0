"""An import in a process of its own, with limits on memory and time.

Parsing holds Python's global lock, and what it allocates would stay with the server. The process ends with
the import; what was imported before a limit was reached stays.
"""

from __future__ import annotations

import multiprocessing
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path

from anymask import budget
from anymask.data_engine.project.import_export import Bringing, bring
from anymask.data_engine.project.project import Project, open_project
from anymask.errors import AnymaskError, FormatError
from anymask.images.bands import Bands

__all__ = ["bring_apart"]


OVERHEAD = 256 << 20
"""Bytes of address space for what is imported late; little of it is touched."""


@dataclass(frozen=True)
class _Task:
    """What the process is to do."""

    folder: Path
    database: str
    bands: Bands | None
    path: Path
    format: str | None
    author: str
    memory: int


def bring_apart(
    project: Project,
    path: Path,
    format: str | None,
    author: str,
    *,
    memory: int = budget.DEFAULT_MEMORY,
    seconds: float = 60.0,
) -> Bringing:
    """Import a file or folder as `import_export.bring` does, in another process; its errors are raised here.

    project: where to; the process opens it by the addresses of its folder and database.
    path: the file or folder.
    format: of the annotations; None: detected.
    author: of the masks.
    memory: bytes that the import may take.
    seconds: that it may take.

    Raises FormatError beyond one of the limits.
    """
    url = project.db.url.render_as_string(hide_password=False)
    task = _Task(project.folder, url, project.bands, path, format, author, memory)
    context = _context()
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(there, task), daemon=True)  # type: ignore[attr-defined]
    process.start()
    there.close()
    try:
        found = here.recv() if here.poll(seconds) else f"{seconds:g} seconds"
    except EOFError:  # the system ended it
        found = f"{memory >> 20} MiB"
    finally:
        process.kill()
        process.join()
        here.close()
    if isinstance(found, Exception):
        raise found
    if isinstance(found, Bringing):
        return found
    raise FormatError(f"file must be imported within {found}, got more. Import it in parts.")


def _context() -> BaseContext:
    """Processes are forked from one that has imported this module, where the system can do that."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _work(answer: Connection, task: _Task) -> None:
    """Carry out an import and send back its result, its error or the limit that it reached."""
    found: object
    try:
        _limit_memory(task.memory)
        with budget.limited(task.memory):
            project = open_project(task.folder, task.database, bands=task.bands)
            found = bring(project, task.path, task.format, task.author)
            project.close()
    except MemoryError:
        found = f"{task.memory >> 20} MiB"
    except AnymaskError as error:
        found = error
    except Exception:
        found = RuntimeError(traceback.format_exc())
    answer.send(found)


def _limit_memory(most: int) -> None:
    """Let this process take at most so many bytes more than it has, where the system knows such a limit."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + most + OVERHEAD
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
