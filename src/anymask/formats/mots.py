"""MOTS (multi-object tracking and segmentation): a text file per sequence, a line per mask.

`frame track class height width counts`, as in MOTSChallenge and KITTI MOTS: `counts` are COCO's compressed
run lengths, class 1 is a car, 2 a pedestrian, and 10 a region that is ignored. Files are called after their
sequence (`0002.txt`), or lie in its folder (`MOTS20-02/gt/gt.txt`, images in `MOTS20-02/img1`).
Masks of a frame may not overlap: the smallest one is on top. A frame without masks is stored as an empty
ignored region. `mots_frames` finds the image of a frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path, PurePath

import numpy as np

from anymask.errors import FormatError, InputError
from anymask.formats import json_fields
from anymask.formats.image_files import is_hidden
from anymask.formats.mots_frames import Frames, frame_of, near, plain_parts, under
from anymask.formats.reading import Items, Reading, attempt
from anymask.formats.safe_paths import Stems
from anymask.formats.video_ids import NUMBERED, tracks
from anymask.formats.writers import COVERED, HIDDEN, Outlines, Page
from anymask.geometry import rle
from anymask.geometry.label_map import label_map
from anymask.geometry.rle_strings import as_runs
from anymask.types import Masks, Record

__all__ = ["KEEPS", "MotsWriter", "are_lines", "items", "ours"]

KEEPS = frozenset(("ids", "ignore", "labels"))
"""Facts of a record that a file holds: ids are tracks. Ignored pixels are kept where no mask is."""
NO_FRAME = "line without a frame number"
_NAMELESS = "object"  # masks that nobody named, which have no number in MOTS
_NAMES = {0: _NAMELESS, 1: "car", 2: "pedestrian"}
_NUMBERS = {_NAMELESS: 0, "car": 1, "pedestrian": 2, "person": 2}
_IGNORED = 10
_IGNORED_TRACK = 10_000
_FIELDS = 6
_FARTHEST = 2  # places of YOLO's, whose lines have as many fields, are not larger


def are_lines(lines: Iterable[str]) -> bool:
    """Whether some lines are of this format: one of them holds run lengths of the size that it states."""
    read = (attempt(Counter(), partial(_line, words)) for words in map(str.split, lines))
    return any(one is not None and max(one.size) > _FARTHEST for one in read)


def items(path: Path, reading: Reading) -> Items:
    """Id and reader of each frame of a file, or of all files in a folder. Raises FormatError."""
    every = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
    files = [file for file in every if file == path or not is_hidden(file.relative_to(path))]
    folders = {file.parent for file in files if are_lines(_lines(file)[:20])}
    folders = folders or {file.parent for file in files}
    sequences = [_Sequence(file, _name(file, reading)) for file in files if file.parent in folders]
    images = None if reading.images is None else Frames(under(reading.images), alone=len(sequences) == 1)
    found = Items([])
    entries = []
    for one in sequences:
        known = images or Frames(near(one.file, one.name), alone=len(sequences) == 1)
        for number, lines in sorted(one.frames(found.left_out).items()):
            image = known.find(one.name, number)
            id = _id(one.name, number, image)
            entries.append((id, partial(_record, id, one.file, lines, image)))
    found.entries = entries
    return found


def _lines(file: Path) -> list[str]:
    return json_fields.text(json_fields.read_bytes(file)).splitlines()


def _name(file: Path, reading: Reading) -> PurePath:
    """The name of the sequence of a file; of `gt/gt.txt` the name of the folder above."""
    if file.stem == "gt" and file.parent.name == "gt":
        inside = reading.inside(file).parent.parent
        return PurePath(*plain_parts(inside)) if inside.name else PurePath(file.resolve().parent.parent.name)
    return PurePath(*plain_parts(reading.inside(file).parent), file.stem)


@dataclass(frozen=True)
class _Sequence:
    """A file."""

    file: Path
    name: PurePath

    def frames(self, left_out: Counter[str]) -> dict[int, list[list[str]]]:
        """The words of the lines of each frame; lines of none are counted."""
        found: dict[int, list[list[str]]] = {}
        for words in map(str.split, _lines(self.file)):
            number = json_fields.whole(words[0]) if words else None
            if number is not None and number >= 0:
                found.setdefault(number, []).append(words)
            elif words:
                left_out[NO_FRAME] += 1
        return found


@dataclass(frozen=True)
class _Line:
    """A line after its frame."""

    track: int
    label: int
    size: tuple[int, int]
    runs: rle.Runs


def _line(words: Sequence[str]) -> _Line:
    """A line from its words. Raises FormatError."""
    if len(words) != _FIELDS:
        raise FormatError(f"line must have {_FIELDS} fields, got {len(words)}. Write the file again.")
    track, label = (json_fields.whole(word) for word in words[1:3])
    if track is None or label is None or min(track, label) < 0:
        raise FormatError(
            f"track and class must be numbers from 0 on, got {words[1]!r:.30} and {words[2]!r:.30}. "
            "Write the file again."
        )
    size = json_fields.read_size({"height": words[3], "width": words[4]}, "line")
    return _Line(track, label, size, rle.from_coco({"size": size, "counts": words[5]})[0])


def _record(id: str, file: Path, lines: list[list[str]], image: Path | None) -> Record:
    """A frame. Its size is that of most lines. Raises FormatError if no line has one."""
    left_out: Counter[str] = Counter()
    found = [one for words in lines if (one := attempt(left_out, partial(_line, words))) is not None]
    if not found:
        raise FormatError(
            f"frame {id} must have a line that can be read, got {next(iter(left_out))}. Write the file again."
        )
    size = Counter(one.size for one in found).most_common(1)[0][0]
    other = sum(one.size != size for one in found)
    if other:
        left_out["damaged: size of another image"] += other
    kept = [one for one in found if one.size == size and one.label != _IGNORED]
    ignored = rle.union([one.runs for one in found if one.size == size and one.label == _IGNORED], size)
    name = f"{id}.jpg" if image is None else PurePath(id).with_name(image.name).as_posix()
    return Record(
        id,
        image or file.parent / name,
        Masks(size, [one.runs for one in kept], labels=[one.label for one in kept]),
        meta={
            "file_name": name,
            "categories": [_NAMES.get(one.label, f"class {one.label}") for one in kept],
            "ids": [one.track for one in kept],
        },
        ignore=ignored if rle.area(ignored) else None,
        left_out=dict(left_out),
    )


def _id(sequence: PurePath, number: int, image: Path | None) -> str:
    """A frame's path without suffix: in the folder of its sequence, unless its name begins with it."""
    stem = f"{number:06}" if image is None else image.stem
    begins, _ = frame_of(PurePath(stem))
    return (sequence.parent if begins.name == sequence.name else sequence).joinpath(stem).as_posix()


def ours(name: str) -> bool:
    """Whether this format writes files of this name."""
    return name.endswith(".txt")


@dataclass
class MotsWriter:
    """Writes a file per sequence into a folder."""

    place: Path
    outlines: Outlines
    _classes: dict[str, int] = field(default_factory=lambda: dict(_NUMBERS))
    _files: dict[PurePath, str] = field(default_factory=dict)
    _images: dict[tuple[PurePath, int], str] = field(default_factory=dict)
    _stems: Stems = field(default_factory=Stems)

    def __post_init__(self) -> None:
        """Make the folder."""
        self.place.mkdir(parents=True, exist_ok=True)

    def add(self, record: Record) -> Page:
        """Write the lines of a frame. Raises InputError for a frame that was written before."""
        sequence, number = frame_of(PurePath(json_fields.stem(record)))
        name = json_fields.file_name(record)
        if (sequence, number) in self._images:
            raise InputError(
                f"images must be frames of their own in MOTS, got frame {number} of '{sequence}' for "
                f"{self._images[sequence, number]} and {name}. Rename one, or write --to coco."
            )
        self._images[sequence, number] = name
        masks = record.masks
        runs, hidden = _apart(masks)
        ignored, covering = _around(record, runs)
        known, tracked = tracks(record)
        rows = [*zip(known, self._labels(record), runs, strict=True)]
        if ignored is not None:
            rows.append((_IGNORED_TRACK, _IGNORED, ignored))
        h, w = masks.size
        data = "".join(
            f"{number} {track} {label} {h} {w} {rle.to_string(one)}\n" for track, label, one in rows
        ).encode()
        with self._file(sequence).open("ab") as out:
            out.write(data)
        notes = {
            i: (
                *((HIDDEN,) if i in hidden else ()),
                *((COVERED,) if i in covering else ()),
                *(() if tracked else (NUMBERED,)),
            )
            for i in range(len(masks))
        }
        return Page(data, runs, {i: note for i, note in notes.items() if note})

    def _file(self, sequence: PurePath) -> Path:
        if sequence not in self._files:
            self._files[sequence] = self._stems.name(sequence.as_posix() if sequence.name else "sequence")
        file = self.place / f"{self._files[sequence]}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _labels(self, record: Record) -> list[int]:
        """The class of each mask: 1 and 2 as MOTS has them, then the masks' labels where they are free."""
        names, labels = json_fields.names(record, _NAMELESS), record.masks.labels
        wanted = [0] * len(names) if labels is None else labels.tolist()
        for name, label in zip(names, wanted, strict=True):
            taken = {_IGNORED, *self._classes.values()}
            free = next(number for number in count(1) if number not in taken)
            self._classes.setdefault(name, label if label > 0 and label not in taken else free)
        return [self._classes[name] for name in names]

    def close(self) -> None:
        """Nothing to finish."""


def _apart(masks: Masks) -> tuple[list[rle.Runs], set[int]]:
    """Masks that do not overlap, and which of them others hide in part; the smallest is on top."""
    runs = list(masks.rles)
    if not runs or masks.areas.sum() == rle.area(rle.union(runs, masks.size)):
        return runs, set()
    shown = rle.encode_numbers(label_map(runs, masks.size))
    nothing = rle.from_edges(np.zeros(0, np.int64), masks.size)
    seen = [shown.get(i, nothing) for i in range(1, len(runs) + 1)]
    return seen, {i for i, (a, b) in enumerate(zip(runs, seen, strict=True)) if not np.array_equal(a, b)}


def _around(record: Record, runs: Sequence[rle.Runs]) -> tuple[rle.Runs | None, set[int]]:
    """The ignored pixels that are in no mask, and the masks that are drawn over some.

    None where nothing is ignored; an empty region if the frame has no masks either.
    """
    size = record.masks.size
    if record.ignore is None:
        return (None if runs else rle.union([], size)), set()
    both = rle.union([record.ignore, *runs], size)
    masks = rle.to_edges(rle.union(runs, size))
    edges = np.sort(np.concatenate([rle.to_edges(both), masks]))
    rest = as_runs(np.diff(edges, prepend=0, append=size[0] * size[1]))
    if not runs:
        return rest, set()
    meets = rle.intersection(runs, [record.ignore], size)[:, 0]
    return rest, set(np.flatnonzero(meets).tolist())
