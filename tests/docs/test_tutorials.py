"""The tutorials run word for word: Python, commands, and what a person does in the app over its HTTP API."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette

from anymask.app import serve
from anymask.app.settings import Settings
from anymask.cli import main

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "tutorials"
PAGES = sorted(set(FOLDER.glob("*.md")) - {FOLDER / "README.md"})
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8321"


class App:
    """The app that `anymask serve` opened last, without a network."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.client: TestClient | None = None
        self.settings = Settings()

    def open(
        self,
        app: Starlette,
        settings: Settings,
        host: str,
        port: int,
        ready: Callable[[str], None],
        *_: Any,
    ) -> None:
        """In the place of `serve.serve`, which would wait for ever."""
        self.settings = settings
        self.client = self.stack.enter_context(TestClient(app, base_url=ADDRESS))
        ready(ADDRESS)

    def outside(self, **how: Any) -> TestClient:
        """In the place of `httpx.Client`."""
        assert self.client is not None
        return TestClient(self.client.app, **how)

    def click_everywhere(self) -> None:
        """Click into the middle of each image, and keep the mask."""
        assert self.client is not None
        for image in self.client.get("/api/images").json()["images"]:
            prompt = {"points": [[image["width"] / 2, image["height"] / 2]]}
            address = f"/api/images/{image['id']}"
            found = self.client.post(f"{address}/predict", json={"prompts": [prompt]}).json()
            mask = {key: found["masks"][0][key] for key in ("size", "counts", "score")}
            kept = self.client.put(f"{address}/masks/one", json=mask, headers={"If-Match": "0"})
            assert kept.status_code == 200

    def export(self) -> None:
        """What the export dialog does with the format and the switch that the tutorial names."""
        assert self.client is not None
        archive = self.client.get("/api/export", params={"format": "coco", "images": True})
        Path("anymask-coco.zip").write_bytes(archive.content)


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The app in the place of a server."""
    with ExitStack() as stack:
        opened = App(stack)
        monkeypatch.setattr(serve, "serve", opened.open)
        monkeypatch.setattr(httpx, "Client", opened.outside)
        yield opened


@pytest.fixture
def workplace(tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for a photo of the user's own, and an empty cache."""
    place = tmp_path / "workplace"
    place.mkdir()
    shutil.copy(photos / "cat.jpg", place / "photo.jpg")
    monkeypatch.setenv("ANYMASK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(place)
    return place


def run_line(line: str, app: App) -> None:
    """A command of anymask in this process, any other in a shell."""
    if not line.startswith("anymask "):
        line = line.replace("python3 ", f"{shlex.quote(sys.executable)} ")
        subprocess.run(["bash", "-c", line], check=True)
        return
    words = [word for word in shlex.split(line)[1:] if word != "--open"]
    assert main(words) == 0, line


def after(page: Path, line: str, app: App) -> None:
    """What the text tells a person to do in the app that a line opened."""
    if page.stem == "annotate-and-fine-tune" and line == "anymask serve photos/ --open":
        app.click_everywhere()
        app.export()
    if page.stem == "team" and line.startswith("anymask serve"):
        assert app.client is not None
        app.client.headers["Authorization"] = f"Bearer {app.settings.token}"
        app.click_everywhere()
    if "--model runs/try" in line and line.startswith("anymask serve"):
        assert app.client is not None
        assert app.client.get("/api/project").json()["models"] == ["try", "compact"]


@pytest.mark.usefixtures("workplace")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tutorial_runs(page: Path, app: App, capfd: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "__tutorial__"}
    for kind, code in BLOCK.findall(page.read_text("utf-8")):
        if kind == "python":
            exec(compile(code, str(page), "exec"), names)
            continue
        for line in code.replace("\\\n", " ").splitlines():
            run_line(line, app)
            after(page, line, app)


def test_every_variable_is_listed() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src" / "anymask").rglob("*.py"))
    used = set(re.findall(r"ANYMASK_[A-Z]+", source))
    listed = re.findall(
        r"^\| `(ANYMASK_[A-Z]+)` \|", (FOLDER / "trouble-and-speed.md").read_text("utf-8"), re.M
    )
    assert sorted(used) == sorted(listed)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tutorials_are_reached(page: Path) -> None:
    assert f"({page.name})" in (FOLDER / "README.md").read_text("utf-8")
