"""Charts: what is drawn lies at its value on the axis, and everything within the chart."""

from __future__ import annotations

import math
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from anymask.files.reports.axes import LETTER, Axis
from anymask.files.reports.charts import Mark, Row, curves, dots, legend, over_names

SVG = "{http://www.w3.org/2000/svg}"


def parts(chart: str, tag: str) -> list[Element]:
    return ElementTree.fromstring(chart).findall(f"{SVG}{tag}")


def texts(chart: str) -> dict[str, Element]:
    return {"".join(one.itertext()): one for one in parts(chart, "text")}


def x_of(chart: str, label: str) -> float:
    return float(texts(chart)[label].attrib["x"])


def test_values_lie_at_their_place_on_the_axis() -> None:
    rows = [Row("a", [Mark(0.4, 0.2, 0.8), Mark(1.0, kind=1)]), Row("b", [Mark(math.nan)])]
    chart = dots("title", "IoU", rows)
    dot, ring = parts(chart, "circle")
    assert float(dot.attrib["cx"]) == pytest.approx(x_of(chart, "0.4"), abs=0.1)
    assert float(ring.attrib["cx"]) == pytest.approx(x_of(chart, "1.0"), abs=0.1)
    (bar,) = [line for line in parts(chart, "line") if line.attrib["stroke"] == dot.attrib["fill"]]
    ends = [float(bar.attrib[key]) for key in ("x1", "x2")]
    assert ends == pytest.approx([x_of(chart, "0.2"), x_of(chart, "0.8")], abs=0.1)
    assert {"title", "IoU", "a", "b"} <= texts(chart).keys()


def test_charts_with_the_same_names_have_the_same_scale() -> None:
    one = dots("", "", [Row("long name", [Mark(0.5)])], names=["a"])
    other = dots("", "", [Row("a", [Mark(0.1)])], names=["long name"])
    assert x_of(one, "0.8") == x_of(other, "0.8")


def test_other_scales_and_notes_beside_a_mark() -> None:
    chart = dots("", "dB", [Row("a", [Mark(48.1)], "1 image, no interval")], Axis.over([0, 48.1]))
    assert float(parts(chart, "circle")[0].attrib["cx"]) > x_of(chart, "40")
    assert texts(chart)["1 image, no interval"].attrib["text-anchor"] == "end", "inside the chart"


def test_the_legend_lies_beside_the_curves_and_nothing_is_cut_off() -> None:
    chart = curves("t", "x", "share", {"first": ([0, 0.99], [0.0, 0.102]), "second": ([0, 0.5], [0.1, 0.1])})
    width = float(ElementTree.fromstring(chart).attrib["width"])
    assert {"0.0", "1.0", "0 %", "5 %", "15 %"} <= texts(chart).keys()
    lines = parts(chart, "polyline")
    rightmost = max(float(point.split(",")[0]) for line in lines for point in line.attrib["points"].split())
    assert x_of(chart, "first") > max(rightmost, x_of(chart, "1.0"))
    for name, place in texts(chart).items():
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[place.attrib["text-anchor"]]
        left = float(place.attrib["x"]) - share * LETTER * len(name)
        assert left >= 0, name
        assert left + LETTER * len(name) <= width, name


def test_curves_of_counts_go_on_to_the_end_of_the_axis() -> None:
    series = {"few": ([0, 2, 2], [0.0, 0.0, 1.0]), "many": ([0, 15, 15], [0.0, 0.0, 1.0])}
    chart = curves("t", "masks per image", "share", series, counts=True)
    ends = [line.attrib["points"].split()[-1].split(",") for line in parts(chart, "polyline")]
    assert [float(x) for x, _ in ends] == pytest.approx([x_of(chart, "20")] * 2, abs=0.1)
    assert [float(y) + 4 for _, y in ends] == pytest.approx([float(texts(chart)["100 %"].attrib["y"])] * 2)


def test_values_over_their_names() -> None:
    chart = over_names("t", "mean IoU", [("0.1", 0.0, Mark(0.62, 0.61, 0.63)), ("1", 1.0, Mark(0.65))])
    low, high = (float(dot.attrib["cy"]) for dot in parts(chart, "circle"))
    assert low > high
    assert {"0.1", "1", "0.620", "0.62", "mean IoU"} <= texts(chart).keys()
    assert len(parts(chart, "polyline")) == 1


def test_each_method_has_a_mark_of_its_own_in_the_legend() -> None:
    names = [f"method {number}" for number in range(12)]
    marks = [part.split("</svg>")[0] for part in legend(names).split("<svg")[1:]]
    assert len(set(marks)) == len(names)
