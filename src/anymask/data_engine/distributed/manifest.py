"""The manifest of a run: one line of JSON for each image, with its id, path, content hash and bytes.

It is written once, before the first image is processed. Rows are numbered from 0; a shard is a fixed range of
them. A manifest in memory holds where each shard begins in the file, not the rows.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from anymask.errors import ImageError, InputError, OutputError
from anymask.files import open_regular

__all__ = ["MANIFEST", "Manifest", "Row", "hashed", "rows_per_shard", "write_rows"]

MANIFEST = "manifest.jsonl"
"""The name of the file."""
READERS = 8
"""Images that are read at once to hash them."""
MOST_SHARDS, MOST_ROWS = 64, 512
"""Shards that a small run is divided into, and images in a shard of a large one."""


@dataclass(frozen=True)
class Row:
    """An image to process."""

    id: str
    """The name of its files in the data set."""
    path: str
    """Relative to the source, or absolute, or an address."""
    sha256: str
    """Of the file's content."""
    size: int
    """Bytes of the file."""

    def to_line(self) -> bytes:
        """The row as a line of JSON."""
        found = {"id": self.id, "path": self.path, "sha256": self.sha256, "bytes": self.size}
        return json.dumps(found).encode() + b"\n"


def rows_per_shard(images: int) -> int:
    """How many images a shard has unless it is said: it depends on their number alone."""
    return min(MOST_ROWS, max(1, -(-images // MOST_SHARDS)))


def hashed(named: Iterable[tuple[str, str, int]], read: Callable[[str], Iterable[bytes]]) -> Iterator[Row]:
    """Rows from (id, path, bytes), in their order; a few images are read ahead.

    read: gives the content of a path in parts. Where it raises ImageError the row has an empty hash: the
    image is tried again when its shard is made. Other errors pass.
    """
    with ThreadPoolExecutor(READERS) as pool:
        given = iter(named)
        ahead: deque[tuple[tuple[str, str, int], Future[str]]] = deque()
        while True:
            ahead += [
                (one, pool.submit(_hash, read, one[1])) for one in islice(given, 4 * READERS - len(ahead))
            ]
            if not ahead:
                return
            (id, path, size), future = ahead.popleft()
            yield Row(id, path, future.result(), size)


def _hash(read: Callable[[str], Iterable[bytes]], path: str) -> str:
    digest = hashlib.sha256()
    try:
        for part in read(path):
            digest.update(part)
    except ImageError:
        return ""
    return digest.hexdigest()


def write_rows(file: BinaryIO, rows: Iterable[Row]) -> int:
    """Write a manifest; returns the number of rows."""
    count = 0
    for row in rows:
        file.write(row.to_line())
        count += 1
    return count


class Manifest:
    """A manifest on this machine, opened for reading by shards."""

    def __init__(self, path: Path, per_shard: int | None = None) -> None:
        """Index the file in one pass.

        per_shard: images in a shard; by default `rows_per_shard`. Raises InputError for a file without rows
        or that ends in the middle of one.
        """
        self.path = path
        every = 1 if per_shard is None else per_shard
        starts, self.rows = _starts(path, every)
        self.per_shard = rows_per_shard(self.rows) if per_shard is None else per_shard
        self._starts = starts[:: self.per_shard // every]

    def __len__(self) -> int:
        """Number of shards."""
        return len(self._starts)

    def span(self, shard: int) -> tuple[int, int]:
        """The rows of a shard, half-open."""
        return shard * self.per_shard, min(self.rows, (shard + 1) * self.per_shard)

    def read(self, shard: int) -> tuple[Row, ...]:
        """The rows of a shard. Raises InputError for a damaged line, OutputError for a file that is gone."""
        first, last = self.span(shard)
        try:
            with open_regular(self.path) as file:
                file.seek(self._starts[shard])
                return tuple(_parse(file.readline(), self.path) for _ in range(first, last))
        except OSError as error:
            raise OutputError(
                f"output must hold the run's manifest, got {self.path} ({error.strerror}). Mount or "
                "restore it and run the same command again."
            ) from error


def _starts(path: Path, every: int) -> tuple[Sequence[int], int]:
    """Where every `every`-th line begins, and the number of lines."""
    from array import array

    starts, place, count, last = array("q"), 0, 0, b"\n"
    with open_regular(path) as file:
        for line in file:
            if count % every == 0:
                starts.append(place)
            place, count, last = place + len(line), count + 1, line[-1:]
    if not count or last != b"\n":
        raise InputError(
            f"manifest must hold a row for each image, got {path}, {'cut off' if count else 'empty'}. "
            "Make it anew with --force."
        )
    return starts, count


def _parse(line: bytes, path: Path) -> Row:
    try:
        found = json.loads(line)
        row = Row(str(found["id"]), str(found["path"]), str(found["sha256"]), int(found["bytes"]))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(
            f"manifest must hold id, path, sha256 and bytes on each line, got {line[:80]!r} in {path} "
            f"({type(error).__name__}). Make it anew with --force."
        ) from None
    if "/" in row.id or row.id in ("", ".", ".."):
        raise InputError(f"id must be a file name, got {row.id!r} in {path}. Make it anew with --force.")
    return row
