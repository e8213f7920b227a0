"""Atomic writes, file locks, and the folders of anymask's cache and data."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from anymask import budget
from anymask.errors import FormatError, OutputError

__all__ = [
    "cache_dir",
    "check_folder",
    "check_target",
    "complete",
    "data_dir",
    "locked",
    "open_regular",
    "read_regular",
    "read_tensors",
    "remove_partial",
    "sha256_of",
    "staged",
    "write_atomic",
]


CHUNK = 1 << 20
"""Number of bytes read at once."""
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors that occur only when writing."""


def sha256_of(file: Path) -> str:
    """The hash of a file, 64 hexadecimal digits; the file is read in chunks. Raises OSError."""
    digest = hashlib.sha256()
    with open_regular(file) as stream:
        while part := stream.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading. Raises OSError for anything else, also for pipes and devices.

    Pipes would be waited for, and devices have no end.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
            raise OSError(kind, os.strerror(kind) if stat.S_ISDIR(mode) else "not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: str | os.PathLike[str], what: str = "file") -> bytes:
    """The content of a regular file. Raises OSError as `open_regular`, FormatError beyond the budget."""
    with open_regular(path) as file:
        budget.check(what, "bytes", os.fstat(file.fileno()).st_size)
        return file.read(budget.most("bytes") + 1)


def cache_dir() -> Path:
    """The folder of files that can be rebuilt or downloaded again: `ANYMASK_CACHE`, or the system's cache."""
    return _folder("ANYMASK_CACHE", "XDG_CACHE_HOME", ".cache", "LOCALAPPDATA", "AppData/Local", "Caches")


def data_dir() -> Path:
    """The folder of anymask's projects: `ANYMASK_DATA`, or the system's folder for user data."""
    return _folder(
        "ANYMASK_DATA", "XDG_DATA_HOME", ".local/share", "APPDATA", "AppData/Roaming", "Application Support"
    )


def _folder(variable: str, xdg: str, unix: str, windows: str, profile: str, library: str) -> Path:
    """The folder that an environment variable names, else the system's usual one.

    variable: anymask's own environment variable.
    xdg: the XDG variable, on Linux and other Unix systems.
    unix: the folder in the home directory where `xdg` is not set.
    windows: the environment variable on Windows.
    profile: the folder in the home directory where `windows` is not set.
    library: the folder in `~/Library` on macOS.
    """
    given = os.environ.get(variable)
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = os.environ.get(windows) or Path.home() / profile
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / library
    else:
        base = os.environ.get(xdg) or Path.home() / unix
    return Path(base) / "anymask"


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


def read_tensors(
    path: str | os.PathLike[str],
    form: str,
    *,
    what: str,
    writer: str,
    advice: str,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read all arrays and the metadata of a safetensors file. Raises FormatError for any other file.

    path: the file.
    form: the expected value of "format" in the metadata.
    what: the kind of file, for error messages ("embedding").
    writer: the function that writes such files, for error messages.
    advice: what to do, for error messages.
    """
    from safetensors import SafetensorError, safe_open

    try:
        open_regular(path).close()
        with safe_open(path, framework="numpy") as file:
            meta = file.metadata() or {}
            if meta.get("format") != form:
                raise FormatError(f"{what} must be a file that {writer} wrote, got {path}. {advice}")
            return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{what} must be a whole safetensors file, got {path}. {advice}") from error


@contextmanager
def complete(path: str | os.PathLike[str], what: str, advice: str) -> Iterator[None]:
    """Turn what is raised for missing or wrong values of a file into FormatError.

    path: the file. what: the kind of file ("context"). advice: what to do.
    """
    try:
        yield
    except FormatError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError) as error:
        reason = " ".join(f"{error!r}".split())[:160]
        raise FormatError(f"{what} must be a complete file, got {path} ({reason}). {advice}") from error


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


@contextmanager
def locked(path: str | os.PathLike[str], *, wait: bool = True) -> Iterator[bool]:
    """Lock a file (created if missing) or a folder against other processes; released on exit.

    Yields True, or with `wait=False` False if another process holds the lock. Where the system or the disk
    does not support locks, nothing is locked and True is yielded.
    """
    if sys.platform == "win32":
        yield True
        return
    import fcntl

    descriptor = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            free = True
        except BlockingIOError:
            free = False
        except OSError:
            free = True
        yield free
    finally:
        os.close(descriptor)


def _mode(target: Path) -> int:
    """Permissions for a new file: those of the file it replaces, else the process's default."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
