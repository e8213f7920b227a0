"""`anymask export`."""

from __future__ import annotations

import json
import re

import pytest

from anymask.cli import main
from anymask.models import build, save
from anymask.models.config import DEBUG
from anymask.onnx_export import write

MANIFEST = {
    "check": [
        {
            "precision": "int8",
            "refused": False,
            "bytes": 9_200_000,
            "milliseconds": {"encoder": 30.25, "decoder": 9.5},
            "mean_iou": 0.99123,
            "least_iou": 0.93,
            "masks": 240,
        }
    ]
}


@pytest.fixture
def run_directory(tmp_path):
    """What a training leaves: one step from it to the files."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    save(build(DEBUG), folder / "model.safetensors")
    return folder


@pytest.fixture
def asked(monkeypatch):
    """What the command asks `export`'s inside for; that itself is tested in tests/unit/export."""
    calls = []

    def write_files(model, folder, name, precisions, images, tell, *, encoder):
        tell("tracing the encoder")
        assert encoder
        calls.append((type(model).__name__, name, precisions, len(images)))
        return MANIFEST

    monkeypatch.setattr(write, "_write_files", write_files)
    return calls


def test_a_run_directory_in_one_step(run_directory, tmp_path, asked, capsys):
    target = tmp_path / "out"
    assert main(["export", str(run_directory), "-o", str(target)]) == 0
    assert asked == [("Sam", "mine", None, 4)]
    said = capsys.readouterr()
    assert re.fullmatch(r" +\d+ s  tracing the encoder\n", said.err)
    lines = said.out.splitlines()
    assert re.split(r" {2,}", lines[0]) == [
        "precision", "MB", "encoder ms", "decoder ms", "mean IoU", "least IoU", "kept",
    ]  # fmt: skip
    assert lines[1].split() == ["int8", "9.2", "30.2", "9.5", "0.9912", "0.93", "yes"]
    assert lines[2] == f"wrote {target}"


def test_json_and_precisions(run_directory, tmp_path, asked, capsys, photos):
    words = ["--precision", "float16, int8", "--photos", str(photos / "cat.jpg"), "--json"]
    assert main(["export", str(run_directory), "-o", str(tmp_path / "out"), *words]) == 0
    assert asked == [("Sam", "mine", ["float16", "int8"], 1)]
    assert json.loads(capsys.readouterr().out) == MANIFEST


def test_nothing_is_replaced_without_force(run_directory, tmp_path, asked, capsys):
    words = ["export", str(run_directory), "-o", str(tmp_path / "out")]
    assert main(words) == 0
    assert main(words) == 2
    assert "Add --force." in capsys.readouterr().err
    assert main([*words, "--force"]) == 0


def test_a_refusal_is_exit_code_2(run_directory, tmp_path, monkeypatch, capsys):
    def refuse(*_, **__):
        raise write.ExportError("int8 must keep the masks")

    monkeypatch.setattr(write, "_write_files", refuse)
    assert main(["export", str(run_directory), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "error: int8 must keep the masks"
    assert not (tmp_path / "out").exists()


def test_what_is_left_out_is_reported(run_directory, tmp_path, monkeypatch, capsys):
    check = [{**MANIFEST["check"][0], "refused": True}]
    monkeypatch.setattr(write, "_write_files", lambda *_, **__: {"check": check})
    assert main(["export", str(run_directory), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    assert said.err.splitlines()[-1] == "left out, as their masks differ from the model's: int8"
    assert said.out.splitlines()[1].split()[-1] == "refused"


def test_an_unknown_precision(run_directory, tmp_path, capsys):
    assert main(["export", str(run_directory), "-o", str(tmp_path / "out"), "--precision", "int4"]) == 2
    assert "Did you mean 'int8'?" in capsys.readouterr().err
