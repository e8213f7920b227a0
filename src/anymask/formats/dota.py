"""DOTA (aerial images): a text file per image, with an oriented box of four corners in each line.

`x1 y1 x2 y2 x3 y3 x4 y4 class difficulty` in pixels, after the lines `imagesource:...` and `gsd:...`
(metres a pixel) in DOTA 1.0, 1.5 and 2.0. Files lie in `labelTxt`, images in `images` beside it; image sizes
are not stored, so the images must be near. Written are boxes: the outline if it has four corners, otherwise
the smallest oriented box around the mask, whose IoU with the mask is reported.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import cv2
import numpy as np

from anymask.errors import FormatError
from anymask.formats import attributes, json_fields
from anymask.formats.image_files import ImageFiles, is_hidden, is_plain, place_of
from anymask.formats.polygons.rings import Ring, as_ring, fill, signed_area
from anymask.formats.reading import Items, Reading, attempt
from anymask.formats.writers import Outlines, Page
from anymask.formats.yolo_reading import image_of, is_label_file
from anymask.geometry import rle
from anymask.images.read import image_size
from anymask.types import Masks, Record

__all__ = ["KEEPS", "are_lines", "encode", "items"]

KEEPS = frozenset(("categories", "gsd", "imagesource"))
"""Facts of a record that a file holds; of the attributes it holds the difficulty."""
BOXED = "drawn as an oriented box"
RENAMED = "named without spaces"
SAME_IMAGE = "file of an image that another file is of"
_HEADER = re.compile(r"(imagesource|gsd)\s*:\s*(.*)", re.IGNORECASE)
_CORNERS = 8  # numbers
_HORIZONTAL = "_hbb"  # at the end of the name of a folder with upright boxes
_CONVERTED = "_original"  # at its end where ultralytics keeps what it made YOLO's labels from
_SHRUNK = (0.0, 0.5, 1.0)  # pixels that a box is tried smaller than the pixels' corners reach


def are_lines(lines: Iterable[str]) -> bool:
    """Whether some lines are of this format: a header, or eight numbers, a name and at most a number."""
    return any(_HEADER.fullmatch(line.strip()) or _is_box(line.split()) for line in lines)


def _is_box(words: list[str]) -> bool:
    numbers = [attempt(Counter(), partial(json_fields.number, word, "")) for word in words]
    return (
        len(words) in (_CORNERS + 1, _CORNERS + 2)
        and None not in numbers[:_CORNERS]
        and numbers[_CORNERS] is None
        and all(number is not None for number in numbers[_CORNERS + 1 :])
    )


def items(path: Path, reading: Reading) -> Items:
    """Id and reader of a file, or of each image of a folder. Of several files of an image one is read."""
    every = [file for file in sorted(path.rglob("*.txt")) if is_label_file(file)] if path.is_dir() else [path]
    every = [file for file in every if file == path or not is_hidden(file.relative_to(path))]
    known = {file.parent for file in every if are_lines(_lines(file)[:20])} or {file.parent for file in every}
    found: dict[Path, Path] = {}
    left_out = Counter[str]()
    for file in sorted(every, key=lambda file: (not file.parent.name.endswith(_HORIZONTAL), file)):
        if file.parent in known:
            name = Path(*place_of(reading.inside(file))).with_name(file.stem)
            left_out[SAME_IMAGE] += name in found
            found[name] = file
    names = [one.as_posix() for one in found]
    looks = {folder: ImageFiles(folder / "a.txt", reading.images, names, _near(folder)) for folder in known}
    entries = []
    for name, file in sorted(found.items()):
        look = looks[file.parent]
        inner = name if reading.images is not None else _inner(file)
        entries.append((name.as_posix(), partial(_record, file, name, partial(image_of, file, inner, look))))
    return Items(entries, +left_out)


def _lines(file: Path) -> list[str]:
    return json_fields.text(json_fields.read_bytes(file)).splitlines()


def _near(folder: Path) -> list[Path]:
    """The folders where the images of a folder are searched: `images` beside `labelTxt`."""
    base = folder.parent.parent if is_plain(folder.parent.name) else folder.parent
    return [base / "images", folder, base]


def _inner(file: Path) -> Path:
    """The path of an image in the folder of the images: that of its file within `labelTxt`."""
    if not is_plain(file.parent.parent.name):
        return Path(file.stem)
    return Path(*place_of(PurePath(file.parent.name.removesuffix(_CONVERTED), file.stem)))


def _record(file: Path, name: Path, find: Callable[[], Path]) -> Record:
    image_path = find()
    size = image_size(image_path)
    left_out: Counter[str] = Counter()
    meta: dict[str, Any] = {"file_name": name.with_name(f"{name.name}{image_path.suffix}").as_posix()}
    boxes: list[tuple[rle.Runs, str, int]] = []
    for line in _lines(file):
        if header := _HEADER.fullmatch(line.strip()):
            meta |= _headed(header[1].lower(), header[2].strip())
        elif line.strip() and (one := attempt(left_out, partial(_box, line.split(), size))) is not None:
            boxes.append(one)
    meta["categories"] = [label for _, label, _ in boxes]
    meta |= attributes.as_meta({"difficulty": hard} if hard else {} for *_, hard in boxes)
    masks = Masks(size, [runs for runs, *_ in boxes])
    return Record(name.as_posix(), image_path, masks, meta=meta, left_out=dict(left_out))


def _headed(name: str, value: str) -> dict[str, Any]:
    """What a line of the header says; nothing for an unknown resolution."""
    if name == "imagesource":
        return {name: value} if value else {}
    number = attempt(Counter(), partial(json_fields.number, value, name))
    return {} if number is None else {name: number}


def _box(words: list[str], size: tuple[int, int]) -> tuple[rle.Runs, str, int]:
    """Runs, class and difficulty of a line. Raises FormatError."""
    if len(words) <= _CORNERS:
        raise FormatError(
            f"line must be {_CORNERS} numbers, a class and a difficulty, got {len(words)} fields. "
            "Fix the file."
        )
    ring = as_ring([json_fields.number(word, "corner") for word in words[:_CORNERS]])
    label, hard = words[_CORNERS], json_fields.whole("".join(words[_CORNERS + 1 :]) or 0)
    if hard is None:
        raise FormatError(
            f"difficulty must be a whole number, got {' '.join(words[_CORNERS + 1 :])!r:.40}. Fix the file."
        )
    return fill([[ring]], size), label, hard


def encode(record: Record, outlines: Outlines) -> Page:
    """The lines of an image."""
    lines = [f"{name}:{record.meta[name]}" for name in ("imagesource", "gsd") if name in record.meta]
    runs: list[rle.Runs | None] = []
    notes: dict[int, tuple[str, ...]] = {}
    known = attributes.of_record(record)
    for i, label in enumerate(json_fields.names(record)):
        box, note = _drawn(record, i, outlines)
        runs.append(None)
        if box is None:
            continue
        name = "-".join(label.split()) or "object"
        hard = json_fields.whole(known[i].get("difficulty", known[i].get("difficult") is True)) or 0
        places = " ".join(f"{place:g}" for place in box.ravel().tolist())
        lines.append(f"{places} {name} {hard}")
        runs[-1] = fill([[box]], record.masks.size)
        notes[i] = (*note, *((RENAMED,) if name != label else ()))
    data = "".join(f"{line}\n" for line in lines).encode()
    return Page(data, runs, {i: note for i, note in notes.items() if note})


def _drawn(record: Record, i: int, outlines: Outlines) -> tuple[Ring | None, tuple[str, ...]]:
    """The box of a mask, clockwise, None for an empty one, and notes on it."""
    parts = outlines.of(record, i)
    if not parts:
        return None, ()
    if len(parts) == 1 and len(parts[0]) == 1 and len(parts[0][0]) == _CORNERS // 2:
        return parts[0][0].round(2), outlines.notes
    runs, size = record.masks.rles[i], record.masks.size
    boxes = _boxes(np.concatenate([part[0] for part in parts]))
    shares = [rle.iou([runs], [fill([[box]], size)], size)[0, 0] for box in boxes]
    return boxes[int(np.argmax(shares))], (BOXED,)


def _boxes(corners: Ring) -> list[Ring]:
    """The smallest oriented box around corners, from its upper left corner on, clockwise, and smaller ones.

    A slanted side of what was drawn cuts through its pixels.
    """
    centre, (w, h), degrees = cv2.minAreaRect(corners.astype(np.float32))
    rings = [
        np.asarray(cv2.boxPoints((centre, (w - less, h - less), degrees)), np.float64).round(2)
        for less in _SHRUNK
        if min(w, h) > less
    ]
    turned = [ring if signed_area(ring) > 0 else ring[::-1] for ring in rings]
    return [np.roll(ring, -int(ring.sum(axis=1).argmin()), axis=0) for ring in turned]
