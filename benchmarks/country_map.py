"""Makes the files of `anymask.data.analysis.geography`: the table of countries and the map of their areas.

python benchmarks/country_map.py ATLAS CODES NAMES REGIONS INCOMES FOLDER

ATLAS     countries-50m.json of the npm package world-atlas 2.0.2: Natural Earth 4.1, public domain
CODES     codes.json of the npm package i18n-iso-countries: ISO 3166 alpha-2, alpha-3 and numeric codes
NAMES     langs/en.json of the same package
REGIONS   the World Bank's regions, and
INCOMES   its income groups, as listed by wbopendata on 2026-01-04 (World Bank, CC BY 4.0)
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

STEP = 0.05
"""Degrees of a pixel."""
ENTRY = re.compile(r"\{synopt:\{opt (\w+)\}\}\s*(.*?)\s*\{p_end\}")
HEAD = re.compile(r"\{synopthdr:(.*) \((\w+)\)\}")
WITHOUT_NUMBER = {"Kosovo": "XKX", "N. Cyprus": "CYP", "Somaliland": "SOM", "Indian Ocean Ter.": "AUS"}


def groups(path: Path) -> dict[str, str]:
    """The group of each economy by its code."""
    found, group = {}, ""
    for line in path.read_text().splitlines():
        if head := HEAD.search(line):
            group = head[1]
        elif (entry := ENTRY.search(line)) and group not in ("Aggregates", "Not classified"):
            found[entry[1]] = group
    return found


def rings(atlas: dict[str, Any], arcs: list[Any]) -> list[np.ndarray]:
    """The rings of a shape in degrees (N, 2)."""
    scale, move = (np.array(atlas["transform"][name]) for name in ("scale", "translate"))

    def arc(number: int) -> np.ndarray:
        points = np.cumsum(np.array(atlas["arcs"][~number if number < 0 else number]), axis=0) * scale + move
        return points[::-1] if number < 0 else points

    return [np.concatenate([arc(number) for number in ring]) for ring in arcs]


def main(atlas: Path, codes: Path, names: Path, regions: Path, incomes: Path, folder: Path) -> None:
    shapes = json.loads(atlas.read_text())
    alpha = {row[2]: (row[0], row[1]) for row in json.loads(codes.read_text())}
    english = json.loads(names.read_text())["countries"] | {"XK": "Kosovo"}  # has no code of ISO's
    alpha["XKX"] = ("XK", "XKX")
    region, income = groups(regions), groups(incomes)
    table = [
        {
            "code": alpha3,
            "two": alpha2,
            "names": english[alpha2] if isinstance(english[alpha2], list) else [english[alpha2]],
            "region": region.get(alpha3),
            "income": income.get(alpha3),
        }
        for alpha2, alpha3 in sorted(alpha.values(), key=lambda pair: pair[1])
        if alpha2 in english
    ]
    row = {one["code"]: number for number, one in enumerate(table)}
    numbers = np.full((round(180 / STEP), round(360 / STEP)), 255, np.uint8)
    for one in shapes["objects"]["countries"]["geometries"]:
        code = WITHOUT_NUMBER.get(one["properties"]["name"]) or alpha.get(one.get("id", ""), ("", ""))[1]
        if code not in row:
            continue
        for polygon in one["arcs"] if one["type"] == "MultiPolygon" else [one["arcs"]]:
            pixels = [((ring * (1, -1) + (180, 90)) / STEP - 0.5) * 256 for ring in rings(shapes, polygon)]
            cv2.fillPoly(numbers, [ring.round().astype(np.int32) for ring in pixels], row[code], shift=8)
    head: dict[str, Any] = {
        "date": "2026-01-04",
        "source": "World Bank country and lending groups, CC BY 4.0",
    }
    head["countries"] = table
    (folder / "countries.json").write_text(json.dumps(head, ensure_ascii=False, indent=0) + "\n")
    cv2.imwrite(str(folder / "countries.png"), numbers, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
