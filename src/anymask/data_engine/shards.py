"""Writing tar shards step by step: finished pairs are kept in a folder until there are enough for a shard.

The same pairs in the same order give byte-identical shards: headers hold no time and no owner.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from anymask.data.shards import TarPairs
from anymask.files import staged

__all__ = ["FORMAT", "Shards", "member"]

FORMAT = tarfile.PAX_FORMAT
"""The kind of tar file."""


class Shards:
    """The shards `masks-000000.tar`, `masks-000001.tar`, ... of a folder."""

    def __init__(self, place: Path, size: int) -> None:
        """Index the existing shards. size: bytes at which a shard is closed; the last pair may exceed it."""
        self._place, self._size = place, size
        self._files = sorted(place.glob("masks-*.tar"))
        self._stored = set(TarPairs("", self._files).ids)
        self._pairs: list[tuple[Path, Path]] = []
        self._bytes = 0
        self.waiting = place / "waiting"
        """The folder of finished pairs that are not in a shard yet."""
        for left in self.waiting.glob("*"):  # left by a stop after a shard was written
            if left.stem in self._stored:
                left.unlink()

    def __contains__(self, id: str) -> bool:
        """Whether a shard holds the pair with this id."""
        return id in self._stored

    def add(self, image: Path, text: Path) -> None:
        """Add a pair that is in the waiting folder; writes a shard if it is full. Raises OutputError."""
        self._pairs.append((image, text))
        self._bytes += image.stat().st_size + text.stat().st_size
        if self._bytes >= self._size:
            self._write()

    def close(self) -> None:
        """Write the waiting pairs as the last shard. Raises OutputError."""
        if self._pairs:
            self._write()
        shutil.rmtree(self.waiting, ignore_errors=True)

    def _write(self) -> None:
        number = int(self._files[-1].stem.removeprefix("masks-")) + 1 if self._files else 0
        target = self._place / f"masks-{number:06d}.tar"
        _write_tar(target, [file for pair in self._pairs for file in pair])
        self._files.append(target)
        for image, text in self._pairs:
            self._stored.add(image.stem)
            image.unlink(missing_ok=True)
            text.unlink(missing_ok=True)
        self._pairs, self._bytes = [], 0


def member(name: str, size: int) -> tarfile.TarInfo:
    """The header of a file in a shard: mode 644; time, owner and group 0. size: in bytes."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header


def _write_tar(target: Path, files: Sequence[Path]) -> None:
    """Write files in the order given; the archive is flushed to the disk before it gets its name."""
    with staged(target) as new, new.open("wb") as stream:
        with tarfile.open(fileobj=stream, mode="w", format=FORMAT) as archive:
            for file in files:
                with file.open("rb") as content:
                    archive.addfile(member(file.name, file.stat().st_size), content)
        stream.flush()
        os.fsync(stream.fileno())
