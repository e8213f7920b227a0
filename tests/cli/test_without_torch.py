"""The commands of users work where PyTorch is not installed; the others name the command that adds it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from anymask.errors import install_command

SCRIPT = """import sys
sys.modules["torch"] = None  # as if it were not installed
from anymask.cli import main
for words in {lines!r}:
    print(main(words), flush=True)
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> tuple[list[str], str, Path]:
    """The exit codes of several commands in one process without PyTorch, what they report, their folder."""
    folder = tmp_path_factory.mktemp("plain")
    cat, flower = str(photos / "cat.jpg"), str(photos / "flower.jpg")
    lines = [
        ["segment", cat, "--point", "210,180", "-o", "cat.png", "--json"],
        ["auto", str(photos), "-o", "auto", "--points-per-side", "2", "--json"],
        ["like", "--example", f"{cat}=cat.png", flower, "-o", "like", "--json"],
        ["segment", cat, "--text", "cat", "-o", "text.json"],
        ["name", cat, "text.json", "--names", "cat,dog"],
        ["data", "convert", "auto", "-o", "coco.json", "--json"],
        ["models", "--json"],
        ["segment", cat, "--point", "210,180", "-o", "b.png", "--model", "sam_vit_b"],
        ["export", "compact", "-o", "exported"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(lines=lines)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    codes = [line for line in done.stdout.splitlines() if line in ("0", "1", "2", "3")]
    return codes, done.stderr, folder


def test_commands_of_users_work(outcome) -> None:
    codes, stderr, folder = outcome
    assert codes == ["0"] * 7 + ["2"] * 2, stderr
    assert (folder / "cat.png").is_file()
    assert json.loads((folder / "coco.json").read_text())["images"]


def test_other_commands_name_the_install_command(outcome) -> None:
    lines = outcome[1].splitlines()
    for need, extra in (("the model sam_vit_b", "torch"), ("exporting a model", "export")):
        (line,) = [line for line in lines if line.startswith(f"error: {need} needs an optional package.")]
        assert line.endswith(install_command(extra))


def test_names_of_the_package_do_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import anymask

    monkeypatch.delitem(vars(anymask), "tune", raising=False)
    for name in [name for name in sys.modules if name.startswith("anymask.train")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(anymask.MissingExtraError, match=r"anymask.tune needs .* pip install .*\[torch\]"):
        _ = anymask.tune


def test_a_model_is_used_without_importing_torch() -> None:
    code = """import sys, numpy, anymask
from anymask.cli.commands import auto, like, segment, serve
anymask.load("compact"), anymask.load("context"), anymask.automatic, anymask.segment_like, anymask.predict
print("torch" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


SERVER = """import sys
sys.modules["torch"] = None
from fastapi.testclient import TestClient
from anymask.app.server import create_app
from anymask.app.settings import Settings
from anymask.data_engine.project import open_project
with TestClient(create_app(open_project({folder!r}), Settings()), base_url="http://127.0.0.1") as client:
    image = client.get("/api/images").json()["images"][0]
    asked = {{"prompts": [{{"points": [[210, 180]], "labels": [1]}}]}}
    print(client.post(f"/api/images/{{image['id']}}/predict", json=asked).json()["masks"][0]["size"])
    print(client.get("/models/compact/model.json").json()["encoder"])
    print(client.get("/models/compact/decoder-float16.onnx").status_code)
"""


def test_the_server_works(tmp_path: Path, photos: Path) -> None:
    pytest.importorskip("fastapi")
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(photos / "cat.jpg", folder)
    done = subprocess.run(
        [sys.executable, "-c", SERVER.format(folder=str(folder))],
        env={**os.environ, "ANYMASK_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["[300, 451]", "compact", "200"], done.stderr
