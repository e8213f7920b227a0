"""Reading of regular files and of safetensors, within the budget."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from anymask.errors import FormatError
from anymask.files import budget

__all__ = ["complete", "open_regular", "read_regular", "read_tensors", "sha256_of"]

CHUNK = 1 << 20
"""Number of bytes read at once."""


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
