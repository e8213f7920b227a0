"""Places that files are read from and written to: folders of this machine, and addresses of fsspec.

Paths in a place are relative, with `/`. An address has `://`: `s3://bucket/folder` needs the extra `remote`.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import unquote

from anymask.errors import InputError, MissingExtraError, OutputError
from anymask.files import budget
from anymask.files.reading import CHUNK, open_regular, read_regular

__all__ = ["Place", "is_address", "open_place"]


class Place(Protocol):
    """A folder that files are read from and written to; it can be pickled."""

    address: str
    """Where it is: an absolute path, or an address."""

    def sizes(self, folder: str = "") -> dict[str, int]:
        """The files directly in a folder of the place, by name, with their bytes; none if it is missing."""

    def walk(self) -> Iterator[tuple[str, int]]:
        """Path and bytes of all files of the place and its subfolders, sorted, without hidden ones."""

    def is_there(self, folder: str = "") -> bool:
        """Whether a folder of the place can be reached and holds anything."""

    def read(self, path: str) -> bytes:
        """The content of a file. Raises OSError, and FormatError beyond the budget."""

    def chunks(self, path: str) -> Iterator[bytes]:
        """The content of a file of any size, part by part. Raises OSError."""

    def writing(self, path: str) -> AbstractContextManager[Path]:
        """A context with a local file to write, which is put in its place as a whole at the end.

        An existing file is replaced. Raises OutputError where that fails; an exception of the body leaves
        the place as it was.
        """

    def put_new(self, path: str, data: bytes) -> bool:
        """Write a file unless there is one; whether it was written. Raises OutputError."""

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it; nothing happens if there is none."""


def is_address(text: str | os.PathLike[str]) -> bool:
    """Whether a name is an address of fsspec (`s3://...`), not a path."""
    return "://" in os.fspath(text)


def open_place(name: str | os.PathLike[str]) -> Place:
    """The place of a folder or an address; it need not exist. Raises InputError and MissingExtraError."""
    text = os.fspath(name)
    if text.startswith("file://"):
        return _Folder(os.path.abspath(unquote(text.removeprefix("file://"))))
    return _Remote(text) if is_address(text) else _Folder(os.path.abspath(text))


def _unwritable(address: str, error: Exception) -> OutputError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
    return OutputError(
        f"output must be writable, got {address} ({reason}). Choose another place or make room."
    )


def _hidden(path: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(path).parts)


class _Folder:
    """A folder of this machine."""

    def __init__(self, address: str) -> None:
        self.address = address

    def sizes(self, folder: str = "") -> dict[str, int]:
        """See Place."""
        try:
            with os.scandir(os.path.join(self.address, folder)) as entries:
                return {one.name: one.stat().st_size for one in entries if one.is_file()}
        except FileNotFoundError:
            return {}

    def walk(self) -> Iterator[tuple[str, int]]:
        """See Place."""
        found = []
        for place, folders, names in os.walk(self.address):
            folders[:] = [name for name in folders if not name.startswith(".")]
            start = Path(place).relative_to(self.address)
            found += [(start / name).as_posix() for name in names if not name.startswith(".")]
        for path in sorted(found, key=lambda one: one.split("/")):
            file = Path(self.address, path)
            if file.is_file():
                yield path, file.stat().st_size

    def is_there(self, folder: str = "") -> bool:
        """See Place."""
        try:
            with os.scandir(os.path.join(self.address, folder)) as entries:
                return next(entries, None) is not None
        except OSError:
            return False

    def read(self, path: str) -> bytes:
        """See Place."""
        return read_regular(os.path.join(self.address, path), path)

    def chunks(self, path: str) -> Iterator[bytes]:
        """See Place."""
        with open_regular(os.path.join(self.address, path)) as file:
            while part := file.read(CHUNK):
                yield part

    @contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """See Place: the file is flushed to the disk before it gets its name."""
        target = Path(self.address, path)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            try:
                target.parent.mkdir(exist_ok=True)
                yield part
                _flush(part)
                os.replace(part, target)
                _flush(target.parent)
            except OSError as error:
                raise _unwritable(str(target), error) from error
        finally:
            part.unlink(missing_ok=True)

    def put_new(self, path: str, data: bytes) -> bool:
        """See Place: by a hard link, which only one of several writers can make."""
        target = Path(self.address, path)
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            target.parent.mkdir(exist_ok=True)
            part.write_bytes(data)
            _flush(part)
            os.link(part, target)
            _flush(target.parent)
        except FileExistsError:
            return False
        except OSError as error:
            raise _unwritable(str(target), error) from error
        finally:
            part.unlink(missing_ok=True)
        return True

    def remove(self, path: str) -> None:
        """See Place."""
        import shutil

        target = Path(self.address, path)
        if target.is_dir():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Write what the system holds of a file or folder to the disk."""
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with_parents(system: Any, path: str, write: Callable[[str], object]) -> None:
    """Write a file; where the system has folders and that of the file is missing, make it first."""
    try:
        write(path)
    except FileNotFoundError:
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        write(path)


class _Remote:
    """An address of fsspec; an object store shows an object only when it is complete."""

    def __init__(self, address: str) -> None:
        """Check that the address can be opened. Raises InputError and MissingExtraError."""
        self.address = address.rstrip("/")
        self._open()

    def _open(self) -> tuple[Any, str]:
        """The file system and the path in it; fsspec keeps one file system for all calls of a process."""
        try:
            import fsspec
        except ImportError as error:
            raise MissingExtraError(f"the address {self.address}", "remote") from error
        try:
            system, root = fsspec.core.url_to_fs(self.address)
        except ImportError as error:
            raise MissingExtraError(f"the address {self.address}", "remote") from error
        except ValueError as error:
            raise InputError(
                f"address must be one that fsspec knows, got {self.address} ({error}). Write s3://bucket/folder."
            ) from error
        return system, str(root).rstrip("/")

    def sizes(self, folder: str = "") -> dict[str, int]:
        """See Place."""
        system, root = self._open()
        system.invalidate_cache()
        try:
            entries = system.ls(f"{root}/{folder}".rstrip("/"), detail=True)
        except FileNotFoundError:
            return {}
        files = [one for one in entries if one["type"] == "file"]
        return {one["name"].rpartition("/")[2]: int(one["size"]) for one in files}

    def walk(self) -> Iterator[tuple[str, int]]:
        """See Place."""
        system, root = self._open()
        system.invalidate_cache()
        found = system.find(root, detail=True)
        start = len(root) + 1 if root else 0
        paths = {name[start:] if root else name.lstrip("/"): one for name, one in found.items()}
        for path in sorted(paths, key=lambda one: one.split("/")):
            if path and not _hidden(path):
                yield path, int(paths[path]["size"])

    def is_there(self, folder: str = "") -> bool:
        """See Place."""
        system, root = self._open()
        try:
            return bool(system.ls(f"{root}/{folder}".rstrip("/"), detail=False, refresh=True))
        except Exception:  # what a lost connection raises depends on the store
            return False

    def read(self, path: str) -> bytes:
        """See Place."""
        system, root = self._open()
        budget.check(path, "bytes", int(system.size(f"{root}/{path}") or 0))
        return bytes(system.cat_file(f"{root}/{path}"))

    def chunks(self, path: str) -> Iterator[bytes]:
        """See Place."""
        system, root = self._open()
        with system.open(f"{root}/{path}", "rb") as file:
            while part := file.read(CHUNK):
                yield part

    @contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """See Place: a temporary file of this machine, uploaded at the end."""
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder, PurePosixPath(path).name)
            try:
                yield part
                system, root = self._open()
                _with_parents(system, f"{root}/{path}", partial(system.put_file, str(part)))
            except OSError as error:
                raise _unwritable(f"{self.address}/{path}", error) from error

    def put_new(self, path: str, data: bytes) -> bool:
        """See Place: by a conditional write where the store has one."""
        system, root = self._open()
        target = f"{root}/{path}"
        try:
            _with_parents(system, target, lambda one: system.pipe_file(one, data, mode="create"))
        except FileExistsError:
            return False
        except OSError as error:
            raise _unwritable(f"{self.address}/{path}", error) from error
        return True

    def remove(self, path: str) -> None:
        """See Place."""
        system, root = self._open()
        system.invalidate_cache()
        if system.exists(f"{root}/{path}"):
            system.rm(f"{root}/{path}", recursive=True)
