"""Every example runs, writes what it says and shows its own usage."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

import anymask

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if path.stem == "export_onnx":  # with the files of a tiny model: the compact one takes a minute
        model = request.getfixturevalue("traced")("compact").model
        (tmp_path / "out").mkdir()
        anymask.export(model, tmp_path / "out" / "compact-onnx", precisions=["float32"])
    monkeypatch.setattr(sys, "argv", [str(path), "-o", str(tmp_path / "out")])
    runpy.run_path(str(path), run_name="__main__")
    written = [Path(line.split()[-1]) for line in capsys.readouterr().out.splitlines() if "wrote" in line]
    assert written
    assert all(file.stat().st_size > 0 for file in written)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_says_what_it_does(path: Path) -> None:
    assert f"examples/{path.name}" in path.read_text("utf-8").split('"""')[1]
