"""Opening the projects of commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anymask.errors import InputError, MissingExtraError
from anymask.files.folders import INNER

if TYPE_CHECKING:
    from anymask.data_engine.project import Project
    from anymask.images.bands import Bands

__all__ = ["existing_project", "is_project", "with_app"]


def is_project(folder: str) -> bool:
    """Whether a folder is a project of `anymask serve`."""
    return Path(folder, INNER).is_dir()


@contextmanager
def with_app(command: str) -> Iterator[None]:
    """Name the extra `app` where a package of it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sqlalchemy", "alembic"):
            raise
        raise MissingExtraError(f"anymask {command}", "app") from error


@contextmanager
def existing_project(
    folder: str, database: str | None, command: str, *, scan: bool = False, bands: Bands | None = None
) -> Iterator[Project]:
    """A project that is there already, closed at the end: any other folder would become one.

    folder: what the user gave.
    database: the address of its database; None for that of the environment, else the one in the folder.
    command: its name, for what is missing.
    scan: whether new images are looked for.
    bands: how images other than 8-bit RGB are shown.

    Raises InputError for a folder that is no project, and MissingExtraError.
    """
    with with_app(command):
        from anymask.data_engine.project import open_project
        from anymask.data_engine.project.database import VARIABLE
        from anymask.data_engine.project.project import scan as update
    if not is_project(folder):
        raise InputError(
            f"PROJECT must be the folder of a project, got {folder}. Make one with: anymask serve {folder}"
        )
    project = open_project(folder, database or os.environ.get(VARIABLE) or None, bands=bands)
    try:
        if scan:
            for _ in update(project):
                pass
        yield project
    finally:
        project.close()
