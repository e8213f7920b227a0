"""SA-1B as it is distributed: shards of about 11,000 pairs, read at random without unpacking, and queries.

`open_dataset("sa1b:FOLDER?QUERY")` opens `FOLDER/sa_000000.tar`, ... An index of each shard is stored in
`FOLDER/.index`, so that its headers are read once. A query is made of parts joined by `&`:

| part | meaning |
|---|---|
| shards=0-9 | only these shards; also a single number |
| images=1000 | so many images, drawn at random |
| seed=0 | of the draw |
| min_score=0.9 | only masks with this predicted IoU |
| min_stability=0.95 | only masks with this stability |
| min_area=100 | only masks of so many pixels |
| max_cover=0.9 | only masks that cover at most this share of the image |
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from anymask.data.folders import FilePairs
from anymask.data.parse import parse_annotation, parse_record
from anymask.data.shards import TarPairs, read_member
from anymask.errors import FormatError, InputError, OutputError, unknown_name
from anymask.files import staged
from anymask.images.bands import Bands
from anymask.types import Record

__all__ = ["PREFIX", "Query", "Sa1b", "index_shard", "is_sa1b", "open_sa1b", "parse_query"]

PREFIX = "sa1b:"
INDEX = ".index"
"""The folder of the indexes."""
_VERSION = 1
_SHARD = re.compile(r"sa_(\d{6})\.tar")


@dataclass(frozen=True)
class Query:
    """Which images and masks of SA-1B to take; None takes all."""

    shards: tuple[int, int] | None = None
    """The first and the last number."""
    images: int | None = None
    seed: int = 0
    min_score: float | None = None
    min_stability: float | None = None
    min_area: float | None = None
    max_cover: float | None = None

    def keeps(self, record: Record) -> npt.NDArray[np.bool_]:
        """(N,) which masks of a record are taken."""
        masks = record.masks
        keep = np.ones(len(masks), np.bool_)
        if self.min_score is not None:
            keep &= masks.scores >= self.min_score
        if self.min_stability is not None and masks.stability is not None:
            keep &= masks.stability >= self.min_stability
        if self.min_area is not None:
            keep &= masks.areas >= self.min_area
        if self.max_cover is not None:
            keep &= masks.areas <= self.max_cover * masks.size[0] * masks.size[1]
        return keep


def is_sa1b(path: object) -> bool:
    """Whether a path of a data set is one of SA-1B."""
    return str(path).startswith(PREFIX)


def parse_query(text: str) -> Query:
    """The query in `shards=0-9&min_score=0.9`. Raises UnknownNameError and InputError."""
    known = {one.name for one in fields(Query)}
    values: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in known:
            raise unknown_name("part of a query", name, known)
        values[name] = _value(name, value)
    return Query(**values)


def _value(name: str, text: str) -> object:
    try:
        if name == "shards":
            first, _, last = text.partition("-")
            return int(first), int(last or first)
        number = float(text)
        if name in ("images", "seed"):
            number = int(text)
        if number < 0 or (name == "images" and number < 1):
            raise ValueError
    except ValueError:
        raise InputError(
            f"{name} must be {'FIRST-LAST' if name == 'shards' else 'a number'}, got '{text}'. "
            "See docs/training.md."
        ) from None
    return number


def open_sa1b(path: str) -> Sa1b | FilePairs:
    """The source of "sa1b:FOLDER?QUERY"; a folder of unpacked pairs is opened as such, without a query.

    Raises FormatError for a folder that holds neither.
    """
    folder, _, text = path.removeprefix(PREFIX).partition("?")
    place, query = Path(folder), parse_query(text)
    shards = shards_of(place)
    if query.shards is not None:
        first, last = query.shards
        shards = [shard for shard in shards if first <= _number(shard) <= last]
    if shards:
        return Sa1b(shards, query)
    if text == "" and any(place.glob("sa_*.json")):
        return FilePairs("sa1b", place)
    raise FormatError(
        f"path must be a folder with SA-1B's shards sa_000000.tar, ..., got {folder} without "
        f"{'these' if query.shards else 'any'}. Get them with: anymask data get sa1b --links LIST -o {folder}"
    )


def shards_of(folder: Path) -> list[Path]:
    """The shards in a folder, by number."""
    return sorted(file for file in folder.glob("sa_*.tar") if _SHARD.fullmatch(file.name))


def _number(shard: Path) -> int:
    found = _SHARD.fullmatch(shard.name)
    assert found is not None, "it was listed by this pattern"
    return int(found[1])


def index_shard(
    shard: Path,
) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.int64], list[tuple[str, Exception]]]:
    """Ids, places (N, 4) and faults of a shard: from its stored index, or by reading its headers.

    Places are offset and bytes of the image, then of the annotation. The index is stored unless the folder
    cannot be written, and made again when the shard changes. Raises FormatError for a file that is no tar.
    """
    state = os.stat(shard)
    key = np.array([_VERSION, state.st_size, state.st_mtime_ns], np.int64)
    file = shard.parent / INDEX / f"{shard.stem}.npz"
    stored = _stored(file, key)
    if stored is not None:
        return (*stored, [])
    pairs = TarPairs("sa1b", [shard])
    ids = np.array([id.encode() for id in pairs.ids], np.bytes_)
    places = pairs.places[:, :, 1:].reshape(-1, 4)
    if not pairs.faults:
        _store(file, key, ids, places)
    return ids, places, pairs.faults


def _stored(
    file: Path, key: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.int64]] | None:
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            if not np.array_equal(found["key"], key):
                return None
            ids, places = found["ids"], found["places"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return (ids, places) if places.shape == (len(ids), 4) else None


def _store(
    file: Path, key: npt.NDArray[np.int64], ids: npt.NDArray[np.bytes_], places: npt.NDArray[np.int64]
) -> None:
    try:
        file.parent.mkdir(exist_ok=True)
        with staged(file, force=True) as new:
            np.savez_compressed(new, key=key, ids=ids, places=places)
    except (OSError, OutputError):
        return  # a read-only folder: the headers are read each time


class Sa1b:
    """The Source of shards of SA-1B."""

    bands: Bands | None = None
    name = "sa1b"

    def __init__(self, shards: Sequence[Path], query: Query) -> None:
        """Index the shards, and draw the images of the query."""
        self._shards, self._query = tuple(shards), query
        self.faults: list[tuple[str, Exception]] = []
        ids, places, numbers = [], [], []
        for number, shard in enumerate(shards):
            found, where, faults = index_shard(shard)
            ids.append(found)
            places.append(where)
            numbers.append(np.full(len(found), number, np.int32))
            self.faults += faults
        self._ids, self._places = np.concatenate(ids), np.concatenate(places)
        self._numbers = np.concatenate(numbers)
        if query.images is not None and query.images < len(self._ids):
            drawn = np.random.default_rng(query.seed).choice(len(self._ids), query.images, replace=False)
            drawn.sort()
            self._ids, self._places, self._numbers = (
                self._ids[drawn],
                self._places[drawn],
                self._numbers[drawn],
            )
        self.ids: Sequence[str] = _Names(self._ids)

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""
        return self._read(index, 0)

    def record(self, index: int) -> Record:
        """Read and decode an item. Raises FormatError or ImageError."""
        name = self.ids[index]
        return self._taken(
            parse_record(name, self._read(index, 0), self._read(index, 2), self.name, self.bands)
        )

    def annotation(self, index: int) -> Record:
        """An item whose image is not decoded. Raises FormatError."""
        name = self.ids[index]
        return self._taken(parse_annotation(name, self._read(index, 2), Path(f"{name}.jpg")))

    def _read(self, index: int, column: int) -> bytes:
        offset, size = (int(value) for value in self._places[index, column : column + 2])
        return read_member(self._shards[self._numbers[index]], offset, size)

    def _taken(self, record: Record) -> Record:
        """The record with the masks of the query."""
        keep = self._query.keeps(record)
        return record if keep.all() else record.take(np.flatnonzero(keep))


class _Names(Sequence[str]):
    """Names that are stored as bytes: a tenth of the memory of texts."""

    def __init__(self, names: npt.NDArray[np.bytes_]) -> None:
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [name.decode() for name in self._names[index]]
        return self._names[index].decode()
