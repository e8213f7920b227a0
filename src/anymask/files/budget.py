"""What one input may take: the one place of all limits that are checked before memory is allocated.

Every limit follows from an amount of memory and from what a unit of each kind takes at most. The command
line sets the amount by `--max-memory`, the server for imports by its settings; `limited` sets it in Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Literal, TypeAlias

from anymask.errors import FormatError, InputError

__all__ = ["COSTS", "DEFAULT_MEMORY", "Kind", "check", "limited", "memory", "most", "parse_memory"]

DEFAULT_MEMORY = 1 << 30
"""Bytes that reading one input may take unless it is said otherwise."""
Kind: TypeAlias = Literal["bytes", "pixels", "map pixels", "values", "corners", "crossings", "entries"]

COSTS: Mapping[Kind, int] = MappingProxyType({
    "bytes": 8,  # of a file that is parsed as a whole: its text takes up to four bytes per letter
    "pixels": 4,  # of an image or mask: RGB and a copy of one channel
    "map pixels": 16,  # of a map of numbers: as int64, and a copy
    "values": 64,  # numbers, texts, lists and objects of JSON, XML or YAML
    "corners": 128,  # of one polygon, and the places where it crosses the columns of pixels
    "crossings": 16,  # of all polygons of one image; they are drawn in portions
    "entries": 64,  # images or annotations of a file, kept packed
})  # fmt: skip
"""Bytes that a unit of each kind takes at most."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


_MEMORY: ContextVar[int] = ContextVar("memory", default=DEFAULT_MEMORY)


@contextmanager
def limited(memory: int) -> Iterator[None]:
    """Allow `memory` bytes for each input that is read inside, in this thread."""
    token = _MEMORY.set(memory)
    try:
        yield
    finally:
        _MEMORY.reset(token)


def memory() -> int:
    """The bytes that are allowed now."""
    return _MEMORY.get()


def most(kind: Kind) -> int:
    """How many units of a kind are allowed now."""
    return memory() // COSTS[kind]


def check(what: str, kind: Kind, amount: int, error: type[InputError] = FormatError) -> None:
    """Raise `error` if `what` has more than the allowed `amount` of a kind; call it before allocating."""
    if amount > most(kind):
        raise error(
            f"{what} must have at most {most(kind)} {kind}, got {amount}. "
            "Split it, or allow more with --max-memory."
        )


def parse_memory(amount: str | int) -> int:
    """Bytes of "4GB", "1.5GiB", "512 MB" or a number. Raises InputError for anything else."""
    if isinstance(amount, int) and not isinstance(amount, bool) and amount > 0:
        return amount
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d+)?)\s*([KMG]I?)?B?\s*", str(amount).upper())
    size = float(match[1]) * _UNITS[match[2] or ""] if match and isinstance(amount, str) else 0.0
    if size < 1:
        raise InputError(
            f"max_memory must be a number of bytes or a text like '4GB' or '512MiB', got {amount!r}. "
            "Write one of these."
        )
    return int(size)
