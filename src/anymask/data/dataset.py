"""Data sets: sequences of Records in which an unreadable item never ends a run.

`dataset[i]` raises FormatError for an item that cannot be read; iterating skips such items and reports them.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import cv2

from anymask.data.folders import CocoImages, FilePairs, Joined, PngMasks, VocMaps, by_id
from anymask.data.sa1b import is_sa1b, open_sa1b
from anymask.data.shards import TarPairs
from anymask.errors import AnymaskError, FormatError, unknown_name
from anymask.formats.coco import CocoFile
from anymask.formats.layouts import layout
from anymask.formats.reading import DAMAGED
from anymask.images.bands import Bands
from anymask.images.folder import list_files
from anymask.types import Record

T = TypeVar("T")
OnError = Callable[[str, Exception], None]
"""Called with the id of a damaged item and its error."""


_DAMAGE = (AnymaskError, OSError, ValueError, TypeError, KeyError, cv2.error)
_FORMS = (
    "a folder with .tar shards, a .tar file, a COCO .json or a folder with such, or a folder of SA-1B pairs, "
    "images/ and masks/, or JPEGImages/ and SegmentationObject/"
)


class Dataset(Protocol):
    """Records by index. `faults` collects the items that could not be read."""

    name: str
    faults: Faults

    def __len__(self) -> int:
        """Number of items, including damaged ones that have not been detected yet."""

    def __getitem__(self, index: int) -> Record:
        """Read an item. Raises FormatError if it is damaged."""


class Source(Protocol):
    """The storage that a Collection reads: tar shards, a folder, a COCO file."""

    ids: Sequence[str]
    faults: list[tuple[str, Exception]]
    bands: Bands | None
    """How images other than 8-bit RGB are shown, see `images.display`."""

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item."""

    def record(self, index: int) -> Record:
        """Read and decode an item."""

    def annotation(self, index: int) -> Record:
        """Read the masks of an item; its image is decoded only where the masks need it."""


class Faults:
    """Damaged items: each is counted and reported to `on_error` once.

    `messages` maps the id of an item to its error message; `partial` does so for items that lack single
    annotations.
    """

    def __init__(self, on_error: OnError | None = None) -> None:
        """on_error: called the first time that each damaged item is found."""
        self.messages: dict[str, str] = {}
        self.partial: dict[str, str] = {}
        self._on_error = on_error

    def __len__(self) -> int:
        """Number of damaged items found so far."""
        return len(self.messages)

    def report(self, name: str, error: Exception) -> None:
        """Record a damaged item and call `on_error`, unless it was reported before."""
        if name not in self.messages:
            self.messages[name] = str(error)
            if self._on_error is not None:
                self._on_error(name, error)

    def note(self, name: str, left_out: Mapping[str, int]) -> None:
        """Note annotations of an item that cannot be read; say so unless it was said before."""
        damage = [f"{kind} ({count})" for kind, count in left_out.items() if kind.startswith(DAMAGED)]
        if damage and name not in self.partial:
            self.partial[name] = f"annotations left out: {'; '.join(damage)}"
            if self._on_error is not None:
                self._on_error(name, FormatError(self.partial[name]))


class Collection:
    """A Dataset over a Source."""

    def __init__(self, name: str, source: Source, on_error: OnError | None = None) -> None:
        """name: the name used in mixtures and tables. Faults of the source are reported immediately."""
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
        record = self._read(index, self.source.record)
        self.faults.note(self.source.ids[index], record.left_out)
        return record

    def __iter__(self) -> Iterator[Record]:
        """All items that can be read; the others are reported in `faults`."""
        return readable(self)

    def annotation(self, index: int) -> Record:
        """The masks of an item, its image not decoded where that can be. Raises as reading the item."""
        return self._read(index, self.source.annotation)

    def image_bytes(self, index: int) -> bytes:
        """The encoded image file of an item. Raises the same errors as reading the item."""
        return self._read(index, self.source.image_bytes)

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
    """The records of a data set in order; damaged items are skipped."""
    for index in range(len(dataset)):
        try:
            yield dataset[index]
        except FormatError:
            continue


def open_dataset(
    path: str | Path,
    *,
    split: str | None = None,
    images: str | Path | None = None,
    ignore: int | None = None,
    name: str | None = None,
    bands: Bands | None = None,
    on_error: OnError | None = None,
) -> Collection:
    """Open a data set on disk; the layout is detected.

    path: "sa1b:FOLDER" for SA-1B with a stored index and a query, see `data.sa1b`; a folder with shards
        `train-*.tar`, `val-*.tar`; one .tar or a glob of them; a folder of pairs
        `<id>.jpg`, `<id>.json` (SA-1B), subfolders included; a COCO .json, or a folder with one or more of
        them (annotations/, train/); a folder with `images/`, `masks/` (PNG, see `folders.PngMasks`), or one
        as Pascal VOC has it.
    split: open only the shards, or the subfolder, of this name; None opens everything.
    images: the folder of a COCO file's images, if it is not next to the file.
    ignore: the value in label maps that marks unlabelled pixels (255 in Pascal VOC).
    name: the data set's name; by default that of the folder or file.
    bands: how images other than 8-bit RGB are shown, see `images.display`.
    on_error: called once for every damaged item.

    Raises FormatError if the path holds no data set in one of these layouts.
    """
    place = Path(path)
    source: Source
    if is_sa1b(path):
        source = open_sa1b(str(path))
        source.bands = bands
        return Collection(name or source.name, source, on_error)
    shards = _shards(place, split)
    if shards:
        title = name or (place.resolve().name if place.is_dir() else _shard_title(shards[0]))
        source = TarPairs(title, shards)
    else:
        title = name or (place.resolve().name if place.is_dir() else place.stem)
        source = _open_files(title, _split_folder(place, split), images, ignore)
    source.bands = bands
    return Collection(title, source, on_error)


def _split_folder(path: Path, split: str | None) -> Path:
    """The subfolder of a split; the folder itself if no split is given."""
    if split is None or not path.is_dir():
        return path
    if not (path / split).is_dir():
        raise FormatError(
            f"split must be one that {path} has a folder or shards for, got '{split}'. Leave it out for all."
        )
    return path / split


def _open_files(name: str, path: Path, images: str | Path | None, ignore: int | None) -> Source:
    """The source for files that are not in tar shards."""
    if path.is_file() and path.suffix.lower() == ".json":
        return CocoImages(name, CocoFile(path, images))
    if path.is_dir():
        if (path / "images").is_dir() and (path / "masks").is_dir():
            return PngMasks(name, path, ignore)
        if is_voc(path):
            return VocMaps(name, path)
        if by_id(path).keys() & by_id(path, (".json",)).keys():
            return FilePairs(name, path)
        texts = sorted(path.glob("*.json"))
        if len(texts) == 1:
            return CocoImages(name, CocoFile(texts[0], images))
        if files := _coco_files(path):
            parts = [(_split_name(file, path), CocoImages(name, CocoFile(file, images))) for file in files]
            return parts[0][1] if len(parts) == 1 else Joined(parts)
    if not path.exists():
        raise FormatError(f"path must be a data set that exists, got {path}. Check the name.")
    raise FormatError(f"path must be {_FORMS}, got {_seen(path)}")


def _seen(path: Path) -> str:
    """What is at a path that is no data set, and what to do."""
    above = path.parent
    if path.name in ("images", "masks") and (above / "images").is_dir() and (above / "masks").is_dir():
        return f"{path}. Give the folder above it, {above}."
    count = len(list_files(path)) if path.is_dir() else 0
    if count and not any(path.rglob("*.json")):
        return f"{path} with {count} images and no masks. Make masks with: anymask serve {path}"
    return f"{path}. Check what it holds; `anymask data convert` makes COCO of other formats."


def is_voc(path: Path) -> bool:
    """Whether a folder is laid out as Pascal VOC."""
    maps = ("SegmentationObject", "SegmentationClass")
    return (path / "JPEGImages").is_dir() and any((path / one).is_dir() for one in maps)


def _coco_files(path: Path) -> list[Path]:
    """The COCO files of a folder as tools export it: in annotations/, or in a folder for each split."""
    try:
        return [file for format, file in layout(path).sources if format == "coco"]
    except FormatError:
        return []


def _split_name(file: Path, root: Path) -> str:
    """What a file of several is called: the folder it is in, or its own name."""
    folder = file.parent.relative_to(root).as_posix()
    return file.stem if folder in (".", "annotations") else folder


def _shards(path: Path, split: str | None) -> list[Path]:
    """The tar files that a path names: those of a folder, one file, or those that match a glob."""
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
    """The records that hold a category, at most `most`, each reduced to its masks of that category.

    Raises UnknownNameError if no record holds it.
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
