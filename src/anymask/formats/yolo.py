"""YOLO segmentation: a folder with `labels/<id>.txt`, a line for each mask, and `data.yaml` with the names.

A line is the class number, then x y of one ring in shares of the picture's width and height. Parts and holes
of a mask are joined to one ring by cuts of no width. The picture's size is nowhere: for reading, the pictures
must be near (`images/<id>.*`) or their folder be given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from anymask.errors import FormatError
from anymask.formats import json_fields as common
from anymask.formats.names import Stems
from anymask.formats.polygons.rings import as_ring, bridge, fill
from anymask.formats.writers import Outlines, Page, cut_notes
from anymask.geometry import rle
from anymask.images.folder import IMAGE_SUFFIXES
from anymask.images.read import image_size
from anymask.types import Masks, Record

__all__ = ["KEEPS", "YoloWriter", "items", "ours"]

KEEPS = frozenset(("categories", "labels"))
"""Facts of a record that a folder holds; labels become 0, 1, ..."""
_NAMES = "data.yaml"
_DECIMALS = 7


def ours(name: str) -> bool:
    """Whether we write files of such a name."""
    return name == _NAMES or name.endswith(".txt")


class YoloWriter:
    """Writes the folder; classes are numbered as they come."""

    def __init__(self, place: Path, outlines: Outlines) -> None:
        (place / "labels").mkdir(parents=True)
        self._place, self._outlines = place, outlines
        self._stems, self._classes = Stems(), dict[str, int]()

    def add(self, record: Record) -> Page:
        """Write a picture's lines."""
        lines: list[str] = []
        runs: list[rle.Runs | None] = []
        notes: dict[int, tuple[str, ...]] = {}
        for i, name in enumerate(common.names(record)):
            parts = self._outlines.of(record, i)
            runs.append(None)
            if not parts:
                continue
            number = self._classes.setdefault(name, len(self._classes))
            shares = (bridge(parts) / record.masks.size[::-1]).round(_DECIMALS)
            places = " ".join(f"{place:.{_DECIMALS}g}" for place in shares.ravel().tolist())
            lines.append(f"{number} {places}")
            runs[-1] = _line_runs(lines[-1].split()[1:], record.masks.size)
            note = (*cut_notes(parts, parts=True), *self._outlines.notes)
            notes |= {i: note} if note else {}
        data = "".join(f"{line}\n" for line in lines).encode()
        (self._place / "labels" / f"{self._stems.name(record.id)}.txt").write_bytes(data)
        return Page(data, runs, notes)

    def close(self) -> None:
        """Write the names."""
        names = "".join(f"  {number}: {json.dumps(name)}\n" for name, number in self._classes.items())
        text = f"path: .\ntrain: images\nval: images\nnames:{names and chr(10)}{names or ' {}' + chr(10)}"
        (self._place / _NAMES).write_text(text, "utf-8")


def items(path: Path, pictures: Path | None) -> Iterator[tuple[str, Callable[[], Record]]]:
    """Id and reader of every label file of a folder."""
    folder = path / "labels" if (path / "labels").is_dir() else path
    names = _read_names(path)
    for file in sorted(folder.rglob("*.txt")):
        if file.name != "classes.txt":
            yield file.stem, partial(_record, file, folder, names, pictures)


def _record(file: Path, labels: Path, names: Mapping[int, str], pictures: Path | None) -> Record:
    picture = _picture(file, labels, pictures)
    size = image_size(picture)
    runs: list[rle.Runs] = []
    numbers: list[int] = []
    scores: list[float] = []
    for i, line in enumerate(common.read_bytes(file).decode("utf-8", "replace").splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            numbers.append(int(words[0]))
            # what predicts may end a line with its score
            scores.append(float(words.pop()) if len(words) % 2 == 0 else 1.0)
            runs.append(_line_runs(words[1:], size))
        except (FormatError, ValueError) as error:
            raise FormatError(f"line {i} of {file.name} must be a class and a polygon. {error}") from None
    categories = [names.get(number, f"class {number}") for number in numbers]
    meta: dict[str, Any] = {"file_name": picture.name, "categories": categories}
    return Record(file.stem, picture, Masks(size, runs, scores, labels=numbers), meta=meta)


def _line_runs(words: list[str], size: tuple[int, int]) -> rle.Runs:
    """Runs of the ring in a line's shares."""
    corners = [common.number(word, "place") for word in words]
    return fill([[as_ring(corners) * (size[1], size[0])]], size)


def _picture(file: Path, labels: Path, pictures: Path | None) -> Path:
    """The picture of a label file. Raises FormatError without one, as only it knows the size."""
    inner = file.relative_to(labels).with_suffix("")
    folders = [pictures] if pictures is not None else [labels.parent / "images", labels, labels.parent]
    for folder in folders:
        for stem in (folder / inner, folder / inner.name):
            for suffix in IMAGE_SUFFIXES:
                if (found := stem.with_name(stem.name + suffix)).is_file():
                    return found
    raise FormatError(
        f"labels {file.name} must have their picture near, got none in {folders[0]}. Say where the pictures "
        "are: YOLO's files do not hold their size."
    )


def _read_names(folder: Path) -> dict[int, str]:
    """Class names from data.yaml (or another .yaml beside it) or classes.txt; none where there is none."""
    for file in [folder / _NAMES, *sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))]:
        if file.is_file():
            return _yaml_names(file.read_text("utf-8", "replace"))
    listed = folder / "classes.txt"
    if listed.is_file():
        return dict(enumerate(listed.read_text("utf-8", "replace").splitlines()))
    return {}


_ENTRY = re.compile(r"\s*(?:-|(\d+)\s*:)\s*(.*?)\s*$")


def _yaml_names(text: str) -> dict[int, str]:
    """The list or table `names` of a YAML file, in the forms that YOLO's tools write."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    start = next((i for i, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return {}
    inline = lines[start].split(":", 1)[1].strip()
    if inline:
        entries = re.findall(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\[\]{},]+", inline)
        words = [entry.strip() for entry in entries if entry.strip()]
        return dict(enumerate(_scalar(re.sub(r"^\d+\s*:\s*", "", word)) for word in words))
    names: dict[int, str] = {}
    for line in lines[start + 1 :]:
        entry = _ENTRY.match(line)
        if entry is None:
            break
        names[int(entry[1]) if entry[1] else len(names)] = _scalar(entry[2])
    return names


def _scalar(word: str) -> str:
    """A YAML scalar: quoted either way, or plain."""
    if len(word) > 1 and word[0] == word[-1] == '"':
        try:
            return str(json.loads(word))
        except ValueError:
            return word[1:-1]
    if len(word) > 1 and word[0] == word[-1] == "'":
        return word[1:-1].replace("''", "'")
    return word
