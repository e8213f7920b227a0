"""Where a report comes from."""

from __future__ import annotations

import re

import anymask
from anymask.files.reports.provenance import cpu_name, facts


def test_the_head_of_a_page() -> None:
    found = facts("anymask data analyse x -o y")
    assert list(found) == ["command", "date", "version", "machine"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", found["date"])
    assert found["version"].startswith(f"anymask {anymask.__version__}")
    assert cpu_name() in found["machine"]
    assert "command" not in facts()
