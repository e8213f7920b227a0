"""What the terminal shows, and what a file or a pipe gets instead."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from anymask.cli import console
from anymask.cli.commands import train


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """To be called in a test: pytest gives stderr back between a fixture and its test."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    return stream


@pytest.mark.parametrize("unit", ["bytes", "images"])
def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    terminal = open_terminal(monkeypatch)
    with console.progress(unit) as advance:
        advance(0, 0, "waiting")
        advance(5_000_000, 10_000_000, "toys [val]")
    assert "toys [val]" in terminal.getvalue()


def test_nothing_is_drawn_before_there_is_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = open_terminal(monkeypatch)
    with console.progress("bytes"):
        pass
    assert terminal.getvalue() == ""


def test_lines_elsewhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = iter([0.0, 1.0, 11.0, 12.0, 30.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    with console.progress("bytes") as advance:
        for done in (1, 2, 3, 4):
            advance(done * 1_000_000, 9_000_000, "loading")
    assert capsys.readouterr().err == "loading: 2 of 9 MB\nloading: 4 of 9 MB\n"


def test_training_on_a_terminal_keeps_the_validations(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = open_terminal(monkeypatch)
    with train._reports(tmp_path) as report:
        report({"step": 1, "loss": 0.123456})
        report({"val_click_1": 0.5, "step": 2})
    assert "step 2, val_click_1 0.5" in terminal.getvalue()


def test_columns_of_numbers_are_set_to_the_right() -> None:
    text = console.table([["a", 5], ["long", 10]], ["name", "n"])
    assert text == "name   n\na      5\nlong  10"


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    console.out_json({"a": [float("nan"), 1.5], "b": (float("inf"),)})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": [None]}
