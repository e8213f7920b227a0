"""The page of a table: one scale for figures of one kind, and published methods by name."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from anymask.evaluate.metrics import Interval
from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.report import as_html, as_text
from anymask.evaluate.tables.running import RunOptions, SetFigures, TableResult
from anymask.evaluate.tables.table import Published, Table

SVG = "{http://www.w3.org/2000/svg}"


def measured(table: Table, numbers: dict[str, Interval], missing: tuple[str, ...] = ()) -> TableResult:
    one = SetFigures(table.published[0].set, [{"id": "a"}], numbers, 1.0)
    told = {name: f"{name} is not there." for name in missing}
    return TableResult(table, "a model", RunOptions(limit=3, seed=5), (one,), {}, told)


def charts(page: str) -> list[ElementTree.Element]:
    return [
        ElementTree.fromstring(one)
        for one in re.findall(r"<figure>(<svg.*?</svg>)</figure>", page, re.DOTALL)
    ]


def ticks(chart: ElementTree.Element) -> dict[str, float]:
    return {
        "".join(one.itertext()): float(one.attrib["x"])
        for one in chart.findall(f"{SVG}text")
        if one.attrib["text-anchor"] == "middle"
    }


@pytest.fixture
def table() -> Table:
    return TABLES["seggpt-fss"]


def test_figures_from_0_to_1_share_one_scale(table: Table) -> None:
    numbers = {"miou": Interval(0.87, 0.86, 0.88), "fb_iou": Interval(0.2, 0.1, 0.3)}
    one, other = charts(as_html(measured(table, numbers)))
    assert ticks(one).items() >= {key: ticks(other)[key] for key in ("0.0", "0.2", "1.0")}.items()
    dots = [float(chart.findall(f"{SVG}circle")[0].attrib["cx"]) for chart in (one, other)]
    assert dots[0] > ticks(one)["0.8"] > dots[1]


def test_other_figures_have_an_axis_that_holds_the_published_ones() -> None:
    table = replace(TABLES["painter"], published=(Published("Painter", {"psnr": 38.66}, "SIDD"),))
    (chart,) = charts(as_html(measured(table, {"psnr": Interval(22.0, float("nan"), float("nan"))})))
    assert {"0", "10", "40", "PSNR in dB"} <= ticks(chart).keys()


def test_every_published_method_has_its_own_mark_and_name(table: Table) -> None:
    page = as_html(measured(table, {"miou": Interval(1.0, float("nan"), float("nan"))}))
    legend = re.findall(r'<p class="legend">.*?</p>', page)[0]
    assert re.findall(r"</svg> ([^<]+)", legend)[1:] == ["SegGPT (published)", "Painter (published)"]
    (chart,) = charts(page)
    drawn = "".join(ElementTree.tostring(part, "unicode") for part in chart)
    assert "SegGPT (published): 0.856" in drawn
    assert "Painter (published): 0.617" in drawn


def test_the_head_the_limit_and_what_is_missing(table: Table) -> None:
    result = measured(table, {"miou": Interval(0.5, 0.4, 0.6)}, ("LVIS", "<GTEA>"))
    page = as_html(result, "anymask eval table seggpt-fss --limit 3")
    for fact in ("eval table seggpt-fss --limit 3", "a model", '<dd class="seed">5', "at most 3 items"):
        assert fact in page
    (folded,) = re.findall(r"<details>.*?</details>", page, re.DOTALL)
    assert "<summary>2 data sets left out</summary>" in folded
    assert "&lt;GTEA&gt; is not there." in folded
    assert page.count("is not there.") == 2, "nowhere else"
    assert as_text(result).count("is not there.") == 2
    assert as_text(result).count("A quick look") == page.count("A quick look") == 1
