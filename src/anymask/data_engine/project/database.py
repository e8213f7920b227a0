"""The database of a project: SQLite in write-ahead mode, or PostgreSQL by its address.

One connection writes at a time in this process, and waits for writers in other processes. Every error of the
database is raised as a StoreError.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from anymask.data_engine.project.tables import VERSION
from anymask.errors import InputError, MissingExtraError, StoreError

__all__ = ["VARIABLE", "Database", "lock_table", "open_database"]

VARIABLE = "ANYMASK_DATABASE"
"""The environment variable for an address, which other users of a machine could read in a command line."""
BUSY = 10.0
"""Seconds that a writer waits for another process."""
CONNECTIONS = 20
"""Largest number of open connections."""
Result = TypeVar("Result")
_MIGRATIONS = Path(__file__).with_name("migrations")


class Database:
    """Connections to one database, safe to share between threads."""

    def __init__(self, url: URL) -> None:
        """Connects on first use; `open_database` creates the tables."""
        self.url = url
        self.file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
        self.engine = _engine(url)
        self._write_lock, self._commit_lock, self._queue_lock = (threading.Lock() for _ in range(3))
        self._queue: list[_Work] = []
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading."""
        with _translated(self), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back by an exception. Raises StoreError."""
        with self._write_lock if self.file else nullcontext(), _translated(self):
            self.check_file()
            with self.engine.connect() as connection, connection.begin():
                if self.file:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                self.check_file()

    def group_commit(self, work: Callable[[Connection], Result]) -> Result:
        """Call `work` in a transaction shared with all threads that are waiting: one commit for all of them.

        Returns after the commit. If `work` raises, only its own changes are rolled back and the exception is
        raised here. Raises the errors of `writing` too.
        """
        if self.file is None:  # PostgreSQL groups commits itself
            with self.writing() as connection:
                return work(connection)
        mine = _Work(work)
        with self._queue_lock:
            self._queue.append(mine)
        with self._commit_lock:  # the first thread commits for all threads that have queued up
            if not mine.ended:
                with self._queue_lock:
                    taken, self._queue = self._queue, []
                self._do(taken)
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

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

    def check_file(self) -> None:
        """Raise StoreError if the database file is no longer the one that was opened.

        SQLite continues to write to a removed file, and all of that would be lost.
        """
        if self.file is None or self._identity is None:
            return
        if _identity(self.file) != self._identity:
            raise StoreError(
                f"The project's database {self.file} was removed or replaced. "
                "Put the folder back and start again; nothing was saved since."
            )

    def remember_file(self) -> None:
        """Remember the identity of the database file for `check_file`."""
        self._identity = _identity(self.file) if self.file else None

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@dataclass
class _Work:
    """A function to call in a shared transaction, and its outcome."""

    work: Callable[[Connection], object]
    result: object = None
    error: BaseException | None = None
    ended: bool = False

    def do(self, connection: Connection) -> None:
        """Call the function; if it raises, roll back its changes only. Errors of the database fail all."""
        savepoint = connection.begin_nested()
        try:
            self.result = self.work(connection)
        except SQLAlchemyError:
            raise  # on a full disk the savepoint no longer exists
        except Exception as error:
            savepoint.rollback()
            self.error = error
        else:
            savepoint.commit()


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def lock_table(connection: Connection, table: Table) -> None:
    """Let no other transaction change a table until the end of this one; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def open_database(url: str | os.PathLike[str]) -> Database:
    """Open a database by address (sqlite:///file, postgresql://...) or SQLite file, created if missing.

    Tables are created or migrated. Raises StoreError for the database of a newer anymask, a file that is not
    a database, and a server that cannot be reached; InputError for any other address; MissingExtraError.
    """
    database = Database(_parsed(url))
    try:
        with _translated(database):
            _migrate(database)
    except BaseException:
        database.close()
        raise
    database.remember_file()
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
            creator=partial(_open_sqlite, url.database or ":memory:"),
        )
        event.listen(engine, "checkin", _forget_frozen)
        return engine
    try:
        return create_engine(
            url, pool_pre_ping=True, pool_size=CONNECTIONS, connect_args={"connect_timeout": 10}
        )
    except ModuleNotFoundError as error:
        raise MissingExtraError("PostgreSQL", "postgres") from error


def _open_sqlite(file: str) -> sqlite3.Connection:
    """A connection in write-ahead mode; on a full disk one that reads the file as it is.

    Write-ahead mode needs room for a file of its own even to read. Without a log beside it the file is
    complete, and can be read without any other.
    """
    connection = sqlite3.connect(file, timeout=BUSY, check_same_thread=False, isolation_level=None)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -1000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection
    except sqlite3.OperationalError as error:
        connection.close()
        if not any(sign in str(error) for sign in _NO_ROOM) or not _is_complete(Path(file)):
            raise
    frozen = sqlite3.connect(f"{Path(file).as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    frozen.isolation_level = None
    frozen.execute("PRAGMA query_only = ON")
    return frozen


_NO_ROOM = ("disk I/O error", "disk is full", "unable to open")


def _is_complete(file: Path) -> bool:
    """Whether a database file has content and no write-ahead log."""
    log = file.with_name(f"{file.name}-wal")
    return file.is_file() and file.stat().st_size > 0 and not (log.exists() and log.stat().st_size)


def _forget_frozen(connection: Any, record: Any) -> None:
    """Do not use a connection of a full disk again, as it would never see a change."""
    if connection is not None and connection.execute("PRAGMA query_only").fetchone()[0]:
        record.invalidate()


def _migrate(database: Database) -> None:
    """Migrate the tables to this version; refuse those of a newer one. Alembic is slow, so imported late.

    Tables of this version are only read, so that a full disk does not prevent it.
    """
    with database.reading() as connection:
        if _version(connection) == VERSION:
            return
    with database.writing() as connection:
        there = _version(connection)
        if there > VERSION:
            raise StoreError(
                f"database must be of this anymask or an older one, got {database.url.render_as_string()} of "
                f"version {there}. Upgrade with: pip install -U anymask"
            )
        if there < VERSION:
            upgrade(connection)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations up to a version."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS))
    command.upgrade(config, to)


def _version(connection: Connection) -> str:
    """The version of the tables, as stored by alembic; "" for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


_REASONS = {
    "disk is full": "the disk is full. Make room; what was acknowledged is safe",
    "No space left": "the disk is full. Make room; what was acknowledged is safe",
    "file is not a database": "the file is not a database. Give another, or move it away",
    "unable to open": "the file cannot be opened. Check that its folder exists and is writable",
    "readonly": "the file is read-only. Make it writable",
    "locked": "another program has locked the database. Close it",
    "disk I/O error": "the disk reports errors. Check that the folder still exists",
    "onnection": "the server cannot be reached. Check that it runs and that the address is right",
    "does not exist": "the server has no such database or user. Correct the address",
}


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    """Turn errors of the database into StoreError."""
    try:
        yield
    except DBAPIError as error:
        text = str(error.orig)
        if "readonly" in text and database.file and not shutil.disk_usage(database.file.parent).free:
            text = "disk is full"
        line = text.strip().splitlines()[0][:200] if text.strip() else type(error.orig).__name__
        reason = next(
            (ours for theirs, ours in _REASONS.items() if theirs in text), f"the database reports: {line}"
        )
        raise StoreError(
            f"The database {database.url.render_as_string()} cannot be used: {reason}."
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(
            f"The database {database.url.render_as_string()} cannot be used: {error}. Check its address."
        ) from error
