"""Where the images of a data set come from: counts by country, region and income group (SAM, section 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from anymask.data.analysis.geography import (
    Country,
    by_caption,
    by_name,
    by_position,
    countries,
    position_of,
    table_date,
)
from anymask.data.analysis.image_table import names_of, read_table
from anymask.errors import FormatError, UnknownNameError

__all__ = ["Origins", "Places", "read_places"]

UNLISTED = "not in the table"
Find: TypeAlias = "Callable[[Mapping[str, str]], Country | None]"


@dataclass
class Places:
    """The countries of images by name, and what was wrong with the table they were read from."""

    found: dict[str, Country | None]
    unknown: Counter[str]
    """Countries that no list knows, and how many rows name them."""
    unused: set[str] = field(default_factory=set)
    """Rows that no image has asked for yet."""

    def __post_init__(self) -> None:
        """No row is used yet."""
        self.unused = set(self.found)

    def of(self, id: str, file_name: str) -> Country | None:
        """The country of an image by its id or its file name, with or without its folder and suffix."""
        for key in names_of(id, file_name):
            if key in self.found:
                self.unused.discard(key)
                return self.found[key]
        return None


def read_places(path: str | Path) -> Places:
    """Read a CSV table: the column `image`, and `country`, or `latitude` and `longitude`, or `caption`.

    Raises FormatError for a table without these columns, or with a position that is no number.
    """
    names, rows = read_table(path, "table of places")
    unknown: Counter[str] = Counter()
    find = _finder(path, names, unknown)
    found = {row["image"]: find(row) for row in rows}
    return Places(found, unknown)


def _finder(path: str | Path, names: Iterable[str], unknown: Counter[str]) -> Find:
    """How the country of a row is found."""

    def named(row: Mapping[str, str]) -> Country | None:
        text = row["country"]
        try:
            return by_name(text) if text else None
        except UnknownNameError:
            unknown[text] += 1
            return None

    def placed(row: Mapping[str, str]) -> Country | None:
        try:
            return by_position(float(row["latitude"]), float(row["longitude"]))
        except ValueError:
            raise FormatError(
                f"latitude and longitude must be numbers of degrees, got {row['latitude']!r} and "
                f"{row['longitude']!r} for {row['image']} in {path}. Correct the row, or remove it."
            ) from None

    known = set(names)
    if "image" in known and "country" in known:
        return named
    if {"image", "latitude", "longitude"} <= known:
        return placed
    if {"image", "caption"} <= known:
        return lambda row: by_caption(row["caption"])
    raise FormatError(
        f"table of places must have the column image, and country, latitude and longitude, or caption, got "
        f"{', '.join(sorted(known)) or 'none'} in {path}. Add a first line with their names."
    )


@dataclass
class Origins:
    """Images and masks by country."""

    places: Places | None = None
    """The countries by a table; None: by the positions in the image files."""
    images: Counter[str | None] = field(default_factory=Counter)
    masks: Counter[str | None] = field(default_factory=Counter)

    def add(self, id: str, file_name: str, masks: int, image: Callable[[], bytes]) -> None:
        """Count an image. image: gives its encoded file, asked for only where the position is needed."""
        if self.places is not None:
            country = self.places.of(id, file_name)
        else:
            position = position_of(image())
            country = None if position is None else by_position(*position)
        code = None if country is None else country.code
        self.images[code] += 1
        self.masks[code] += masks

    def to_dict(self) -> dict[str, Any]:
        """The paper's table: countries, images, masks and share by region and by income group, as JSON."""
        known = {one.code: one for one in countries()}
        placed = sum(count for code, count in self.images.items() if code is not None)
        rows = [
            {
                "country": known[code].name,
                "code": code,
                "images": count,
                "masks": self.masks[code],
                "share": count / placed,
            }
            for code, count in self.images.most_common()
            if code is not None
        ]
        return {
            "source": f"World Bank country and lending groups of {table_date()}, CC BY 4.0",
            "images_without_a_country": self.images[None],
            "countries": rows,
            "regions": self._groups(lambda one: one.region, placed),
            "income_groups": self._groups(lambda one: one.income, placed),
            "unknown_countries": {} if self.places is None else dict(self.places.unknown),
            "rows_of_unknown_images": [] if self.places is None else sorted(self.places.unused),
        }

    def _groups(self, group_of: Callable[[Country], str | None], placed: int) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for country in countries():
            if self.images[country.code]:
                name = group_of(country) or UNLISTED
                row = found.setdefault(name, {"group": name, "countries": 0, "images": 0, "masks": 0})
                row["countries"] += 1
                row["images"] += self.images[country.code]
                row["masks"] += self.masks[country.code]
        for row in found.values():
            row["share"] = row["images"] / placed
        return sorted(found.values(), key=lambda row: -row["images"])
