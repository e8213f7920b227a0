"""Atomic writes of files and folders."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anymask.errors import OutputError

__all__ = ["check_folder", "check_target", "make_folder", "remove_partial", "staged", "write_atomic"]

_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors that occur only when writing."""


def check_target(path: str | os.PathLike[str], *, force: bool = False) -> Path:
    """Return `path` if a file can be written there, else raise OutputError; call it before any work."""
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"output must be a file, got the folder {target}. Add a file name.")
    if not target.parent.is_dir():
        raise OutputError(
            f"output must lie in a folder that exists, got {target}. Make the folder {target.parent} first."
        )
    if target.exists() and not force:
        raise OutputError(f"output must be a new file, got {target}, which exists. Add --force to replace.")
    return target


def write_atomic(path: str | os.PathLike[str], data: bytes, *, force: bool = False) -> Path:
    """Write `data` to a temporary file beside `path` and rename it, so that no partial file is visible.

    Returns the path. Raises OutputError if the folder is missing or not writable, or if the file exists and
    `force` is false.
    """
    target = check_target(path, force=force)
    partial = ""
    try:
        with _writing(target):
            descriptor, partial = tempfile.mkstemp(
                dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part"
            )
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            os.chmod(partial, _mode(target))
            os.replace(partial, target)
    finally:
        if partial and os.path.exists(partial):
            os.unlink(partial)
    return target


def make_folder(place: Path) -> None:
    """Make a folder of output unless it is there. Raises OutputError where that is not possible."""
    if place.exists() and not place.is_dir():
        raise OutputError(f"output must be a folder, got the file {place}. Choose another name.")
    if not place.parent.is_dir():
        raise OutputError(
            f"output must lie in a folder that exists, got {place}. Make the folder {place.parent} first."
        )
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"output must be writable, got {place} ({error.strerror}). Choose another place."
        ) from error


def check_folder(
    path: str | os.PathLike[str], may_replace: Callable[[str], object], *, force: bool = False
) -> Path:
    """Return `path` if a folder can be written there: a new or an empty one, or with `force` one to replace.

    may_replace: whether a file of this name may be replaced; a folder with any other file is kept.
    Raises OutputError.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise OutputError(
            f"output must lie in a folder that exists, got {target}. Make the folder {target.parent} first."
        )
    if not target.exists():
        return target
    if not target.is_dir():
        raise OutputError(f"output must be a folder, got the file {target}. Choose another name.")
    names = [entry.name for entry in target.rglob("*") if not entry.is_dir()]
    if names and not force:
        raise OutputError(f"output must be a new folder, got {target}, which holds files. Add --force.")
    if not all(may_replace(name) for name in names):
        raise OutputError(
            f"output must be a folder of such files only, got {target}, which holds others. "
            "Choose another folder."
        )
    return target


@contextmanager
def staged(
    path: str | os.PathLike[str], *, force: bool = False, may_replace: Callable[[str], object] | None = None
) -> Iterator[Path]:
    """A temporary path for a file, or with `may_replace` for a folder, that is renamed to `path` on success.

    Raises OutputError as `check_target` and `check_folder` do, and when writing fails; other exceptions of
    the body pass unchanged.
    """
    target = (
        check_target(path, force=force)
        if may_replace is None
        else check_folder(path, may_replace, force=force)
    )
    with _writing(target):
        folder = tempfile.TemporaryDirectory(
            dir=target.parent, prefix=f".{target.name[:40]}.", suffix=".part"
        )
    with folder:
        new = Path(folder.name, target.name)
        old = new.with_name("old" if target.name != "old" else "replaced")
        try:
            yield new
        except OSError as error:
            if error.errno in _WRITE_ERRORS or _is_inside(error, folder.name):
                raise _unwritable(target, error) from error
            raise
        with _writing(target):
            if new.is_file():
                os.chmod(new, _mode(target))
            elif target.exists():
                target.rename(old)
            os.replace(new, target)


def remove_partial(folder: Path) -> None:
    """Remove what killed calls of `write_atomic` and `staged` left in a folder and its subfolders.

    Nobody else may be writing there.
    """
    for left in list(folder.rglob(".*.part")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn OSError into OutputError."""
    try:
        yield
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"output must be writable, got {target} ({error.strerror}). Choose another place or make room."
    )


def _is_inside(error: OSError, folder: str) -> bool:
    """Whether the error is about a file in the folder."""
    names = (
        name for name in (error.filename, error.filename2) if isinstance(name, (str, bytes, os.PathLike))
    )
    return any(os.fsdecode(name).startswith(folder) for name in names)


def _mode(target: Path) -> int:
    """Permissions for a new file: those of the file it replaces, else the process's default."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
