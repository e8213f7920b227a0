"""Images by country, and tables that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from anymask.data.analysis.origins import Origins, read_places
from anymask.errors import FormatError


def table(tmp_path: Path, text: str) -> Path:
    (tmp_path / "places.csv").write_text(text)
    return tmp_path / "places.csv"


def no_image() -> bytes:
    raise AssertionError("nothing is read where there is a table")


def test_the_table_of_regions_and_income_groups(tmp_path: Path) -> None:
    rows = "Image,Country\na,France\nb.jpg,DE\nc,kenya\nd,Taiwan\ne,Atlantis\nf,\ng,Peru\n"
    origins = Origins(read_places(table(tmp_path, rows)))
    for id in "abcdef":
        origins.add(id, f"photos/{id}.jpg", 10, no_image)
    found = origins.to_dict()
    assert found["images_without_a_country"] == 2
    assert found["unknown_countries"] == {"Atlantis": 1}
    assert found["rows_of_unknown_images"] == ["g"]
    assert {row["code"]: row["masks"] for row in found["countries"]} == dict.fromkeys(
        ("FRA", "DEU", "KEN", "TWN"), 10
    )
    regions = {row["group"]: (row["countries"], row["images"], row["share"]) for row in found["regions"]}
    assert regions == {
        "Europe and Central Asia": (2, 2, 0.5),
        "Sub-Saharan Africa": (1, 1, 0.25),
        "not in the table": (1, 1, 0.25),
    }
    assert sum(row["share"] for row in found["income_groups"]) == 1


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("image,latitude,longitude\na,48.85,2.35\n", "FRA"),
        ("image,latitude,longitude\na,0,0\n", None),
        ('image,caption\na,"A dog in Lima, Peru"\n', "PER"),
        ("\ufeffimage,country\na.jpg,Peru\n", "PER"),
    ],
)
def test_forms_of_tables(tmp_path: Path, rows: str, code: str | None) -> None:
    country = read_places(table(tmp_path, rows)).of("a", "sub/a.jpg")
    assert (None if country is None else country.code) == code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", r"must have the column image, and country, .* got a, b in"),
        ("", "must have the column image, and country, .* got none in"),
        ("image,latitude,longitude\na,north,2\n", "must be numbers of degrees, got 'north' and '2' for a in"),
        ("image,latitude,longitude\na,1\n", "must be numbers of degrees, got '1' and '' for a in"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_places(table(tmp_path, text))


def test_files_that_are_no_table(tmp_path: Path) -> None:
    gone = tmp_path / "gone.csv"
    with pytest.raises(FormatError) as told:
        read_places(gone)
    assert str(told.value) == f"table of places must be a file that exists, got {gone}. Check the name."
    with pytest.raises(FormatError, match="table of places must be a CSV file in UTF-8"):
        read_places(tmp_path)
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="table of places must be a CSV file in UTF-8"):
        read_places(tmp_path / "binary.csv")


def test_without_a_table_the_position_is_read() -> None:
    origins = Origins()
    origins.add("a", "a.jpg", 3, lambda: b"no image")
    assert origins.to_dict()["images_without_a_country"] == 1
