"""Pages of reports in a browser: they fit the window, and tables scroll inside their own box."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from anymask.files.reports import page as pages
from anymask.files.reports.charts import Mark, Row, dots

WIDE = pages.table(["set", *(f"figure {n}" for n in range(20))], [["a", *["0.123 ±0.456"] * 20]])
CHARTS = pages.figures(dots(f"figure {n}", "IoU", [Row("a", [Mark(0.5)])]) for n in range(2))


@pytest.mark.parametrize(("width", "in_a_row"), [(1200, 2), (800, 1), (400, 1)])
def test_a_page_fits_its_window(page: Page, width: int, in_a_row: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(pages.page("title", {"command": "anymask " + "x" * 300}, [WIDE, CHARTS]))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('.scroll'))")
    tops = [figure.bounding_box()["y"] for figure in page.query_selector_all("figure")]
    assert len(set(tops)) == 3 - in_a_row
    svg = page.query_selector("svg")
    assert svg is not None
    assert svg.bounding_box()["width"] <= width
