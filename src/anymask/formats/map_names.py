"""Class names and colours of maps, from the lists that tools write beside them.

| file | of | a line |
|---|---|---|
| labelmap.txt | CVAT, Datumaro | `name:r,g,b:parts:actions`, numbered from 0 |
| _classes.csv | Roboflow | `number, name` |
| class_names.txt, classes.txt | LabelMe | a name; from 0 after a background, else from 1 |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anymask.formats import json_fields

__all__ = ["LISTS", "MapNames", "read_map_names"]

WHITE = 255
_BACKGROUND = re.compile(r"_*background_*", re.IGNORECASE)
_IGNORED = "__ignore__"  # LabelMe's name of -1, which its maps hold as 255


@dataclass(frozen=True)
class MapNames:
    """What the numbers and colours of class maps mean."""

    names: Mapping[int, str] = field(default_factory=dict)
    """By number, without the background."""
    colours: Mapping[int, int] = field(default_factory=dict)
    """The number of each colour 0xRRGGBB, the background's among them."""

    def name(self, number: int) -> str:
        """The name of a class; of a single one also the name of white."""
        is_white = number == WHITE and len(self.names) == 1
        return next(iter(self.names.values())) if is_white else self.names.get(number, f"class {number}")

    @property
    def void(self) -> int | None:
        """The number of unlabelled pixels: 255 among several classes, unless it is one of them."""
        return WHITE if len(self.names) > 1 and WHITE not in self.names else None


def read_map_names(folders: Sequence[Path]) -> MapNames | None:
    """The names in the first of the folders that has a list, None without any."""
    for folder in folders:
        for name, read in LISTS.items():
            file = folder / name
            if file.is_file():
                return read(json_fields.text(json_fields.read_bytes(file)).splitlines())
    return None


def _labelmap(lines: Sequence[str]) -> MapNames:
    names: dict[int, str] = {}
    colours: dict[int, int] = {}
    rows = [line.split(":") for line in lines if line.strip() and not line.startswith("#")]
    for number, (name, *more) in enumerate(rows):
        names |= {} if _BACKGROUND.fullmatch(name.strip()) else {number: name.strip()}
        rgb = re.fullmatch(r"\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*", more[0] if more else "")
        if rgb is not None:
            colours[int(rgb[1]) << 16 | int(rgb[2]) << 8 | int(rgb[3])] = number
    return MapNames(names, colours)


def _table(lines: Sequence[str]) -> MapNames:
    cells = (line.partition(",") for line in lines)
    named = {json_fields.whole(number.strip()): name.strip() for number, _, name in cells}
    return MapNames({number: name for number, name in named.items() if number})


def _plain(lines: Sequence[str]) -> MapNames:
    words = [line.strip() for line in lines]
    words = words[1:] if words[:1] == [_IGNORED] else words
    start = 0 if words and _BACKGROUND.fullmatch(words[0]) else 1
    return MapNames({number: name for number, name in enumerate(words, start) if number and name})


LISTS: Mapping[str, Callable[[Sequence[str]], MapNames]] = {
    "labelmap.txt": _labelmap,
    "_classes.csv": _table,
    "class_names.txt": _plain,
    "classes.txt": _plain,
}
"""How each list is read."""
