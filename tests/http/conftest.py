"""A small project, an application on it, a client that speaks to it as a program on this machine does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from anymask import models
from anymask.app.server import create_app
from anymask.app.settings import Settings
from anymask.cli import main
from anymask.data_engine.project import Project, open_project
from anymask.geometry import rle
from anymask.models.config import CONTEXT_DEBUG, DEBUG

HERE = "http://127.0.0.1"


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    err: str


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def apart() -> None:
    """Imports and exports run in processes of their own, as they do in a server."""


@pytest.fixture(autouse=True)
def together(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `apart` they run in this process, which is faster."""
    if "apart" not in request.fixturenames:
        from anymask.app.routes import import_export

        monkeypatch.setattr(
            import_export, "run_apart", lambda project, work, *given, memory, seconds: work(project, *given)
        )


@pytest.fixture
def folder(tmp_path: Path, photos: Path) -> Path:
    """A folder with two photos."""
    place = tmp_path / "photos"
    place.mkdir()
    for name in ("cat.jpg", "flower.jpg"):
        shutil.copy(photos / name, place)
    return place


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    """The folder as a project."""
    opened = open_project(folder)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with tiny models: "click" answers prompts, "example" works by examples."""
    place = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    click = models.save(models.build(DEBUG), place / "click.safetensors")
    example = models.save(models.build(CONTEXT_DEBUG), place / "example.safetensors")
    return Settings(models=(str(click),), example_models=(str(example),))


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., TestClient]]:
    """Start an application with some settings, by default on the two photos; gives a client of it."""
    with ExitStack() as stack:

        def begin(settings: Settings | None = None, project: Project | None = None) -> TestClient:
            app = create_app(project or open_project(folder), settings)
            return stack.enter_context(TestClient(app, base_url=HERE, raise_server_exceptions=False))

        yield begin


@pytest.fixture
def client(start: Callable[..., TestClient]) -> TestClient:
    """A client without a token."""
    return start()


@pytest.fixture
def image(client: TestClient) -> dict:
    """The first image."""
    return client.get("/api/images").json()["images"][0]


@pytest.fixture
def square() -> Callable[..., dict]:
    """Makes masks as JSON: squares."""

    def draw(image: dict, x: int = 10, y: int = 20, side: int = 30) -> dict:
        size = (image["height"], image["width"])
        bits = np.zeros(size, bool)
        bits[y : y + side, x : x + side] = True
        return {"size": list(size), "counts": rle.to_string(rle.encode(bits)), "seconds": 1.5}

    return draw


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run a command line through the entry point."""

    def call(*words: object) -> Answer:
        code = main([str(word) for word in words])
        return Answer(code, capsys.readouterr().err)

    return call
