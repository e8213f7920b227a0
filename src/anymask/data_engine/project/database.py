"""The database of a project: SQLite in write-ahead mode, or PostgreSQL by its address.

One connection writes at a time in this process; other processes are waited for. Every fault of the
database leaves as a StoreError in a sentence.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from anymask.data_engine.project.tables import VERSION
from anymask.errors import InputError, MissingExtraError, StoreError

__all__ = ["Database", "open_database"]

BUSY = 10.0
"""Seconds that a writer waits for another process."""
CONNECTIONS = 20
"""Kept open at most."""
Answer = TypeVar("Answer")
_MIGRATIONS = Path(__file__).with_name("migrations")


class Database:
    """Connections to one database, safe to share between threads."""

    def __init__(self, url: URL) -> None:
        """Connect lazily; `open_database` makes the tables."""
        self.url = url
        self.file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
        self.engine = _engine(url)
        self._writer, self._leading, self._queueing = (threading.Lock() for _ in range(3))
        self._queue: list[_Work] = []
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to look things up."""
        with _translated(self), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: kept at the end, undone by an exception. Raises StoreError where it is not kept."""
        with self._writer if self.file else _NO_LOCK, _translated(self):
            self.check_place()
            with self.engine.connect() as connection, connection.begin():
                if self.file:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                self.check_place()

    def together(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do some work in a transaction shared with whoever waits as well: one wait for the disk.

        Returns once it is kept. What the work raises is raised here, and the work undone; and as `writing`.
        """
        if self.file is None:  # PostgreSQL does so itself
            with self.writing() as connection:
                return work(connection)
        mine = _Work(work)
        with self._queueing:
            self._queue.append(mine)
        with self._leading:  # whoever comes first works for all that have queued up behind
            if not mine.ended:
                with self._queueing:
                    taken, self._queue = self._queue, []
                self._do(taken)
        if mine.error is not None:
            raise mine.error
        return mine.answer  # type: ignore[return-value]

    def _do(self, taken: list[_Work]) -> None:
        try:
            with self.writing() as connection:
                for one in taken:
                    one.do(connection)
        except StoreError as error:
            for one in taken:
                one.error = StoreError(*error.args)
                one.error.__cause__ = error
        except BaseException as error:
            for one in taken:
                one.error = error
            raise
        finally:
            for one in taken:
                one.ended = True

    def check_place(self) -> None:
        """Raise StoreError where the file of the database is no longer the one that was opened.

        SQLite goes on writing to a file that was removed, and all of that would be lost.
        """
        if self.file is None or self._identity is None:
            return
        if _identity(self.file) != self._identity:
            raise StoreError(
                f"project must stay where it is, got {self.file}, which was removed or replaced. "
                "Put the folder back and start again; nothing was saved since."
            )

    def remember_place(self) -> None:
        """Take the file as it is now for the right one."""
        self._identity = _identity(self.file) if self.file else None

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@dataclass
class _Work:
    """Something to do in a transaction with others."""

    work: Callable[[Connection], object]
    answer: object = None
    error: BaseException | None = None
    ended: bool = False

    def do(self, connection: Connection) -> None:
        """Do it; if it refuses, undo it alone. A fault of the database is everybody's."""
        savepoint = connection.begin_nested()
        try:
            self.answer = self.work(connection)
        except SQLAlchemyError:
            raise  # with a full disk the savepoint is gone already
        except Exception as error:
            savepoint.rollback()
            self.error = error
        else:
            savepoint.commit()


class _NoLock:
    """PostgreSQL orders writers itself."""

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, *raised: object) -> None:
        """Nothing."""


_NO_LOCK = _NoLock()


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def open_database(url: str | os.PathLike[str]) -> Database:
    """Open a database by address (sqlite:///file, postgresql://...) or SQLite file, made if it is missing.

    Tables are made or brought up to date. Raises StoreError for one of a newer anymask, one that is no
    database and one that cannot be reached; InputError for another kind of address; MissingExtraError.
    """
    database = Database(_parsed(url))
    try:
        with _translated(database):
            _migrate(database)
    except BaseException:
        database.close()
        raise
    database.remember_place()
    return database


def _parsed(url: str | os.PathLike[str]) -> URL:
    text = os.fspath(url)
    if "://" not in text:
        return URL.create("sqlite", database=os.path.abspath(text))
    try:
        parsed = make_url(text)
    except ArgumentError:
        parsed = None
    backend = parsed.get_backend_name() if parsed is not None else ""
    if parsed is None or backend not in ("sqlite", "postgresql"):
        raise InputError(
            f"database must be an address sqlite:///FILE or postgresql://USER@HOST/NAME, got '{text}'. "
            "Correct it."
        )
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=0,
            connect_args={"timeout": BUSY, "check_same_thread": False},
        )
        event.listen(engine, "connect", _tune_sqlite)
        return engine
    try:
        return create_engine(
            url, pool_pre_ping=True, pool_size=CONNECTIONS, connect_args={"connect_timeout": 10}
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("PostgreSQL", "postgres") from error


def _tune_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # transactions begin where `writing` says so
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -1000"):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(database: Database) -> None:
    """Bring the tables to this version; refuse those of a newer one. Alembic is slow to import."""
    with database.writing() as connection:
        there = _version(connection)
        if there > VERSION:
            raise StoreError(
                f"database must be of this anymask or an older one, got {database.url.render_as_string()} of "
                f"version {there}. Upgrade anymask: pip install -U anymask"
            )
        if there < VERSION:
            from alembic import command
            from alembic.config import Config

            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(_MIGRATIONS))
            command.upgrade(config, "head")


def _version(connection: Connection) -> str:
    """The version of the tables, as alembic keeps it; "" for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


_REASONS = {
    "disk is full": "the disk is full. Make room; what was acknowledged is safe",
    "No space left": "the disk is full. Make room; what was acknowledged is safe",
    "file is not a database": "the file is no database. Give another, or move it away",
    "unable to open": "the file cannot be opened. Look whether its folder exists and is writable",
    "readonly": "the file is read-only. Make it writable",
    "locked": "another program holds the database. Close it",
    "disk I/O error": "the disk answers with errors. Look whether the folder is still there",
    "onnection": "the server cannot be reached. Look whether it runs and the address is right",
    "does not exist": "the server has no such database or user. Correct the address",
}


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    """Turn the database's complaints into StoreError."""
    try:
        yield
    except DBAPIError as error:
        text = str(error.orig)
        line = text.strip().splitlines()[0][:200] if text.strip() else type(error.orig).__name__
        reason = next((ours for theirs, ours in _REASONS.items() if theirs in text), f"it says: {line}. Look")
        raise StoreError(
            f"database must be usable, got {database.url.render_as_string()}: {reason}."
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(
            f"database must be usable, got {database.url.render_as_string()}: {error}. Look into it."
        ) from error
