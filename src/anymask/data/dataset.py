"""Data sets: anything that gives Records by number, and the rule that one bad item never ends a run.

`dataset[i]` raises FormatError for an item that cannot be read; iterating skips such items and reports them.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import cv2

from anymask.data.folders import CocoPictures, FilePairs, PngMasks, by_id
from anymask.data.shards import TarPairs
from anymask.errors import AnymaskError, FormatError, unknown_name
from anymask.formats.coco import CocoFile
from anymask.types import Record

T = TypeVar("T")
OnError = Callable[[str, Exception], None]
"""Called with the item's id and what is wrong with it."""


_DAMAGE = (AnymaskError, OSError, ValueError, TypeError, KeyError, cv2.error)
_FORMS = (
    "a folder with .tar shards, a .tar file, a COCO .json, or a folder of SA-1B pairs or images/ and masks/"
)


class Dataset(Protocol):
    """Records by number. `faults` collects the items that turned out to be damaged."""

    name: str
    faults: Faults

    def __len__(self) -> int:
        """Number of items, damaged ones included as far as they are not known yet."""

    def __getitem__(self, index: int) -> Record:
        """Read an item. Raises FormatError if it is damaged."""


class Source(Protocol):
    """Where a Collection reads its items: tar shards, a folder, a COCO file."""

    ids: Sequence[str]
    faults: list[tuple[str, Exception]]

    def picture(self, index: int) -> bytes:
        """The encoded picture of an item."""

    def record(self, index: int) -> Record:
        """Read and decode an item."""


class Faults:
    """Damaged items: told once each to `on_error`, and counted.

    `messages` maps an item's id to what is wrong with it.
    """

    def __init__(self, on_error: OnError | None = None) -> None:
        """on_error: called at the first sight of each damaged item."""
        self.messages: dict[str, str] = {}
        self._on_error = on_error

    def __len__(self) -> int:
        """Number of damaged items seen so far."""
        return len(self.messages)

    def report(self, name: str, error: Exception) -> None:
        """Note a damaged item; say so unless it was said before."""
        if name not in self.messages:
            self.messages[name] = str(error)
            if self._on_error is not None:
                self._on_error(name, error)


class Collection:
    """A Dataset over a Source."""

    def __init__(self, name: str, source: Source, on_error: OnError | None = None) -> None:
        """name: what mixtures and tables call it. What the source could not index is reported at once."""
        self.name = name
        self.source = source
        self.faults = Faults(on_error)
        for item, error in source.faults:
            self.faults.report(item, error)

    def __len__(self) -> int:
        """Number of items."""
        return len(self.source.ids)

    def __getitem__(self, index: int) -> Record:
        """Read an item. Raises FormatError if it is damaged, IndexError outside the range."""
        return self._read(index, self.source.record)

    def __iter__(self) -> Iterator[Record]:
        """All items that can be read; the others are reported in `faults`."""
        return readable(self)

    def picture(self, index: int) -> bytes:
        """The encoded picture of an item. Raises as reading the item does."""
        return self._read(index, self.source.picture)

    def _read(self, index: int, read: Callable[[int], T]) -> T:
        if not 0 <= index < len(self):
            raise IndexError(f"index must be 0 to {len(self) - 1}, got {index}.")
        try:
            return read(index)
        except _DAMAGE as damage:
            item = self.source.ids[index]
            error = FormatError(f"item {item} must be readable, got: {damage}")
            self.faults.report(item, error)
            raise error from damage


def readable(dataset: Dataset) -> Iterator[Record]:
    """The records of a data set in order, without the damaged ones."""
    for index in range(len(dataset)):
        try:
            yield dataset[index]
        except FormatError:
            continue


def open_dataset(
    path: str | Path,
    *,
    split: str | None = None,
    pictures: str | Path | None = None,
    ignore: int | None = None,
    name: str | None = None,
    on_error: OnError | None = None,
) -> Collection:
    """Open a data set on disk; the form is found by looking.

    path: a folder with shards `train-*.tar`, `val-*.tar`; one .tar or a glob of them; a folder of pairs
    `<id>.jpg`, `<id>.json` (SA-1B), subfolders included; a COCO .json; a folder with `images/` and `masks/`
    (PNG, see `folders.PngMasks`). split: take only the shards named so, or the folder of that name. pictures:
    folder of a COCO file's pictures, if it is not next to the file. ignore: number in label maps that stands
    for "nobody labelled this" (255 in Pascal VOC). name: default is the folder's name. on_error: told of
    every damaged item, once. Raises FormatError if there is no such thing at the path.
    """
    place = Path(path)
    shards = _shards(place, split)
    source: Source
    if shards:
        title = name or (place.resolve().name if place.is_dir() else _shard_title(shards[0]))
        source = TarPairs(title, shards)
    else:
        title = name or (place.resolve().name if place.is_dir() else place.stem)
        source = _loose(title, _split_folder(place, split), pictures, ignore)
    return Collection(title, source, on_error)


def _split_folder(path: Path, split: str | None) -> Path:
    """The folder of a split, where one is asked for."""
    if split is None or not path.is_dir():
        return path
    if not (path / split).is_dir():
        raise FormatError(f"split must be a folder or shards in {path}, got '{split}'. Leave it out for all.")
    return path / split


def _loose(name: str, path: Path, pictures: str | Path | None, ignore: int | None) -> Source:
    """The source for loose files."""
    if path.is_file() and path.suffix.lower() == ".json":
        return CocoPictures(name, CocoFile(path, pictures))
    if path.is_dir():
        if (path / "images").is_dir() and (path / "masks").is_dir():
            return PngMasks(name, path, ignore)
        if by_id(path).keys() & by_id(path, (".json",)).keys():
            return FilePairs(name, path)
        texts = sorted(path.glob("*.json"))
        if len(texts) == 1:
            return CocoPictures(name, CocoFile(texts[0], pictures))
    raise FormatError(
        f"path must be {_FORMS}, got {path}. {'Look into it.' if path.exists() else 'It does not exist.'}"
    )


def _shards(path: Path, split: str | None) -> list[Path]:
    """The tar files meant by a path: a folder, one file or a glob."""
    if path.is_dir():
        found = sorted(path.glob("*.tar"))
        chosen = [shard for shard in found if split is None or _is_split(shard, split)]
        if found and not chosen:
            known = ", ".join(sorted({re.sub(r"-?\d*$", "", shard.stem) for shard in found}))
            raise FormatError(f"split must be one of {known} in {path}, got '{split}'. Choose one of them.")
        return chosen
    if path.suffix == ".tar" and path.is_file():
        return [path]
    return [Path(found) for found in sorted(glob.glob(str(path))) if found.endswith(".tar")]


def _is_split(shard: Path, split: str) -> bool:
    return re.fullmatch(re.escape(split) + r"(-\d+)?", shard.stem) is not None


def _shard_title(shard: Path) -> str:
    numbered = re.fullmatch(r".+-\d+", shard.stem) is not None
    return shard.resolve().parent.name if numbered else shard.stem


def of_category(records: Iterable[Record], category: str, most: int | None = None) -> list[Record]:
    """The records that show a category, at most so many, each with its masks of that category alone.

    Raises UnknownNameError where none does.
    """
    found: list[Record] = []
    known: set[str] = set()
    for record in records:
        named = record.meta.get("categories") or ()
        known.update(named)
        here = [index for index, one in enumerate(named) if one == category]
        if here and record.masks.areas[here].all():
            found.append(record.with_masks(record.masks[here]))
        if len(found) == most:
            break
    if not found:
        raise unknown_name("category", category, sorted(known))
    return found
