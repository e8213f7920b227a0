"""`anymask eval table` lists, measures and resumes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from anymask.evaluate.tables.catalog import TABLES
from anymask.evaluate.tables.self_tests import prompts


def test_all_tables_are_listed_a_line_each(run, tmp_path: Path) -> None:
    prompts.points().copy(tmp_path)
    answer = run("eval", "table", "--data", tmp_path)
    assert answer.code == 0, answer.err
    there = 23 if find_spec("h5py") else 22  # a file of Hypersim cannot be made without
    lines = {line.split()[0]: " ".join(line.split()) for line in answer.out.splitlines()}
    assert len(answer.out.splitlines()) == len(TABLES) + 1
    assert lines["sam-points"].startswith(
        f"sam-points {there} of 23 data sets here Mean IoU from 1, 2, 3, 5 and 9"
    )
    assert lines["sam-edges"].startswith("sam-edges 0 of 3 data sets here Edges")
    (tmp_path / "empty").mkdir()
    answer = run("eval", "table", "sam-points", "--data", tmp_path / "empty")
    assert answer.code == 2
    assert "Any of its 23 will do; what each needs: anymask eval table sam-points --needs" in answer.err


def test_data_sets_are_listed_with_what_is_missing(run, tmp_path: Path) -> None:
    prompts.proposals().copy(tmp_path)
    answer = run("eval", "table", "--data", tmp_path, "--needs")
    assert answer.code == 0, answer.err
    one = run("eval", "table", "sam-edges", "--data", tmp_path, "--needs")
    assert one.out in answer.out
    assert f"LVIS v1 val: in {tmp_path / 'LVIS'}" in answer.out
    assert "BSDS500 is not there: it needs data/images/test/*.jpg" in answer.out
    assert "licence: research only" in answer.out
    assert run("eval", "table", "--data", tmp_path, "--json").json["sam-edges"]["BSDS500"] is None


def test_a_table_is_measured_reported_and_not_overwritten(
    run, tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts.points().copy(tmp_path / "data")
    words = ["eval", "table", "sam-points", "--data", tmp_path / "data", "--model", model, "--limit", "1"]
    monkeypatch.setattr("sys.argv", ["anymask", *map(str, words), "-o", "points.json"])
    answer = run(*words, "-o", "points.json")
    assert answer.code == 0, answer.err
    assert "| GTEA" in answer.out
    assert "A quick look: at most 1 item of each data set" in answer.out
    assert "SAM ViT-H minus RITM (published)" in answer.out
    report = json.loads(Path("points.json").read_text())
    assert report["sets"][0]["rows"][0]["id"]
    assert (report["table"], report["limit"], report["seed"]) == ("sam-points", 1, 0)
    page = Path("points.html").read_text()
    assert "<svg" in page
    assert "BBBC038v1" in page
    for fact in ("--limit 1 -o points.json", report["model"], "UTC", "anymask 0.", '<dd class="seed">0'):
        assert fact in page
    assert not Path("points.partial").exists()
    assert "which exists" in run(*words, "-o", "points.json").err


def test_models_are_compared_with_a_curve(run, tmp_path: Path, model: Path) -> None:
    prompts.runs_on_points().copy(tmp_path / "data")
    words = ["eval", "table", "sam-volume", "--data", tmp_path / "data", "-o", "volume.json"]
    answer = run(*words, "--runs", f"0.1={model}", f"1={model}")
    assert answer.code == 0, answer.err
    report = json.loads(Path("volume.json").read_text())
    assert report["mean"]["0.1"] == report["mean"]["1"]
    assert Path("volume.html").read_text().count("<polyline") == 1
    for runs in ([], ["--runs", str(model)], ["--runs", f"a={model}", f"a={model}"]):
        assert "--runs must be" in run(*words, *runs, "--force").err
    assert "left out for sam-points" in run("eval", "table", "sam-points", "--runs", "a=b").err


def test_a_self_test_needs_no_data(run) -> None:
    answer = run("eval", "table", "sam-instances", "--self-test")
    assert (answer.code, answer.out.splitlines()[-1]) == (
        0, "Self-test passed: the figures are the known ones.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sam-point"], "name must be"),
        (["sam-edges", "--data", "nowhere"], "data must hold a data set of sam-edges, got none in nowhere"),
        (["sam-edges", "-o", "a.txt"], "output must end in .json"),
    ],
)
def test_messages(run, words: list[str], told: str) -> None:
    answer = run("eval", "table", *words)
    assert answer.code == 2
    assert told in answer.err
