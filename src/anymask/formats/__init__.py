"""Annotation files in and out.

| format | what | suffix that chooses it |
|---|---|---|
| `sa1b` | SA-1B's JSON, one picture a file | `.json` for masks or one record |
| `coco` | COCO's JSON, many pictures a file | `.json` for a list of records |
| `mask` | PNG, a single mask as 0 and 255 | `.png` for a single mask |
| `instances` | PNG, masks numbered from 1 | `.png` for more or fewer masks |
| `labels` | PNG, the masks' class numbers | |
| `masks` | a folder with one PNG per mask | no suffix |
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from anymask.errors import FormatError, InputError, unknown_name
from anymask.formats import coco, png, sa1b
from anymask.formats.entries import find_picture, load_json
from anymask.types import Masks, Record

__all__ = ["FORMATS", "coco", "format_for", "png", "read", "sa1b", "write"]

FORMATS = ("coco", "instances", "labels", "mask", "masks", "sa1b")
"""Names that `write` takes."""


def write(
    what: Masks | Record | Sequence[Record],
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    force: bool = False,
) -> Path:
    """Write masks or records to `path`, whole or not at all; return the path.

    `format` is one of FORMATS, else the suffix tells (see the module's table). Raises UnknownNameError for
    another format or suffix, InputError where the format cannot hold what is given, OutputError where the
    place is missing or taken and `force` is false.
    """
    target = Path(path)
    name = format_for(what, target) if format is None else format
    if name == "coco":
        records = [_as_record(what, target)] if isinstance(what, (Masks, Record)) else list(what)
        return coco.write(records, target, force=force)
    record = _single(what, name, target)
    writers: dict[str, Callable[[], Path]] = {
        "sa1b": lambda: sa1b.write(record, target, force=force),
        "mask": lambda: png.write_mask(record.masks, target, force=force),
        "instances": lambda: png.write_map(record.masks, target, force=force),
        "labels": lambda: png.write_map(record.masks, target, labels=True, force=force),
        "masks": lambda: png.write_folder(record.masks, target, force=force),
    }
    if name not in writers:
        raise unknown_name("format", name, FORMATS)
    return writers[name]()


def format_for(what: Masks | Record | Sequence[Record], path: str | os.PathLike[str]) -> str:
    """The format that a file name asks for. Raises UnknownNameError for a suffix that none has."""
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        return "sa1b" if isinstance(what, (Masks, Record)) else "coco"
    if suffix == ".png":
        masks = what if isinstance(what, Masks) else _single(what, "png", Path(path)).masks
        return "mask" if len(masks) == 1 else "instances"
    if suffix == "":
        return "masks"
    raise unknown_name("suffix of the output", suffix, (".json", ".png"))


def _as_record(what: Masks | Record, path: Path) -> Record:
    """Masks alone as a record named as their file."""
    return what if isinstance(what, Record) else Record(path.stem, Path(f"{path.stem}.jpg"), what)


def _single(what: Masks | Record | Sequence[Record], format: str, path: Path) -> Record:
    """The one record that a format holds."""
    if isinstance(what, (Masks, Record)):
        return _as_record(what, path)
    if len(what) != 1:
        raise InputError(
            f"records must be a single one for format '{format}', got {len(what)}. Write coco instead."
        )
    return what[0]


def read(path: str | os.PathLike[str]) -> list[Record]:
    """Read SA-1B or COCO JSON, a PNG mask or map, or a folder of PNG masks.

    Pictures are looked for near the file and read when asked for. Raises FormatError, ImageError for damage.
    """
    place = Path(path)
    if place.suffix.lower() == ".json":
        document = load_json(place)
        if "images" in document:
            return coco.CocoFile(place, document=document).records()
        return [sa1b.read(place)]
    if place.is_dir():
        return [Record(place.name, find_picture(place, f"{place.name}.jpg"), png.read_folder(place))]
    if place.suffix.lower() == ".png":
        return [Record(place.stem, find_picture(place, f"{place.stem}.jpg"), png.read_masks(place)[0])]
    raise FormatError(
        f"path must be a .json or .png file or a folder of PNG masks, got {place}. Convert it first."
    )
