"""What the server's models do for the page: find more like this, and encode where the page cannot."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

import anymask
from anymask import Prompt, models
from anymask.models.config import DEBUG, DEBUG_VIT

from .conftest import profile
from .driving import Person, Served, bits, eventually, iou

PHOTOS = ("cat.jpg", "coffee.jpg", "flower.jpg")


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of SAM's layout."""
    torch.manual_seed(5)
    model = models.build(replace(DEBUG_VIT, decoder_depth=1))
    return models.save(model, tmp_path_factory.mktemp("weights") / "vit.safetensors")


@pytest.fixture(scope="module")
def encoding(vit: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose only model is one that it encodes for itself."""
    folder = tmp_path_factory.mktemp("encoding")
    for name in PHOTOS:
        shutil.copy(photos / name, folder)
    served = Served(folder, "--model", str(vit))
    served.ask("models/vit/model.json", patience=120)
    yield served
    served.kill()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a model of our own layout."""
    torch.manual_seed(6)
    folder = tmp_path_factory.mktemp("runs") / "mine"
    folder.mkdir()
    models.save(models.build(replace(DEBUG, decoder_depth=1)), folder / "model.safetensors")
    return folder


def test_more_like_this_in_the_other_images(tab: Page, served: Served) -> None:
    images = served.images()
    for image in images.values():
        served.clear(image)
    person = Person(tab).open(served.address, images["cat.jpg"])
    person.tool("Lasso")
    person.drag((100, 60), (300, 60), (300, 220), (100, 220), (100, 62))
    person.count(1)
    person.saved()
    tab.get_by_role("button", name="Find similar objects").click()
    dialog = tab.get_by_role("dialog", name="Find similar objects")
    expect(dialog.get_by_role("checkbox")).to_have_count(2)
    dialog.get_by_label("flower.jpg").uncheck()
    dialog.get_by_role("button", name="Search 1 image").click()
    dialog.get_by_label("Confidence at least").fill("0", timeout=60_000)
    dialog.get_by_role("button", name="Suggest").click()
    expect(tab.locator(".toast")).to_contain_text("in 1 image.")
    found = eventually(lambda: served.masks(images["coffee.jpg"]))
    assert not served.masks(images["flower.jpg"])
    assert found[0]["model"] == anymask.load("context", device="cpu").fingerprint
    assert found[0]["suggested_by"] == served.masks(images["cat.jpg"])[0]["id"]
    assert bits(found[0]).any()
    Person(tab).open(served.address, images["coffee.jpg"]).count(len(found))
    for image in images.values():
        served.clear(image)


def check_click(tab: Page, served: Served, weights: Path, photo: Path) -> int:
    """A click is answered as by the library; how many embeddings of the image came from the server."""
    image = served.images()[photo.name]
    person = Person(tab).open(served.address, image)
    person.click(200.5, 150.5)
    person.count(1)
    person.saved()
    (stored,) = served.masks(image)
    model = anymask.load(str(weights), device="cpu", dtype="float32")
    prompt = Prompt(stored["prompts"]["points"], stored["prompts"]["labels"])
    asked = anymask.predict(model, photo, [prompt], multimask=True, zoom=False)
    best = int(np.argmax(asked.quality))
    assert stored["model"] == weights.stem
    assert iou(bits(stored), asked.dense()[best]) > 0.9
    served.clear(image)
    loaded = tab.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    return sum(f"{image}/embedding/{weights.stem}" in name for name in loaded)


def test_the_server_encodes_the_page_answers(tab: Page, encoding: Served, vit: Path, photos: Path) -> None:
    assert check_click(tab, encoding, vit, photos / "coffee.jpg") == 1


def test_a_model_of_our_layout_runs_in_the_page(
    browser: Browser, trained: Path, photos: Path, tmp_path: Path
) -> None:
    shutil.copy(photos / "coffee.jpg", tmp_path)
    served = Served(tmp_path, "--model", str(trained))
    try:
        served.ask("models/mine/model.json", patience=120)
        with profile(browser) as page:
            assert check_click(page, served, trained, photos / "coffee.jpg") == 0
    finally:
        served.kill()
