"""The number of threads is measured in turns, and kept for the machine that it was measured on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anymask.models import measured_threads, onnx_session
from anymask.models.measured_threads import FILE, fastest, keep, kept, time_in_turns


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    for variable in onnx_session.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "cache"


def test_the_measured_number_is_used_on_this_machine_only(cache: Path, monkeypatch) -> None:
    monkeypatch.setattr(onnx_session, "cores", lambda: 8)
    assert onnx_session.threads() == 8
    assert keep(3, 8) == cache / FILE
    assert onnx_session.threads() == 3
    monkeypatch.setenv("ANYMASK_THREADS", "2")
    assert onnx_session.threads() == 2
    monkeypatch.delenv("ANYMASK_THREADS")
    monkeypatch.setattr(measured_threads, "cpu_name", lambda: "another CPU")
    assert onnx_session.threads() == 8


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": 1}', "null"])
def test_a_damaged_file_counts_as_none(cache: Path, text: str) -> None:
    keep(2, 4)
    (cache / FILE).write_text(text)
    assert kept(4) is None


@pytest.mark.parametrize("count", [0, 5, "2", None, 1.5])
def test_a_number_that_does_not_fit_counts_as_none(cache: Path, count: object) -> None:
    keep(2, 4)
    values = json.loads((cache / FILE).read_text()) | {"threads": count}
    (cache / FILE).write_text(json.dumps(values))
    assert kept(4) is None


@pytest.mark.parametrize(
    ("times", "count"),
    [({1: 1.0}, 1), ({1: 1.0, 2: 0.95}, 1), ({1: 1.0, 2: 0.6, 4: 0.58}, 2), ({1: 1.0, 2: 1.1, 4: 0.5}, 4)],
)
def test_more_threads_must_be_worth_it(times: dict[int, float], count: int) -> None:
    assert fastest(times) == count


def test_all_take_turns() -> None:
    called: list[int] = []
    times = time_in_turns(lambda count: lambda: called.append(count), [1, 2], 0.0)
    assert called == [1, 2, 1, 2]
    assert sorted(times) == [1, 2]
