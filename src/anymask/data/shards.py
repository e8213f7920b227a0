"""Tar shards: pairs of `<id>.jpg` and `<id>.json`, as SA-1B ships them and WebDataset reads them.

Opening a shard reads only its headers; items are then read by their offset in the file. So a data set can be
shared by threads and processes, needs no extra disk space and keeps no file open.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from anymask.data.folders import unpaired
from anymask.data.parse import parse_annotation, parse_record
from anymask.errors import FormatError
from anymask.files import budget, open_regular
from anymask.images.bands import Bands
from anymask.images.folder import IMAGE_SUFFIXES
from anymask.types import Record

_Place = tuple[int, int, int]  # shard, offset, size in bytes


class TarPairs:
    """The items of tar shards, in the order in which they are stored.

    `ids` names them; `faults` lists (name, error) of files that could not be indexed.
    """

    bands: Bands | None = None

    def __init__(self, name: str, shards: Sequence[Path]) -> None:
        """Index the shards. Raises FormatError if a file is not a tar archive."""
        self.name = name
        self.shards = tuple(Path(shard) for shard in shards)
        self.faults: list[tuple[str, Exception]] = []
        self.ids: Sequence[str]
        self.ids, self._places = self._index()

    def _index(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        images: dict[str, _Place] = {}
        texts: dict[str, _Place] = {}
        for number, shard in enumerate(self.shards):
            for member, offset, size in self._members(shard):
                path = PurePosixPath(member)
                place = (number, offset, size)
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    images[str(path.with_suffix(""))] = place
                elif path.suffix.lower() == ".json":
                    texts[str(path.with_suffix(""))] = place
        self.faults += unpaired(images, texts)
        ids = [key for key in images if key in texts]
        places = np.array([(images[key], texts[key]) for key in ids], dtype=np.int64)
        return ids, places.reshape(-1, 2, 3)

    def _members(self, shard: Path) -> Iterator[tuple[str, int, int]]:
        """Name, offset and size of every file in a shard; of a truncated shard those that are complete."""
        try:
            open_regular(shard).close()
            archive = tarfile.open(shard, mode="r:")  # noqa: SIM115
        except (tarfile.TarError, OSError) as error:
            raise FormatError(
                f"path must be an uncompressed tar file, got {shard} ({error}). Unpack it, or write it again."
            ) from None
        with archive:
            try:
                for member in archive:
                    if member.isfile():
                        yield member.name, member.offset_data, member.size
            except (tarfile.TarError, ValueError, OverflowError) as error:  # sizes that no file has
                self.faults.append((str(shard), FormatError(f"shard must be a whole tar file, got {error}.")))

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._read(index, 0)

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError or ImageError."""
        return parse_record(
            self.ids[index], self._read(index, 0), self._read(index, 1), self.name, self.bands
        )

    def annotation(self, index: int) -> Record:
        """An item with the path that its image has in the shard in place of pixels. Raises FormatError."""
        name = self.ids[index]
        return parse_annotation(name, self._read(index, 1), Path(f"{name}.jpg"))

    def _read(self, index: int, part: int) -> bytes:
        number, offset, size = (int(value) for value in self._places[index, part])
        return read_member(self.shards[number], offset, size)

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """(N, 2, 3): shard, offset and bytes of the image and of the annotation of each item."""
        return self._places


def read_member(shard: Path, offset: int, size: int) -> bytes:
    """The bytes of a file in a shard. Raises FormatError for a shorter shard, and beyond the budget."""
    budget.check("item of a shard", "bytes", size)
    handle = os.open(shard, os.O_RDONLY)
    try:
        data = os.pread(handle, size, offset)
    finally:
        os.close(handle)
    if len(data) != size:
        raise FormatError(f"shard must hold {size} bytes at {offset}, got {len(data)}. Copy the file again.")
    return data
