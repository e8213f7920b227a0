"""Writing files so that they are whole or not there, and where our own files go."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anymask.errors import FormatError, OutputError

__all__ = [
    "cache_dir",
    "check_folder",
    "check_target",
    "data_dir",
    "locked",
    "read_tensors",
    "sha256_of",
    "staged",
    "write_atomic",
]


CHUNK = 1 << 20
"""Bytes of a file that are read at once."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors that only writing meets."""


def sha256_of(file: Path) -> str:
    """The hash of a file, 64 hexadecimal digits, read in parts. Raises OSError."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()


def cache_dir() -> Path:
    """The folder of what can be made or fetched again: `ANYMASK_CACHE`, or the system's place for caches."""
    return _place("ANYMASK_CACHE", "XDG_CACHE_HOME", ".cache", "LOCALAPPDATA", "AppData/Local", "Caches")


def data_dir() -> Path:
    """The folder of projects of ours: `ANYMASK_DATA`, or the system's place for data."""
    return _place(
        "ANYMASK_DATA", "XDG_DATA_HOME", ".local/share", "APPDATA", "AppData/Roaming", "Application Support"
    )


def _place(ours: str, xdg: str, unix: str, windows: str, profile: str, library: str) -> Path:
    """A folder by our variable, or by the system's custom."""
    given = os.environ.get(ours)
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
    """Return `path` if a file can be written there; raise OutputError if not, before any work is done."""
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
    """Write `data` to `path` by way of a file beside it, so that nobody sees half of it; return the path.

    Raises OutputError where the folder is missing or not writable, or the file exists and `force` is false.
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
    framework: str = "numpy",
) -> tuple[dict[str, Any], dict[str, str]]:
    """All arrays, or tensors of the `framework` "pt", and notes of a file whose note "format" is `form`.

    Raises FormatError for another file, in words of `what` it should be, who is the `writer` and an `advice`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework=framework) as file:
            meta = file.metadata() or {}
            if meta.get("format") != form:
                raise FormatError(f"{what} must be a file that {writer} wrote, got {path}. {advice}")
            return {name: file.get_tensor(name) for name in file.keys()}, meta  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise FormatError(f"{what} must be a whole safetensors file, got {path}. {advice}") from error


def check_folder(path: str | os.PathLike[str], ours: Callable[[str], object], *, force: bool = False) -> Path:
    """Return `path` if a folder can be written there: a new one, an empty one, or with `force` one of ours.

    ours: whether we would write a file of such a name; a folder with any other file is never replaced. Raises
    OutputError.
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
    if not all(ours(name) for name in names):
        raise OutputError(
            f"output must be a folder of such files only, got {target}, which holds others. Choose another."
        )
    return target


@contextmanager
def staged(
    path: str | os.PathLike[str], *, force: bool = False, ours: Callable[[str], object] | None = None
) -> Iterator[Path]:
    """A place to write a file to, or with `ours` a folder, that takes the name `path` if all goes well.

    Raises OutputError as `check_target` and `check_folder` do, and where writing there fails; what else goes
    wrong meanwhile is raised as it is.
    """
    target = check_target(path, force=force) if ours is None else check_folder(path, ours, force=force)
    with _writing(target):
        folder = tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name[:40]}.")
    with folder:
        new, old = Path(folder.name, "new"), Path(folder.name, "old")
        try:
            yield new
        except OSError as error:
            if error.errno in _NO_ROOM or _is_inside(error, folder.name):
                raise _unwritable(target, error) from error
            raise
        with _writing(target):
            if new.is_file():
                os.chmod(new, _mode(target))
            elif target.exists():
                target.rename(old)
            os.replace(new, target)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn the system's complaints into OutputError."""
    try:
        yield
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"output must be writable, got {target} ({error.strerror}). Choose another place or make room."
    )


def _is_inside(error: OSError, folder: str) -> bool:
    """Whether it is about something in a folder."""
    names = (
        name for name in (error.filename, error.filename2) if isinstance(name, (str, bytes, os.PathLike))
    )
    return any(os.fsdecode(name).startswith(folder) for name in names)


@contextmanager
def locked(path: str | os.PathLike[str], *, wait: bool = True) -> Iterator[bool]:
    """Keep other processes out while a file (made if need be) or a folder is ours; the lock ends with us.

    Gives True, or without `wait` False where another has it. Also True where the system or the disk has no
    locks.
    """
    if sys.platform == "win32":
        yield True
        return
    import fcntl

    descriptor = os.open(path, os.O_RDONLY if os.path.isdir(path) else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            ours = True
        except BlockingIOError:
            ours = False
        except OSError:
            ours = True
        yield ours
    finally:
        os.close(descriptor)


def _mode(target: Path) -> int:
    """Permissions for a new file: those of the file it replaces, or what the process would give one."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
