"""A disk cache with a size limit, for embeddings and thumbnails."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from anymask.errors import OutputError
from anymask.files import write_atomic

__all__ = ["DiskCache"]

MEMORY = 64 << 20
"""Bytes that are also kept in memory."""


class DiskCache:
    """Bytes by name, made on demand; the least recently used files are removed. Thread-safe."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        """folder: created if needed. most_bytes: size limit of all files."""
        self.folder = folder
        self.most_bytes = most_bytes
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._sizes: OrderedDict[str, int] | None = None
        self._held: OrderedDict[str, bytes] = OrderedDict()

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The bytes cached under a name, a relative path; if there are none, those of `make`, called once."""
        found = self.peek(name)
        if found is not None:
            return found
        with self._lock:
            making = self._making.setdefault(name, threading.Lock())
        with making:
            try:
                found = self.peek(name)
                return found if found is not None else self._keep(name, make())
            finally:
                self._making.pop(name, None)

    def file(self, name: str, make: Callable[[], bytes]) -> Path | bytes:
        """The file of a name, made if there is none and not held in memory; its bytes if the disk is full."""
        place = self.folder / name
        try:
            os.utime(place)
            return place
        except OSError:
            data = make()
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(place, data, force=True)
        except (OSError, OutputError):
            return data
        self._shrink(name, len(data))
        return place

    def peek(self, name: str) -> bytes | None:
        """The bytes cached under a name, or None."""
        with self._lock:
            if name in self._held:
                self._held.move_to_end(name)
                return self._held[name]
        try:
            data = (self.folder / name).read_bytes()
            os.utime(self.folder / name)
        except OSError:
            return None
        self._hold(name, data)
        return data

    def _keep(self, name: str, data: bytes) -> bytes:
        """Write a file if possible; on a full disk the bytes are returned uncached."""
        file = self.folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, data, force=True)
        except (OSError, OutputError):
            return data
        self._hold(name, data)
        self._shrink(name, len(data))
        return data

    def _hold(self, name: str, data: bytes) -> None:
        with self._lock:
            self._held[name] = data
            self._held.move_to_end(name)
            while sum(map(len, self._held.values())) > MEMORY:
                self._held.popitem(last=False)

    def _shrink(self, name: str, size: int) -> None:
        """Remove the least recently used files while the size exceeds the limit."""
        with self._lock:
            if self._sizes is None:
                self._sizes = self._found()
            self._sizes[name] = size
            self._sizes.move_to_end(name)
            while sum(self._sizes.values()) > self.most_bytes and len(self._sizes) > 1:
                oldest, _ = self._sizes.popitem(last=False)
                (self.folder / oldest).unlink(missing_ok=True)

    def _found(self) -> OrderedDict[str, int]:
        """The files of earlier servers, least recently used first."""
        files = [(file, file.stat()) for file in self.folder.rglob("*") if file.is_file()]
        files.sort(key=lambda one: one[1].st_mtime_ns)
        return OrderedDict((str(file.relative_to(self.folder)), state.st_size) for file, state in files)
