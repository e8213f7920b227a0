"""A real browser, the exported model, and the app on an address."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from anymask.app.vendor import FOLDER, is_vendored

from .driving import PATIENCE, Person, Served

expect.set_options(timeout=PATIENCE * 1000)  # a busy machine takes longer than the usual five seconds

STATIC = Path(__file__).resolve().parents[2] / "src" / "anymask" / "app" / "static"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
UNOPTIMISED = "--js-flags=--liftoff-only"
"""WebAssembly is compiled once, quickly: to optimise it in each page takes longer than the tests gain."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own browsers are not needed."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium here; Debian: apt-get install -y chromium")
    if not is_vendored(FOLDER):
        pytest.skip("onnxruntime-web is missing; run: python -m anymask.app.vendor")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, UNOPTIMISED])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def exported() -> Path:
    """The compact model as the server keeps it: exported once on this machine."""
    from anymask.app.models import Models
    from anymask.app.settings import Settings

    models = Models(Settings(device="cpu"))
    try:
        return models.exported("compact")
    finally:
        models.close()


@contextmanager
def profile(
    browser: Browser, size: tuple[int, int] = (1280, 800), *, quiet: bool = True, **options: Any
) -> Iterator[Page]:
    """A page in a new browser profile; with `quiet` an error on its console fails the test."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    problems: list[str] = []
    watch(page, problems)
    yield page
    context.close()
    assert not (quiet and problems), problems


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a new profile."""
    with profile(browser) as page:
        yield page


def watch(page: Page, problems: list[str]) -> None:
    """Note what goes wrong in a page."""
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))


@pytest.fixture(scope="session")
def served(exported: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with three photos."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("cat.jpg", "coffee.jpg", "flower.jpg"):
        shutil.copy(photos / name, folder)
    served = Served(folder)
    served.ask("models/compact/model.json", patience=120)  # the server loads the model to know its files
    yield served
    served.kill()


SIDES = (120, 160)
"""Height and width of the images of `blocks`."""


@pytest.fixture(scope="session")
def blocks(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with images of plain colours: two of one size (`SIDES`) and a smaller one."""
    folder = tmp_path_factory.mktemp("blocks")
    pixels = np.full((*SIDES, 3), 40, np.uint8)
    pixels[30:90, 20:80] = (200, 60, 60)
    pixels[50:70, 40:60] = (60, 200, 60)
    for name, image in (("a.png", pixels), ("b.png", pixels[:, ::-1]), ("c.png", pixels[:60])):
        Image.fromarray(np.ascontiguousarray(image)).save(folder / name)
    served = Served(folder)
    served.ask("models/compact/model.json", patience=120)
    yield served
    served.kill()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """One page for all tests of a module: the model is loaded once."""
    with profile(browser) as page:
        yield page


@pytest.fixture
def person(tab: Page, blocks: Served) -> Iterator[Person]:
    """Somebody at an image without masks."""
    image = blocks.images()["a.png"]
    blocks.clear(image)
    person = Person(tab).open(blocks.address, image)
    yield person
    person.saved()
