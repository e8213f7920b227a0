"""Retraining over HTTP: who may start it, progress from a file, versions, a process that cannot begin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anymask.app import retraining
from anymask.app.models import Models
from anymask.app.settings import Settings
from anymask.cli.parser import find, parse
from anymask.data_engine.project import open_project, versions
from anymask.data_engine.retraining.state import LOCK
from anymask.files import locked
from anymask.images.bands import Bands, read_bands

ADMIN = {"Authorization": "Bearer secret"}


def until(client, state: str) -> dict:
    """The answer once the retraining is in this state."""
    end = time.monotonic() + 60
    while True:
        found = client.get("/api/retraining").json()
        if found["state"] == state or time.monotonic() > end:
            return found
        time.sleep(0.05)


@pytest.fixture
def sleeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of a retraining a process that only sleeps."""
    start = subprocess.Popen

    def popen(command, **more):
        assert command[2:5] == ["anymask", "engine", "retrain"]
        return start([sys.executable, "-c", "import time; time.sleep(60)"], **more)

    monkeypatch.setattr(retraining.subprocess, "Popen", popen)


def test_a_project_with_too_few_masks(client) -> None:
    assert client.get("/api/retraining").json() == {
        "state": "none", "what": "", "done": 0, "total": 0, "error": None, "result": None,
        "in_use": "compact", "versions": [],
    }  # fmt: skip
    assert client.post("/api/retraining").status_code == 202
    found = until(client, "failed")
    assert "Annotate more images" in found["error"], found


def test_it_is_started_once_and_stopped(client, sleeper: None) -> None:
    assert client.post("/api/retraining").json()["state"] == "running"
    again = client.post("/api/retraining")
    assert (again.status_code, again.json()["error"]) == (
        409, "The model is in retraining already. Wait for it, or stop it.",
    )  # fmt: skip
    assert client.delete("/api/retraining").json()["state"] != "running"
    assert client.delete("/api/retraining").status_code == 200, "there is nothing to stop"


def test_a_process_that_cannot_begin(client, monkeypatch: pytest.MonkeyPatch) -> None:
    start = subprocess.Popen
    monkeypatch.setattr(
        retraining.subprocess, "Popen", lambda command, **more: start([sys.executable, "-c", "1/0"], **more)
    )
    client.post("/api/retraining")
    error = until(client, "failed")["error"]
    assert error == "The retraining ended with code 1. See retrain.log in the folder of its versions."


def test_progress_of_another_process(start, project) -> None:
    folder = versions.models_folder(project)
    folder.mkdir()
    state = {"state": "running", "what": "training clicks", "done": 30, "total": 150}
    state |= {"error": None, "result": None, "process": os.getpid()}
    (folder / "state.json").write_text(json.dumps(state))
    client = start()
    assert client.get("/api/retraining").json()["state"] == "stopped", "nobody holds the lock"
    with locked(folder / LOCK):
        found = client.get("/api/retraining").json()
    assert (found["state"], found["what"], found["done"]) == ("running", "training clicks", 30)


@pytest.fixture
def version(project) -> str:
    """A version of the project's model that exists by name only."""
    folder = versions.models_folder(project) / "v1"
    folder.mkdir(parents=True)
    made = versions.Version("v1", 5.0, "compact", "v1", None, 3, 9, {"clicks after": {"mean": 0.8}})
    (folder / versions.INFO).write_bytes(versions.to_json(made))
    return "v1"


def test_versions_are_listed_and_used(start, version: str) -> None:
    client = start()
    (found,) = client.get("/api/retraining").json()["versions"]
    assert (found["name"], found["masks"], found["scores"]["clicks after"]["mean"]) == ("v1", 9, 0.8)
    assert client.put("/api/retraining/version", json={"name": "v1"}).json()["in_use"] == "v1"
    assert client.get("/api/project").json()["models"] == ["v1", "compact"]
    assert client.put("/api/retraining/version", json={"name": "compact"}).json()["in_use"] == "compact"
    assert client.get("/api/project").json()["models"] == ["compact", "v1"]
    assert client.put("/api/retraining/version", json={"name": "v7"}).status_code == 404


def test_only_admins_retrain(start) -> None:
    client = start(Settings(token="secret"))
    token = client.post("/api/people", json={"name": "eve", "role": "reviewer"}, headers=ADMIN).json()[
        "token"
    ]
    eve = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/retraining", headers=eve).status_code == 200
    assert client.post("/api/retraining", headers=eve).status_code == 403
    assert client.delete("/api/retraining", headers=eve).status_code == 403
    assert client.put("/api/retraining/version", json={"name": "v1"}, headers=eve).status_code == 403


def test_which_models_are_served(folder, project, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert retraining.models_in_use(project) == ("compact",)
    versions.use(project, version)
    place = str(versions.models_folder(project) / "v1")
    assert retraining.models_in_use(project) == (place, "compact")
    monkeypatch.setattr(retraining, "find_spec", lambda name: None if name == "onnx" else object())
    assert retraining.models_in_use(project) == ("compact",), "without the extra export"


def test_names_stay_when_the_default_model_changes() -> None:
    models = Models(Settings(models=("a/click", "b/click")))
    models.offer("b/click")
    assert models.names == ["click-2", "click"]
    models.offer("c/click")
    assert models.names == ["click-3", "click-2", "click"]


def test_images_are_shown_to_the_training_as_to_people(tmp_path: Path, monkeypatch) -> None:
    """A server that shows bands 4,3,2 retrains on them too."""
    project = open_project(tmp_path, bands=Bands((4, 3, 2), limits=(0, 4000)))
    commands: list[list[str]] = []
    start = subprocess.Popen

    def popen(command, **more):
        commands.append(command)
        return start([sys.executable, "-c", ""], **more)

    monkeypatch.setattr(retraining.subprocess, "Popen", popen)
    made = retraining.Retraining(project, None)
    made.start()
    made.stop()
    project.close()
    command, words = find(commands[0][3:])
    assert command is not None
    options = parse(command, words)
    assert read_bands(options.bands, options.stretch, options.limits) == project.bands
