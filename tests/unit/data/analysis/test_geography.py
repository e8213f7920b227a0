"""Countries by names, positions and captions."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from anymask.data.analysis.geography import (
    by_caption,
    by_name,
    by_position,
    countries,
    position_of,
    table_date,
)
from anymask.errors import UnknownNameError


def test_the_table_is_whole() -> None:
    known = countries()
    assert len({one.code for one in known}) == len(known) == 251
    assert len(known) < 255, "their numbers fit the map"
    assert {one.income for one in known} == {
        "High income", "Upper middle income", "Lower middle income", "Low income", None,
    }  # fmt: skip
    assert sum(one.region is not None for one in known) > 210
    assert table_date() == "2026-01-04"


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ((48.85, 2.35), "FRA"), ((40.71, -74.0), "USA"), ((-33.86, 151.2), "AUS"), ((1.35, 103.8), "SGP"),
        ((42.66, 21.16), "XKX"), ((-1.29, 36.8), "KEN"), ((43.94, 12.45), "SMR"), ((-29.6, 28.2), "LSO"),
        ((41.9, 12.45), "ITA"), ((21.3, -157.9), "USA"), ((-54.8, -68.3), "ARG"), ((78.2, 15.6), "NOR"),
        ((36.0, 14.4), "MLT"), ((52.37, 4.53), "NLD"), ((0.0, 0.0), None), ((90, 180), None), ((91, 0), None),
    ],
)  # fmt: skip
def test_positions(place: tuple[float, float], code: str | None) -> None:
    found = by_position(*place)
    assert (None if found is None else found.code) == code


def test_names_and_codes() -> None:
    assert {by_name(name).code for name in ("Germany", "de", "DEU", " germany ")} == {"DEU"}
    assert by_name("South  Korea").code == "KOR"
    with pytest.raises(UnknownNameError, match=r"got 'Germny'. Did you mean 'germany'"):
        by_name("Germny")


@pytest.mark.parametrize(
    ("caption", "code"),
    [
        ("Market in Nairobi, Kenya", "KEN"), ("a man named jordan drinks tea", None),
        ("Petra, Jordan", "JOR"),
        ("From Spain to France: the coast of France", "FRA"), ("papua new guinea highlands", "PNG"),
        ("Guinea-Bissau", "GNB"), ("A street in the UK", "GBR"), ("Omani food", None), ("", None),
        ("northern ireland coast", "IRL"),
    ],
)  # fmt: skip
def test_captions(caption: str, code: str | None) -> None:
    found = by_caption(caption)
    assert (None if found is None else found.code) == code


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({1: "S", 2: (33.0, 51.0, 36.0), 3: "E", 4: (151.0, 12.0, 0.0)}, (-33.86, 151.2)),
        ({1: "N", 2: (40.0, 0.0, 0.0), 3: "W", 4: (74.0, 30.0, 0.0)}, (40.0, -74.5)),
        ({1: "N", 2: (40.0, 0.0, 0.0)}, None),
        ({}, None),
    ],
)
def test_positions_in_exif(fields: dict, place: tuple[float, float] | None) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(fields)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "jpeg", exif=exif)
    found = position_of(file.getvalue())
    assert found == (None if place is None else pytest.approx(place))


def test_positions_in_files_that_are_no_images(tmp_path: Path) -> None:
    assert position_of(b"") is None
    assert position_of(b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00MM\x00*broken") is None
