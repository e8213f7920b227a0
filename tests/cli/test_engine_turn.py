"""A whole turn of the data engine with simulated people, at toy size."""

from __future__ import annotations

import importlib
import json
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from anymask.data.synthetic import shapes
from anymask.formats import sa1b

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = [
    "--retrain=--steps 1 --held 0.4 --set size=64 loop.workers=0",
    "--suggest=--points-per-side 2",
    "--auto=--detector none --points-per-side 2 --min-iou 0 --min-stability 0",
]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with few clicks."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("data_engine")
    monkeypatch.setattr(module, "MOST", 2)
    monkeypatch.setattr("anymask.data_engine.suggest.confident", lambda judged, held: 0.0)
    monkeypatch.setattr("anymask.data_engine.retraining.run.judge_held", lambda *given: [])
    return module


@pytest.fixture
def toys(workplace: Path) -> Path:
    """Small images of shapes with their masks."""
    folder, random = workplace / "toys", np.random.default_rng(0)
    folder.mkdir()
    for _ in range(24):
        record = shapes(random, (48, 64), 2)
        Image.fromarray(record.read()).save(folder / f"{record.id}.png")
        (folder / f"{record.id}.json").write_text(json.dumps(sa1b.to_document(record)))
    return folder


def test_changes_are_paired_by_image(module: ModuleType) -> None:
    before = module.Work("compact", "clicks", by_image=[(2, 40.0), (8, 160.0)])
    now = module.Work("v1", "clicks", by_image=[(3, 30.0), (9, 90.0)])
    assert module._changes(before, now) == ("+1.0 to +1.0", "-10.0 to -10.0")
    assert module._changes(None, now) == ("", "")


def test_a_turn(module: ModuleType, toys: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = toys.parent / "turn"
    words = [str(toys), str(out), "--images", "24", "--model", str(model)]
    module.main([*words, *OPTIONS])
    tried = [json.loads(line) for line in (out / "trials.jsonl").read_text().splitlines()]
    assert [(one["version"], one["way"]) for one in tried[:2]] == [
        ("compact", "clicks"), ("compact", "suggestions"),
    ]  # fmt: skip
    assert all(one["images"] == 6 and one["masks"] and one["seconds"] for one in tried)
    assert all(one["clicked"] + one["accepted"] == one["masks"] for one in tried)
    assert (out / "report" / "index.html").is_file()
    text = capsys.readouterr().out
    assert "| compact | suggestions | - |" in text
    assert "corrected (paper)" in text
    assert "are not marked as done" not in text
    with pytest.raises(SystemExit, match="OUT must be a new folder"):
        module.main(words)


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        (["sets"], "sets runs/data_engine --images 80"),
        (["sets", "out", "12", "--model", "m"], "sets out --images 12 --model m"),
    ],
)
def test_the_script_passes_its_arguments_on(given: list[str], passed: str) -> None:
    script = str(ROOT / "runs/data_engine.sh")
    done = subprocess.run(["sh", script, *given], env={"PYTHON": "echo"}, capture_output=True, text=True)
    assert done.stdout.split(maxsplit=1)[1].strip() == passed, done.stderr
