"""Errors in the files of data sets name the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anymask.errors import FormatError

__all__ = ["named_file"]

_NOT_AS_DISTRIBUTED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
)
"""What reading raises where a file lacks something or holds something else."""


@contextmanager
def named_file(path: Path) -> Iterator[None]:
    """Turn what reading a file raises into a FormatError with its path; FormatErrors that have it stay."""
    try:
        yield
    except FormatError as error:
        if path.name in str(error):
            raise
        raise FormatError(f"{path}: {error}") from None
    except _NOT_AS_DISTRIBUTED as error:
        told = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise FormatError(
            f"{path} must be as the data set is distributed, got another ({told}). Get it again."
        ) from error
