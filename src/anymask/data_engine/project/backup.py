"""A project in one file: masks, labels, users, comments, uploaded images; and a project from such a file.

The file is a zip with a SQLite database and the uploads, whatever database the project has, so that a backup
of SQLite can be restored to PostgreSQL and back. It is taken in one transaction; the server may run. Images
that are in the project's folder are left out; they keep their masks by name.
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from anymask.data_engine.project.database import Database, open_database
from anymask.data_engine.project.project import INNER, Project
from anymask.data_engine.project.tables import METADATA, images, revisions
from anymask.errors import FormatError, InputError, OutputError
from anymask.files.writing import staged

__all__ = ["Counts", "backup", "restore"]

STEP = 500
"""Rows that are copied at once."""
_DATABASE = "project.db"
_UPLOAD = re.compile(r"images/[0-9a-f]{64}\.[a-z]{3,5}")
_OFFER = "Give a file that anymask backup wrote."


@dataclass(frozen=True)
class Counts:
    """What was copied."""

    revisions: int
    uploads: int


def backup(project: Project, file: str | os.PathLike[str], *, force: bool = False) -> Counts:
    """Write a project to a zip file, which appears when it is complete.

    Raises OutputError if the file exists (without `force`) or cannot be written, StoreError for a database
    that cannot be read.
    """
    with staged(file, force=force) as partial, tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / _DATABASE
        copied = _snapshot(project.db, place)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(place, _DATABASE)
            uploads = sorted(one for one in project.uploads.iterdir() if one.is_file())
            for one in uploads:
                archive.write(one, f"images/{one.name}", zipfile.ZIP_STORED)
    return Counts(copied, len(uploads))


def restore(
    file: str | os.PathLike[str], folder: str | os.PathLike[str], database: str | None = None
) -> Counts:
    """Make a project in a folder from a backup of this anymask or an older one.

    file: the backup. folder: of the images, made if it is missing; it must not be a project yet. database:
    address of an empty database; by default a SQLite file in the folder. Raises FormatError for a file that
    is no backup, InputError for a folder or database that holds a project already.
    """
    place = Path(folder)
    if (place / INNER / _DATABASE).exists():
        raise InputError(f"folder must not be a project yet, got {folder}. Restore to another folder.")
    with tempfile.TemporaryDirectory() as scratch, _opened(file) as archive:
        names = _checked(archive, file)
        archive.extract(_DATABASE, scratch)
        source = _source(Path(scratch) / _DATABASE, file)
        try:
            (place / INNER / "images").mkdir(parents=True, exist_ok=True)
            for name in names:
                archive.extract(name, place / INNER)
            _set_times(source, place)
            copied = _fill(source, database or place / INNER / _DATABASE)
        except OSError as error:
            raise OutputError(f"folder must be writable, got {folder} ({error.strerror}).") from error
        finally:
            source.close()
    return Counts(copied, len(names))


def _opened(file: str | os.PathLike[str]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise FormatError(f"file must be a backup, got {os.fspath(file)} ({error}). {_OFFER}") from error


def _checked(archive: zipfile.ZipFile, file: str | os.PathLike[str]) -> list[str]:
    """The names of the uploads in a backup. Raises FormatError for damage, and for any other name."""
    names = [name for name in archive.namelist() if name != _DATABASE]
    strange = next((name for name in names if not _UPLOAD.fullmatch(name)), None)
    if strange is not None or _DATABASE not in archive.namelist():
        what = f"'{strange}' in it" if strange else f"none with {_DATABASE}"
        raise FormatError(f"file must be a backup, got {os.fspath(file)}, {what}. {_OFFER}")
    damaged = archive.testzip()
    if damaged is not None:
        raise FormatError(f"file must be complete, got damage in {damaged}. Take another backup.")
    return names


def _source(place: Path, file: str | os.PathLike[str]) -> Database:
    """The database of a backup, migrated to this version."""
    try:
        with sqlite3.connect(place) as connection:
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise FormatError(f"file must be a backup, got {os.fspath(file)} ({error}). {_OFFER}") from error
    return open_database(place)


def _snapshot(db: Database, place: Path) -> int:
    """Copy all rows of a database to a new SQLite file, as they are at one moment."""
    target = open_database(place)
    try:
        with db.reading() as source:
            if db.file is None:
                source.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            else:
                source.exec_driver_sql("BEGIN")
            copied = _copy(source, target)
            source.rollback()
    finally:
        target.close()
    return copied


def _set_times(source: Database, folder: Path) -> None:
    """Give uploads the times that the database knows, so that they do not count as replaced."""
    query = select(images.c.path, images.c.modified).where(images.c.path.startswith(f"{INNER}/"))
    with source.reading() as connection:
        for path, modified in connection.execute(query):
            if (folder / path).is_file():
                os.utime(folder / path, ns=(modified, modified))


def _fill(source: Database, address: str | Path) -> int:
    """Copy all rows to a database without a project."""
    target = open_database(address)
    try:
        with target.reading() as connection:
            there = connection.execute(select(func.count()).select_from(images)).scalar_one()
        if there:
            raise InputError("database must be empty, got one with images. Create a new one.")
        with source.reading() as connection:
            return _copy(connection, target)
    finally:
        target.close()


def _copy(source: Connection, target: Database) -> int:
    """Copy every table; returns the number of revisions."""
    with target.writing() as connection:
        for table in METADATA.sorted_tables:
            rows = source.execute(select(table).execution_options(yield_per=STEP))
            for part in rows.mappings().partitions(STEP):
                connection.execute(insert(table), [dict(row) for row in part])
        return int(connection.execute(select(func.count()).select_from(revisions)).scalar_one())
