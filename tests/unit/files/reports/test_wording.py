"""Singular and plural."""

from __future__ import annotations

from anymask.files.reports.wording import counted


def test_one_is_singular() -> None:
    assert [counted(number, "row") for number in (0, 1, 2_000)] == ["0 rows", "1 row", "2,000 rows"]
    assert [counted(number, "country", "countries") for number in (1, 2)] == ["1 country", "2 countries"]
