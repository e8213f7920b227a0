"""Pascal VOC's segmentation folders: a map of classes and a map of objects for each image.

`SegmentationClass/<image>.png` and `SegmentationObject/<image>.png`, one of them or both, beside
`JPEGImages/<image>.*`. 0 is background, 255 void. Maps are palette images, or in colours as CVAT and Datumaro
write them. The names of the classes are in `labelmap.txt` (with their colours) or `class_names.txt` (of
LabelMe); without a list they are the 20 of the challenge. Files of boxes in `Annotations` are reported.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.errors import FormatError, ImageError, InputError
from anymask.formats import json_fields
from anymask.formats.drawn_map import draw
from anymask.formats.image_files import ImageFiles, is_hidden
from anymask.formats.map_names import MapNames, read_map_names
from anymask.formats.reading import Items, Reading
from anymask.formats.safe_paths import Stems
from anymask.formats.writers import COVERED, HIDDEN, Outlines, Page
from anymask.geometry import rle
from anymask.images.read import read_image, read_map
from anymask.types import Masks, Record

__all__ = ["CLASSES", "KEEPS", "VocFolder", "VocWriter", "folders", "items", "ours", "palette_png"]

KEEPS = frozenset(("categories", "ignore", "labels"))
"""Facts of a record that a folder holds; labels become 1, 2, ... Ignored pixels are void where no mask is."""
_CHALLENGE = """
aeroplane bicycle bird boat bottle bus car cat chair cow
diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor
"""
CLASSES = dict(enumerate(_CHALLENGE.split(), start=1))
"""The classes of the challenge, by their numbers."""
_MAPS = ("SegmentationClass", "SegmentationObject")
_VOID = 255
_MOST = 254
BOXES = "file of boxes without a map"
STRANGE = "colour of no class"
RENAMED = "named without colons and line breaks"

Numbers = NDArray[Any]


def folders(path: Path) -> list[Path]:
    """The folders at a path or in it that hold maps of classes or of objects."""
    inside = [path / name for name in _MAPS] if path.name not in _MAPS else [path]
    found = [one for one in inside if one.is_dir()] or [
        one
        for name in _MAPS
        for one in sorted(path.rglob(name))
        if one.is_dir() and not is_hidden(one.relative_to(path))
    ]
    return list(dict.fromkeys(one.parent for one in found))


def items(path: Path, reading: Reading) -> Items:
    """Id and reader of each image. Raises FormatError where there are no maps."""
    roots = folders(path)
    if not roots:
        raise FormatError(
            f"path must hold annotations of an image, got none in {path.name or path}, without "
            f"{' or '.join(_MAPS)}. Check its contents, or name its format."
        )
    found = Items([])
    entries = []
    for root in roots:
        one = VocFolder(root, reading)
        prefix = root.relative_to(path) if root != path and len(roots) > 1 else Path()
        entries += [((prefix / stem).as_posix(), partial(one.record, stem, prefix)) for stem in one.stems]
        found.left_out += one.left_out
    found.entries = entries
    return found


class VocFolder:
    """The maps of one folder."""

    def __init__(self, root: Path, reading: Reading | None = None) -> None:
        """root: the folder that holds `SegmentationClass` or `SegmentationObject`."""
        self._maps = [
            {file.relative_to(root / name).with_suffix("").as_posix(): file for file in _maps(root / name)}
            for name in _MAPS
        ]
        self.stems = sorted(set().union(*self._maps))
        """The images that have maps, as paths without suffix."""
        boxes = {file.stem for file in (root / "Annotations").glob("*.xml")} - set(self.stems)
        self.left_out = Counter({BOXES: len(boxes)} if boxes else {})
        self._root, self._images = root, None if reading is None else reading.images

    @cached_property
    def _names(self) -> MapNames:
        known = read_map_names([self._root, *(self._root / name for name in _MAPS)])
        return MapNames(CLASSES) if known is None else known

    @cached_property
    def _files(self) -> ImageFiles:
        beside = self._root / _MAPS[0] / "a.png"
        near = [self._root / "JPEGImages", self._root / "images", self._root]
        return ImageFiles(beside, self._images, self.stems, near)

    def record(self, stem: str, prefix: Path = Path()) -> Record:
        """The objects of an image, or without a map of objects its classes.

        prefix: the folder put before the names. Raises FormatError for maps of different sizes.
        """
        left_out: Counter[str] = Counter()
        classes, objects = (
            _read(maps[stem], colours, left_out) if stem in maps else None
            for maps, colours in zip(self._maps, (self._names.colours or _of_palette(), None), strict=True)
        )
        shown = classes if objects is None else objects
        assert shown is not None, "the stem is of one of the maps"
        if classes is not None and classes.shape != shown.shape:
            raise FormatError(
                f"maps of {stem} must have one size, got {classes.shape} and {shown.shape}. "
                "Export them again."
            )
        runs = rle.encode_numbers(shown)
        void = runs.pop(_VOID, None)
        labels = None if classes is None else [_class_of(classes, shown, number) for number in runs]
        image = next(iter(self._files.without_suffix(Path(stem))), self._files.folders[0] / f"{stem}.jpg")
        meta: dict[str, Any] = {
            "file_name": (prefix / Path(stem).with_name(f"{Path(stem).name}{image.suffix}"))
        }
        meta["file_name"] = meta["file_name"].as_posix()
        if labels is not None:
            meta["categories"] = [self._names.name(label) if label else "object" for label in labels]
        size = (shown.shape[0], shown.shape[1])
        masks = Masks(size, runs.values(), labels=labels)
        return Record(
            (prefix / stem).as_posix(), image, masks, meta=meta, ignore=void, left_out=dict(left_out)
        )


def _maps(folder: Path) -> list[Path]:
    every = (file for file in sorted(folder.rglob("*")) if file.suffix.lower() == ".png")
    return [file for file in every if not is_hidden(file.relative_to(folder))]


def _class_of(classes: Numbers, shown: Numbers, number: int) -> int:
    """The commonest class within an object, 0 for none."""
    if classes is shown:
        return number
    inside = classes[shown == number]
    return int(np.bincount(inside[inside != _VOID], minlength=1).argmax())


def _read(file: Path, colours: dict[int, int] | Any, left_out: Counter[str]) -> Numbers:
    """A map (H, W) of numbers. colours: the number of each; None: each colour is a number of its own."""
    try:
        return read_map(file)
    except ImageError:
        codes = read_image(file).astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    present, where = np.unique(codes, return_inverse=True)
    found = present.tolist()
    if colours is None:
        numbers = [{0: 0, _code(_VOID): _VOID}.get(code, 1000 + at) for at, code in enumerate(found)]
    else:
        numbers = [colours.get(code, _VOID) for code in found]
        strange = [code for code in found if code not in colours and code != _code(_VOID)]
        left_out.update({STRANGE: len(strange)} if strange else {})
    return np.array(numbers, np.int32)[where].reshape(codes.shape)


def _code(number: int) -> int:
    """The colour 0xRRGGBB of a number in VOC's palette: its bits are spread over the channels."""
    channels = [
        sum((number >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(3)) for channel in range(3)
    ]
    return channels[0] << 16 | channels[1] << 8 | channels[2]


@cache
def _of_palette() -> dict[int, int]:
    return {_code(number): number for number in range(256)}


def ours(name: str) -> bool:
    """Whether this format writes files of this name."""
    return name.endswith(".png") or name in ("labelmap.txt", "default.txt")


class VocWriter:
    """Writes the folder; classes are numbered from 1 in order of appearance."""

    def __init__(self, place: Path, outlines: Outlines) -> None:
        self._place, self._stems, self._classes = place, Stems(), dict[str, int]()
        self._names: list[str] = []
        place.mkdir(parents=True, exist_ok=True)

    def add(self, record: Record) -> Page:
        """Write both maps of an image. Raises InputError for more objects than a palette image holds."""
        masks = record.masks
        given = json_fields.names(record)
        names = [re.sub(r"[:\r\n]", "_", name) for name in given]
        new = list(dict.fromkeys(name for name in names if name not in self._classes))
        if len(masks) > _MOST or len(self._classes) + len(new) > _MOST:
            raise InputError(
                f"masks must be at most {_MOST} in VOC's maps, of as many classes, got {len(masks)} of "
                f"{len(self._classes) + len(new)} classes. Write --to coco or instances."
            )
        stem = self._stems.name(json_fields.stem(record), unique=True)
        self._classes |= {name: len(self._classes) + at for at, name in enumerate(new, 1)}
        drawn = draw(record)
        of_object = np.array([0, *(self._classes[name] for name in names)], np.uint8)
        both: list[Numbers] = [of_object[drawn.objects], drawn.objects]
        for name, numbers in zip(_MAPS, both, strict=True):
            file = self._place / name / f"{stem}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(palette_png(numbers, drawn.void))
        self._names.append(stem)
        notes = {
            i: (
                *((HIDDEN,) if i in drawn.hidden else ()),
                *((RENAMED,) if name != kept else ()),
                *((COVERED,) if i in drawn.covering else ()),
            )
            for i, (name, kept) in enumerate(zip(given, names, strict=True))
        }
        return Page(b"", drawn.runs, {i: note for i, note in notes.items() if note})

    def close(self) -> None:
        """Write the names of the classes and the list of images."""
        rows = [("background", 0), *self._classes.items()]
        lines = ["# label:color_rgb:parts:actions", *(f"{name}:{_rgb(number)}::" for name, number in rows)]
        (self._place / "labelmap.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8")
        listed = self._place / "ImageSets" / "Segmentation" / "default.txt"
        listed.parent.mkdir(parents=True)
        listed.write_text("".join(f"{name}\n" for name in self._names), "utf-8")


def _rgb(number: int) -> str:
    code = _code(number)
    return f"{code >> 16},{code >> 8 & 255},{code & 255}"


def palette_png(numbers: Numbers, void: Numbers | None = None) -> bytes:
    """A map (H, W) of numbers from 0 to 255 as a palette image in VOC's colours; void: pixels of 255."""
    filled = numbers.astype(np.uint8)
    if void is not None:
        filled[void] = _VOID
    image = Image.fromarray(filled)
    image.putpalette([channel for number in range(256) for channel in map(int, _rgb(number).split(","))])
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
