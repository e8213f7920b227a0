"""Reading of YOLO's labels, as trainers, trackers and labelling tools lay them out.

A label folder is called `labels` and has its images in `images` beside it; or labels and images lie in
one
folder. Of a set there may be several (train/labels, valid/labels), or folders within one (labels/train).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from anymask.errors import FormatError
from anymask.formats import json_fields
from anymask.formats.class_names import LISTS, Classes, read_classes
from anymask.formats.image_files import ImageFiles, is_hidden, place_of
from anymask.formats.polygons.primitives import box_ring
from anymask.formats.polygons.rings import as_ring, fill
from anymask.formats.reading import Items, NoMaskError, Reading, attempt
from anymask.geometry import rle
from anymask.images.read import image_size
from anymask.types import Masks, Record

__all__ = ["image_of", "is_label_file", "items", "label_folders", "ring_runs"]

_NO_LABELS = (
    "readme", "license", "requirements", "notes", "train.txt", "val.txt", "valid.txt", "test.txt",
    "labelmap.txt", "class_names.txt",
)  # fmt: skip
_FARTHEST = 2.0  # shares farther outside are no shares


def label_folders(path: Path) -> list[Path]:
    """The folders called `labels` at a path or in it, or the path itself where there are none."""
    inner = sorted(entry for entry in path.rglob("*") if entry.is_dir() and entry.name == "labels")
    shown = [entry for entry in inner if not is_hidden(entry.relative_to(path))]
    nested = {entry for entry in shown if any(parent in shown for parent in entry.parents)}
    return [entry for entry in shown if entry not in nested] or [path]


def items(path: Path, reading: Reading) -> Items:
    """Id and reader of every label file of a folder. Raises FormatError for damaged names."""
    folders = label_folders(path)
    files = {folder: list(_label_files(folder)) for folder in folders}
    near = dict.fromkeys(place for folder in folders for place in (path, folder.parent, folder, path.parent))
    near |= {path.parent.parent: None} if path.name == "labels" else {}
    tracked = _is_tracked(file for some in files.values() for file in some)
    style = _Style(read_classes(list(near)), tracked, reading.boxes)
    names = {
        file: Path(
            *place_of((folder if len(folders) > 1 else path).relative_to(path) / file.relative_to(folder))
        )
        for folder, some in files.items()
        for file in some
    }
    stems = {file: name.with_name(file.stem) for file, name in names.items()}
    given = reading.images
    found: list[tuple[str, Callable[[], Record]]] = []
    for folder, some in files.items():
        places = [folder.parent / "images", folder, folder.parent]
        look = ImageFiles(path, given, [stem.as_posix() for stem in stems.values()], places)
        for file in some:
            inner = stems[file] if given is not None else file.relative_to(folder).with_name(file.stem)
            image_path = partial(image_of, file, inner, look)
            found.append((stems[file].as_posix(), partial(_record, file, image_path, stems[file], style)))
    return Items(found)


def _label_files(folder: Path) -> Iterator[Path]:
    """The label files of a folder; lists of names and notes are none."""
    for file in sorted(folder.rglob("*.txt")):
        if is_label_file(file) and not is_hidden(file.relative_to(folder)):
            yield file


def is_label_file(file: Path) -> bool:
    """Whether a text file is neither a list of names or images nor a note."""
    return file.name not in LISTS and not file.name.lower().startswith(_NO_LABELS)


@dataclass(frozen=True)
class _Style:
    """How the lines of a set are to be read."""

    classes: Classes
    tracked: bool
    """Whether lines end with the number of a track."""
    boxes: bool


def _is_tracked(files: Iterator[Path]) -> bool:
    """Whether a line of a set ends with a whole number over 1, which no place and no score is."""
    for file in files:
        for line in json_fields.text(json_fields.read_bytes(file)).splitlines():
            words = line.split()
            number = json_fields.whole(words[-1]) if len(words) > 5 else None
            if number is not None and number > 1 and _could_be_tracked(words[1:]):
                return True
    return False


def _could_be_tracked(words: list[str]) -> bool:
    """Whether all but the last of some words are shares, and no keypoints."""
    try:
        values = [_number(word) for word in words]
    except FormatError:
        return False
    return max(map(abs, values[:-1])) <= _FARTHEST and not _is_pose(values)


def _record(file: Path, find: Callable[[], Path], name: Path, style: _Style) -> Record:
    image_path = find()
    size = image_size(image_path)
    left_out: Counter[str] = Counter()
    lines = json_fields.text(json_fields.read_bytes(file)).splitlines()
    found = [
        attempt(left_out, partial(_line, line.split(), size, style, left_out))
        for line in lines
        if line.strip()
    ]
    kept = [one for one in found if one is not None]
    numbers = [number for number, _, _ in kept]
    names = style.classes.names
    return Record(
        name.as_posix(),
        image_path,
        Masks(size, [runs for _, runs, _ in kept], [score for _, _, score in kept], labels=numbers),
        meta={
            "file_name": name.with_name(f"{name.name}{image_path.suffix}").as_posix(),
            "categories": [names.get(number) or f"class {number}" for number in numbers],
        },
        left_out=dict(left_out),
    )


def _line(
    words: list[str], size: tuple[int, int], style: _Style, left_out: Counter[str]
) -> tuple[int, rle.Runs, float]:
    """Class, runs and score of a line. Raises NoMaskError, FormatError."""
    number = json_fields.whole(words[0])
    if number is None or number < 0:
        raise FormatError(f"line must begin with the number of a class, got {words[0]!r:.40}. Fix the file.")
    values = [_number(word) for word in words[1:]]
    if style.classes.keypoints or _is_pose(values):
        return number, _box(values[:4], size, style, "pose (a box and keypoints)"), 1.0
    if len(values) in (4, 5) or (len(values) == 6 and style.tracked and _is_id(values[-1])):
        return number, _box(values[:4], size, style, "box without an outline"), _tail(values[4:], left_out)
    count = _corner_values(values, style.tracked)
    ring = values[:count]
    if ring and max(map(abs, ring)) > _FARTHEST:
        raise FormatError(
            f"places must be shares from 0 to 1, got {max(ring, key=abs):g}. Divide by the size."
        )
    return number, ring_runs(ring, size), _tail(values[count:], left_out)


def _number(word: str) -> float:
    return json_fields.number(word, "place")


def _is_id(value: float) -> bool:
    return value >= 0 and value == int(value)


def _corner_values(values: list[float], tracked: bool) -> int:
    """How many values are places; a score, the number of a track or both may follow."""
    if len(values) % 2:
        return len(values) - 1
    pair = tracked and len(values) >= 8 and _is_id(values[-1]) and 0 <= values[-2] <= 1
    return len(values) - 2 if pair else len(values)


def _tail(values: list[float], left_out: Counter[str]) -> float:
    """The score in what follows the places, 1 without; the number of a track has no place and is told."""
    score = 1.0
    for at, value in enumerate(values):
        if at == 0 and 0 <= value <= 1 and (len(values) == 2 or not _is_id(value) or value == 1):
            score = value
        else:
            left_out["number of a track"] += 1
    return score


def _is_pose(values: list[float]) -> bool:
    """Whether these are a box and keypoints x, y, visibility: 0, 1 or 2, of which one is 2."""
    seen = values[6::3]
    return len(values) > 6 and len(values) % 3 == 1 and 2 in seen and set(seen) <= {0, 1, 2}


def _box(values: list[float], size: tuple[int, int], style: _Style, kind: str) -> rle.Runs:
    """Runs of a box from its centre and its sides, in shares. Raises NoMaskError unless asked for."""
    if not style.boxes or len(values) < 4:
        raise NoMaskError(kind)
    x, y, w, h = (np.array(values) * (size[1], size[0], size[1], size[0])).tolist()
    return fill([[box_ring(x - w / 2, y - h / 2, x + w / 2, y + h / 2)]], size)


def ring_runs(shares: list[float], size: tuple[int, int]) -> rle.Runs:
    """Runs of a ring x, y, x, y, ... in fractions of the image width and height."""
    return fill([[as_ring(shares) * (size[1], size[0])]], size)


def image_of(file: Path, name: Path, files: ImageFiles) -> Path:
    """The image of a label file. Raises FormatError if there is none or more than one."""
    found = files.without_suffix(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise FormatError(
            f"labels {file.name} must have one image, got {', '.join(one.name for one in found)}. Leave one."
        )
    where = "among those given" if files.are_given else f"in {files.folders[0]}"
    raise FormatError(
        f"labels {file.name} must have their image near, got none {where}. Give the folder of the images "
        "(--images, images=): label files do not hold its size."
    )
