"""`anymask train` starts, continues and shows runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from anymask.cli.commands import train
from anymask.train import recipes
from anymask.train.text.run import TEXT_RECIPES

TINY = [
    "model=debug",
    "init=scratch",
    "size=64",
    "rounds.clicks=1",
    "augment.most=2",
    "loop.batch=1",
    "loop.workers=0",
    "loop.every_log=1",
    "loop.every_save=1",
]


@pytest.fixture
def words(dataset: Path) -> list[object]:
    return ["train", "finetune_all", "--data", f"{dataset}=2", "-o", "run", "--set", *TINY]


def test_list(run) -> None:
    answer = run("train", "--list")
    assert (answer.code, answer.err) == (0, "")
    assert [line.split()[0] for line in answer.out.splitlines()] == sorted([*recipes.RECIPES, *TEXT_RECIPES])


def test_show(run) -> None:
    answer = run("train", "finetune_all", "--show", "--set", "loop.steps=7")
    assert json.loads(answer.out)["loop"]["steps"] == 7
    assert not list(Path().iterdir())


def test_a_run_and_its_continuation(run, words: list[object], photo: Path) -> None:
    answer = run(*words, "loop.steps=1")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0] == "wrote run"
    assert [json.loads(line)["step"] for line in answer.err.splitlines()] == [1]
    assert run("segment", photo, "--point", "9,9", "--model", "run").code == 0

    again = run(*words, "loop.steps=2")
    assert [json.loads(line)["step"] for line in again.err.splitlines()] == [2]
    assert run("train", "-o", "run", "--set", "loop.steps=3").code == 0
    steps = [json.loads(line)["step"] for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3]


def test_a_detector_is_trained_and_used(run, dataset: Path, photo: Path) -> None:
    short = ["size=64", "loop.steps=1", "loop.batch=1", "loop.workers=0"]
    answer = run("train", "finetune_detector", "--data", dataset, "-o", "run", "--set", *short)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == "To use it: anymask auto IMAGE --detector run"
    assert run("auto", photo, "--points-per-side", 2, "--crops", 0, "--detector", "run").code == 0
    answer = run("segment", photo, "--point", "9,9", "--model", "run")
    assert answer.code
    assert "got a detector in run" in answer.err


def test_the_time_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr(train.time, "monotonic", lambda: next(times))
    pace = train.Pace(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"config": {"loop": {"steps": 150}}}))
    assert pace({"step": 10}) == "step 10 of 150"
    assert pace({"step": 30}) == "step 30 of 150, 0:01:00 left"
    (tmp_path / "run.json").unlink()
    assert pace({"step": 40}) == "step 40"


def test_another_run_in_the_same_folder_needs_force(run, words: list[object]) -> None:
    assert run(*words, "loop.steps=1").code == 0
    answer = run(*words, "loop.steps=1", "optim.lr=0.5")
    assert answer.code == 2
    assert answer.err.startswith("error: optim.lr must be ")
    assert run(*words, "loop.steps=1", "optim.lr=0.5", "--force").code == 0


def test_ctrl_c_says_how_to_resume(run, words: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "run", stop)
    answer = run(*words)
    assert (answer.code, answer.out) == (130, "")
    assert answer.err == "stopped; to resume: anymask train -o run\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--device", "cuda"], "unknown option --device. Use: --set loop.device=VALUE"),
        (["--steps", "5"], "unknown option --steps. Use: --set loop.steps=VALUE"),
        (["--set", "loop.batch=0"], "--set loop.batch=0: batch must be at least 1, got 0."),
        (["--set", "loop.batch=-1"], "--set loop.batch must be from 0 to 1,000,000,000, got -1."),
    ],
)
def test_settings_given_otherwise(run, words: list[object], given: list[str], said: str) -> None:
    answer = run(*words[:-1], *given) if given[0] != "--set" else run(*words, given[1])
    assert answer.code == 2
    assert answer.err.startswith(f"error: {said}")


def test_images_without_masks_are_told(run, photo: Path, tmp_path: Path) -> None:
    plain, data = tmp_path / "plain", tmp_path / "data"
    for folder in (plain, data / "images", data / "masks"):
        folder.mkdir(parents=True)
        shutil.copy(photo, folder)
    answer = run("train", "finetune_decoder", "--data", plain, "-o", "out")
    assert f"got {plain} with 1 images and no masks. Make masks with: anymask serve {plain}" in answer.err
    answer = run("train", "finetune_decoder", "--data", data / "images", "-o", "out")
    assert f"got {data / 'images'}. Give the folder above it, {data}." in answer.err


def test_a_run_without_a_model_is_told(run, photo: Path) -> None:
    Path("early").mkdir()
    Path("early", "run.json").write_text("{}")
    answer = run("segment", photo, "--point", "9,9", "--model", "early")
    assert answer.err.startswith("error: the run in early must have saved its model, got none")
    assert "anymask train -o early" in answer.err


def test_how_images_are_shown_is_kept_in_the_run(run, words: list[object]) -> None:
    assert run(*words, "loop.steps=1", "--limits", "0,4095").code == 0
    assert json.loads(Path("run/run.json").read_text())["config"]["limits"] == "0,4095"
    other = run(*words, "loop.steps=2")
    assert other.code == 2
    assert other.err.startswith("error: limits must be '0,4095' as in the run in run, got ''.")
    assert run("train", "-o", "run", "--set", "loop.steps=2").code == 0
    wrong = run(*words, "--limits", "7")
    assert wrong.err.startswith("error: --limits must be LOW,HIGH, got '7'.")
