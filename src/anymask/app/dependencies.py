"""The objects that all routes share, and the user of a request."""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from anyio.to_thread import run_sync
from fastapi import Depends, HTTPException, Request

from anymask.app.cache import DiskCache
from anymask.app.error_handlers import busy, without_paths
from anymask.app.guesses import Guesses
from anymask.app.jobs import Jobs
from anymask.app.models import Models
from anymask.app.retraining import Retraining
from anymask.app.settings import Settings
from anymask.app.tiles import Tiles
from anymask.data_engine.project import Person, Project, people
from anymask.data_engine.project.project import scan
from anymask.data_engine.project.values import ROLES
from anymask.errors import StoreError
from anymask.files import cache_dir
from anymask.images.folder import list_folders, modified

__all__ = [
    "COOKIE",
    "Admin",
    "Annotator",
    "CurrentServer",
    "Reviewer",
    "Server",
    "Shared",
    "identify",
    "person_of",
]

Result = TypeVar("Result")
COOKIE = "anymask_token"
_NO_TOKEN = "This needs a token, and none was sent. Sign in, or send the header Authorization: Bearer TOKEN."
REMEMBER = 5.0
"""Seconds for which the user of a token is cached."""
_log = logging.getLogger("anymask.app")
THUMBS = 1 << 30
"""Bytes of thumbnails and tiles kept on disk."""
LOCAL = Person("local", "admin", "local")
OWNER = Person("admin", "admin", "admin")
"""The user of the server's own token. No other user can have the names or ids of these two."""


class Shared:
    """What all projects of a server share: models, and caches on disk."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is loaded yet."""
        self.models = Models(settings)
        self.embeddings = DiskCache(cache_dir() / "embeddings", settings.limits.embedding_bytes)
        self.thumbs = DiskCache(cache_dir() / "thumbs", THUMBS)
        """Thumbnails, and tiles of large images."""


@dataclass
class Server:
    """A served project: its jobs and what it shares with other projects."""

    project: Project
    settings: Settings
    shared: Shared
    alone: bool = True
    """Whether no other project shares the models, so that this one may add versions of its own."""
    jobs: Jobs = field(init=False)
    retraining: Retraining = field(init=False)
    tiles: Tiles = field(init=False)
    guesses: Guesses = field(default_factory=Guesses)
    """Wrong tokens by the address that they came from."""
    scanning: bool = False
    scanned: dict[Path, int] = field(default_factory=dict)
    """The folders of the last scan and its unreadable files, with their times of modification."""
    unreadable: list[str] = field(default_factory=list)
    """Names of files in the folder that could not be read as images."""
    seen: dict[str, tuple[float, Person]] = field(default_factory=dict)
    """Recently used tokens: when they were looked up, and their users."""

    def __post_init__(self) -> None:
        """Create jobs and tiles."""
        limits = self.settings.limits
        self._decoders = ThreadPoolExecutor(limits.heavy, "decode")
        self._turns = threading.BoundedSemaphore(limits.heavy)
        self._scans = threading.Lock()
        self.jobs = Jobs(limits.jobs, self.tell)
        self.retraining = Retraining(self.project, self.models if self.alone else None)
        self.tiles = Tiles(self.project)

    @property
    def models(self) -> Models:
        """The models of the server."""
        return self.shared.models

    @property
    def embeddings(self) -> DiskCache:
        """The cache of embeddings."""
        return self.shared.embeddings

    @property
    def thumbs(self) -> DiskCache:
        """The cache of thumbnails and tiles."""
        return self.shared.thumbs

    def tell(self, sentence: str) -> str:
        """A sentence of an error for users, without paths of this machine."""
        return without_paths(sentence, self.project)

    def decode(self, work: Callable[[], Result]) -> Result:
        """The result of reading or writing whole images, in one of a few threads.

        So memory is bounded, and what the allocator keeps of it belongs to few threads.
        """
        return self._decoders.submit(copy_context().run, work).result()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one of a few places for imports and exports. Raises HTTPException 503 if there is none."""
        if not self._turns.acquire(timeout=self.settings.limits.patience):
            raise busy("The server is busy with large files of other users. Try again soon.")
        try:
            yield
        finally:
            self._turns.release()

    def scan(self) -> None:
        """Update the project from its folder: the first images now, the rest in the background."""
        steps = self._steps()
        try:
            if next(steps, None) is None:
                return
        except (StoreError, OSError) as error:  # a full disk, for example: what is known can still be shown
            _log.warning("The folder was not searched for new images: %s", error)
            return
        self._finish(steps)

    def rescan(self) -> bool:
        """Scan in the background if files came or went since the last scan. Returns whether a scan runs."""
        with self._scans:
            if not self.scanning and modified(self.scanned) != self.scanned:
                self._finish(self._steps())
            return self.scanning

    def _steps(self) -> Iterator[int]:
        self.unreadable = []
        self.scanned = modified(list_folders(self.project.folder))
        yield from scan(self.project, self.unreadable.append)

    def _finish(self, steps: Iterator[int]) -> None:
        """Scan to the end in the background."""

        def work() -> None:
            try:
                for _ in steps:
                    pass
            except (StoreError, OSError) as error:
                _log.warning("The folder was not searched to its end: %s", error)
            finally:
                unread = [self.project.folder / name for name in self.unreadable]
                self.scanned |= modified(unread)  # a file that is still being copied is read when it is whole
                self.scanning = False

        self.scanning = True
        threading.Thread(target=work, name="scan", daemon=True).start()

    def close(self) -> None:
        """Cancel all jobs and close the database; models are closed by whoever shares them."""
        self.jobs.close()
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self.project.close()


async def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


CurrentServer = Annotated[Server, Depends(_server)]


def person_of(server: Server, token: str | None) -> Person | None:
    """The user with this token, or None. If the server needs no token, everybody is a local admin."""
    if server.settings.token is None:
        return LOCAL
    if not token:
        return None
    if hmac.compare_digest(token.encode("utf-8", "replace"), server.settings.token.encode()):
        return OWNER
    return people.by_token(server.project.db, token)


def _token(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE)


def identify(server: Server, request: Request, token: str | None) -> Person:
    """The user with a token. Raises HTTPException 401 for none or a wrong one, 429 after too many of them."""
    address = request.client.host if request.client else ""
    if token:
        server.guesses.check(address, token)
    person = person_of(server, token)
    if person is None:
        if not token:
            raise HTTPException(401, _NO_TOKEN)
        server.guesses.wrong(address)
        raise HTTPException(401, "This token is not valid. Ask an admin for yours.")
    server.guesses.right(token or "")
    return person


async def _person(request: Request, server: CurrentServer) -> Person:
    token = _token(request) or ""
    since, person = server.seen.get(token, (0.0, None))
    if person is None or time.monotonic() - since > REMEMBER:
        person = await run_sync(identify, server, request, token)
        if len(server.seen) > 1000:
            server.seen.clear()
        server.seen[token] = (time.monotonic(), person)
    return person


class _AtLeast:
    """A dependency that requires a role or a higher one."""

    def __init__(self, role: str) -> None:
        self.role = role

    async def __call__(self, person: Annotated[Person, Depends(_person)]) -> Person:
        if ROLES.index(person.role) < ROLES.index(self.role):
            raise HTTPException(
                403, f"This needs the role {self.role}; yours is {person.role}. Ask an admin."
            )
        return person


Annotator = Annotated[Person, Depends(_AtLeast("annotator"))]
Reviewer = Annotated[Person, Depends(_AtLeast("reviewer"))]
Admin = Annotated[Person, Depends(_AtLeast("admin"))]
