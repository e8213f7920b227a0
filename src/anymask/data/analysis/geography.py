"""Which country an image comes from: by a name in a table, by its position, or by the words of its caption.

Positions are looked up offline, in a map of pixels of 0.05 degrees (Natural Earth 4.1, public domain); a
place at sea belongs to the nearest country within 0.3 degrees. Regions and income groups are the World Bank's
(CC BY 4.0), of `table_date()`.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.errors import UnknownNameError, nearest

__all__ = ["Country", "by_caption", "by_name", "by_position", "countries", "position_of", "table_date"]

_HERE = Path(__file__).parent
_STEP, _NEAR, _SEA = 0.05, 6, 255
"""Degrees of a pixel of the map; pixels to look around a place at sea; the number of the sea."""
_SPELLINGS = {
    "uk": "GBR", "great britain": "GBR", "england": "GBR", "scotland": "GBR", "wales": "GBR", "usa": "USA",
    "america": "USA", "united states": "USA", "south korea": "KOR", "north korea": "PRK", "russia": "RUS",
    "iran": "IRN", "syria": "SYR", "vietnam": "VNM", "viet nam": "VNM", "laos": "LAO", "bolivia": "BOL",
    "venezuela": "VEN", "tanzania": "TZA", "moldova": "MDA", "czechia": "CZE", "ivory coast": "CIV",
    "burma": "MMR", "holland": "NLD", "turkey": "TUR", "macedonia": "MKD", "swaziland": "SWZ",
    "cape verde": "CPV", "east timor": "TLS", "palestine": "PSE", "taiwan": "TWN", "hong kong": "HKG",
}  # fmt: skip
"""Names that people write and the list of countries does not have."""
_AMBIGUOUS = frozenset(("georgia", "jordan", "chad", "guinea", "turkey", "niger", "mali", "jersey", "oman"))
"""Words of captions that often mean something else; they count only with a capital letter."""


@dataclass(frozen=True)
class Country:
    """A country or territory."""

    code: str
    """ISO 3166 alpha-3."""
    two: str
    """ISO 3166 alpha-2."""
    name: str
    region: str | None
    """The World Bank's region; None where it lists none."""
    income: str | None
    """The World Bank's income group; None where it lists none."""


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((_HERE / "countries.json").read_text("utf-8"))
    return found


def table_date() -> str:
    """The day of the World Bank's table, as YYYY-MM-DD."""
    return str(_table()["date"])


@cache
def countries() -> tuple[Country, ...]:
    """All countries, by code."""
    return tuple(
        Country(row["code"], row["two"], row["names"][0], row["region"], row["income"])
        for row in _table()["countries"]
    )


@cache
def _names() -> Mapping[str, Country]:
    """Countries by every lower-case name and code."""
    found: dict[str, Country] = {}
    for country, row in zip(countries(), _table()["countries"], strict=True):
        for name in (country.code, country.two, *row["names"]):
            found[name.casefold()] = country
    codes = {country.code: country for country in countries()}
    return found | {name: codes[code] for name, code in _SPELLINGS.items()}


def by_name(text: str) -> Country:
    """The country of a name or an ISO code. Raises UnknownNameError."""
    found = _names().get(" ".join(text.split()).casefold())
    if found is None:
        raise UnknownNameError(
            f"country must be a name or an ISO 3166 code, got '{text}'. "
            f"{nearest(text.casefold(), [name for name in _names() if len(name) > 3])}"
        )
    return found


@cache
def _map() -> NDArray[np.uint8]:
    found = cv2.imread(str(_HERE / "countries.png"), cv2.IMREAD_GRAYSCALE)
    assert found is not None, "it comes with the package"
    return np.asarray(found, np.uint8)


def by_position(latitude: float, longitude: float) -> Country | None:
    """The country at a position in degrees, or the nearest within 0.3 degrees; None at sea and outside."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    numbers = _map()
    row = min(int((90 - latitude) / _STEP), numbers.shape[0] - 1)
    column = min(int((longitude + 180) / _STEP), numbers.shape[1] - 1)
    if numbers[row, column] != _SEA:
        return countries()[int(numbers[row, column])]
    top, left = max(0, row - _NEAR), max(0, column - _NEAR)
    around = numbers[top : row + _NEAR + 1, left : column + _NEAR + 1]
    rows, columns = np.nonzero(around != _SEA)
    if not rows.size:
        return None
    closest = np.hypot(rows + top - row, columns + left - column).argmin()
    return countries()[int(around[rows[closest], columns[closest]])]


def by_caption(caption: str) -> Country | None:
    """The country that the words of a caption name most often, the earlier of two; None without any.

    A word that often means something else, such as "jordan", counts only with a capital letter.
    """
    found: Counter[str] = Counter()
    for match in _pattern().finditer(caption):
        word = match[0]
        if word.casefold() in _AMBIGUOUS and not word[0].isupper():
            continue
        found[_names()[word.casefold()].code] += 1
    return by_name(found.most_common(1)[0][0]) if found else None


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(
        (name for name in _names() if len(name) > 3 or name in ("uk", "usa")), key=len, reverse=True
    )
    return re.compile(r"\b(?:" + "|".join(map(re.escape, names)) + r")\b", re.IGNORECASE)


def position_of(image: bytes) -> tuple[float, float] | None:
    """The latitude and longitude in degrees that the EXIF of an image file gives; None without any."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged EXIF
            with Image.open(io.BytesIO(image)) as opened:
                place = opened.getexif().get_ifd(0x8825)
        latitude, longitude = (_degrees(place[key]) for key in (2, 4))
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, SyntaxError):
        return None
    south, west = str(place.get(1, "N")).upper() == "S", str(place.get(3, "E")).upper() == "W"
    found = (-latitude if south else latitude, -longitude if west else longitude)
    return found if np.isfinite(found).all() else None


def _degrees(parts: Iterable[Any]) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600
