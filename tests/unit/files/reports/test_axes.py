"""Axes end and have their ticks at round numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anymask.files.reports.axes import FRACTION, Axis, text


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 0.99], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0, 0.102], ["0.00", "0.05", "0.10", "0.15"]),
        ([0, 12], ["0", "5", "10", "15"]),
        ([0.62, 0.65], ["0.62", "0.63", "0.64", "0.65"]),
        ([-0.3, 0.469], ["-0.4", "-0.2", "0.0", "0.2", "0.4", "0.6"]),
        ([0, 12_345], ["0", "5,000", "10,000", "15,000"]),
        ([48.13, math.nan, math.inf], ["0", "10", "20", "30", "40", "50"]),
        ([], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.3], ["0.0", "0.1", "0.2", "0.3"]),
    ],
)
def test_ticks_are_round(values: list[float], labels: list[str]) -> None:
    axis = Axis.over(values)
    assert [axis.label(tick) for tick in axis.ticks()] == labels


def test_an_axis_holds_all_values_in_few_steps_of_1_2_or_5() -> None:
    generator = np.random.default_rng(0)
    for scale in 10.0 ** generator.uniform(-6, 6, 200):
        values = generator.normal(generator.normal() * scale, scale, 3)
        axis = Axis.over(values)
        assert axis.low <= values.min() < values.max() <= axis.high
        assert 2 <= len(axis.ticks()) <= 8
        digits = axis.step / 10 ** math.floor(math.log10(axis.step) + 1e-9)
        assert min(abs(digits - one) for one in (1, 2, 5)) < 1e-6
        assert axis.low / axis.step == pytest.approx(round(axis.low / axis.step))


def test_whole_numbers_have_no_ticks_between_them() -> None:
    axis = Axis.over([0, 2], " %", whole=True)
    assert [axis.label(tick) for tick in axis.ticks()] == ["0 %", "1 %", "2 %"]
    assert FRACTION.share(0.25) == 0.25


def test_a_text_without_room_is_cut_and_kept_for_hovering() -> None:
    shown = text(0, 0, "a <long> name", room=40)
    assert "<title>a &lt;long&gt; name</title>a &lt;lo…</text>" in shown
    assert "title" not in text(0, 0, "a <long> name")
