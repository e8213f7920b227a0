"""Opening a file in the system's viewer, and what is said where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anymask.cli import viewer


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that were to be started; none is."""
    started: list[list[str]] = []
    monkeypatch.setattr(viewer.subprocess, "Popen", lambda command, **_: started.append(command))
    return started


def on(monkeypatch: pytest.MonkeyPatch, platform: str, *programs: str, screen: bool = True) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(viewer.shutil, "which", lambda name: name if name in programs else None)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":0" if screen else "")


@pytest.mark.parametrize(
    ("platform", "program", "command"),
    [
        ("linux", "xdg-open", ["xdg-open"]),
        ("linux", "gio", ["gio", "open"]),
        ("darwin", "", ["open"]),
        ("win32", "", ["explorer"]),
    ],
)
def test_each_system_has_its_own_command(calls, monkeypatch, platform, program, command) -> None:
    on(monkeypatch, platform, program)
    assert viewer.open_file("-o.png")
    assert calls == [[*command, str(Path("-o.png").resolve())]]


@pytest.mark.parametrize(("programs", "screen"), [((), True), (("xdg-open",), False)])
def test_no_viewer_is_reported(calls, monkeypatch, capsys, programs, screen) -> None:
    on(monkeypatch, "linux", *programs, screen=screen)
    assert not viewer.open_file("a.png")
    assert calls == []
    said = "note: no viewer was found for a.png; open the file yourself\n"
    assert capsys.readouterr().err == said


def test_a_viewer_that_does_not_start(monkeypatch, capsys) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    on(monkeypatch, "linux", "xdg-open")
    monkeypatch.setattr(viewer.subprocess, "Popen", refuse)
    assert not viewer.open_file("a.png")
    assert "xdg-open cannot be started (Permission denied); open a.png yourself" in capsys.readouterr().err


def test_segment_opens_the_overlay(calls, monkeypatch, run, photo: Path, model: Path) -> None:
    on(monkeypatch, "linux", "xdg-open")
    answer = run("segment", photo, "--point", "60,40", "--model", model, "--open")
    assert (answer.code, answer.err) == (0, "")
    assert calls == [["xdg-open", str(Path("photo-mask-overlay.jpg").resolve())]]
    assert Path("photo-mask-overlay.jpg").is_file()
