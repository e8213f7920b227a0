"""JavaScript arrives at the very numbers that Python does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from .serving import hosted

TESTS = Path(__file__).resolve().parents[1]
STATIC = TESTS.parent / "src" / "anymask" / "app" / "static"
KINDS = sorted(path.stem for path in (TESTS / "fixtures").glob("*.json"))


@pytest.fixture(scope="module")
def twins(browser: Browser) -> Iterator[Page]:
    """A page that can import the app's modules and tests/web/twins.js."""
    page = browser.new_page()
    with hosted(TESTS.parent) as address:
        page.goto(f"{address}tests/web/twins.html")
        yield page
    page.close()


@pytest.mark.parametrize("kind", KINDS)
def test_both_arrive_at_the_same_numbers(twins: Page, kind: str) -> None:
    cases: list[dict[str, Any]] = json.loads((TESTS / "fixtures" / f"{kind}.json").read_text("utf-8"))
    answers = twins.evaluate(
        "async ([kind, cases]) => (await import('./twins.js')).answer(kind, cases)", [kind, cases]
    )
    assert answers == [case["answer"] for case in cases]
