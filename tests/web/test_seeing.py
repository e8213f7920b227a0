"""Seeing images and masks: outlines, opacity, brightness, channels, zoom to the selection, the minimap."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from .driving import Person, Served, eventually

FIELD = ((20, 30), (80, 30), (80, 90), (20, 90))
RED = (200, 60, 60)


@pytest.fixture
def person(tab: Page, blocks: Served) -> Iterator[Person]:
    """Somebody at an image with one mask, which is selected."""
    image = blocks.images()["a.png"]
    blocks.clear(image)
    person = Person(tab).open(blocks.address, image)
    person.tool("Polygon")
    for corner in (*FIELD, FIELD[0]):
        person.click(*corner)
    person.count(1)
    person.page.mouse.move(5, 400)
    yield person
    person.saved()
    person.page.goto(f"{blocks.address}#/")
    person.page.reload()  # settings are of this page only


def colour(person: Person, x: float, y: float) -> np.ndarray:
    """What is on the screen at a point of the image, as red, green and blue."""
    shot = Image.open(io.BytesIO(person.page.screenshot())).convert("RGB")
    left, top = person.place(x, y)
    return np.asarray(shot, int)[round(top), round(left)]


def becomes(person: Person, x: float, y: float, wanted: tuple[int, int, int]) -> bool:
    return eventually(lambda: np.abs(colour(person, x, y) - wanted).max() <= 2)


def test_fills_hide_nothing(person: Person) -> None:
    """Complaint 10: opacity 0 and outlines only show the image under a mask as it is; so does contrast."""
    keys = person.page.keyboard
    assert not np.allclose(colour(person, 30, 80), RED, atol=8)
    keys.press("Shift+H")
    assert becomes(person, 30, 80, RED)
    assert np.abs(colour(person, 20.5, 60) - RED).max() > 40  # the outline is there
    keys.press("Shift+H")
    assert eventually(lambda: not np.allclose(colour(person, 30, 80), RED, atol=8))
    person.option("opacity", 0)
    assert becomes(person, 30, 80, RED)
    assert becomes(person, 20.5, 60, RED)
    keys.press("Escape")
    assert becomes(person, 30, 80, RED)


def test_the_image_is_adjusted_for_the_eye_alone(person: Person, blocks: Served) -> None:
    page = person.page
    person.option("opacity", 0)
    page.get_by_text("Brightness, channels", exact=True).click()
    person.option("brightness", 0.2)
    assert becomes(person, 30, 80, (251, 111, 111))
    person.option("brightness", 0)
    page.locator("#channel").select_option("red")
    assert becomes(person, 30, 80, (200, 200, 200))
    page.locator("#channel").select_option("colour")
    person.option("gamma", 2)
    assert becomes(person, 30, 80, (226, 124, 124))
    page.get_by_role("button", name="Reset").click()
    assert becomes(person, 30, 80, RED)
    expect(page.locator("#gamma")).to_have_value("1")


def test_the_selection_comes_into_sight(person: Person) -> None:
    """Complaint 14: a selected mask is never off the screen; `F` with Shift zooms to it."""
    page, keys = person.page, person.page.keyboard
    area = page.locator("am-image-canvas").bounding_box()
    assert area is not None

    def in_sight() -> bool:
        left, top = person.place(20, 30)
        right, bottom = person.place(80, 90)
        return bool(
            left >= area["x"]
            and top >= area["y"]
            and right <= area["x"] + area["width"]
            and bottom <= area["y"] + area["height"]
        )

    keys.press("Escape")
    page.mouse.move(*person.place(150, 110))
    page.mouse.wheel(0, -300)
    assert eventually(lambda: not in_sight())
    keys.press("m")
    assert eventually(in_sight)
    keys.press("Escape")
    page.mouse.move(*person.place(5, 5))
    page.mouse.wheel(0, -600)
    page.locator(".masks .mask").focus()
    keys.press("Enter")
    expect(page.locator(".masks .mask")).to_have_attribute("aria-pressed", "true")
    keys.press("Shift+F")
    assert eventually(in_sight)
    keys.press("Escape")
    keys.press("Shift+F")
    expect(page.locator(".zoom .level")).to_have_text(page.locator(".zoom .level").inner_text())


def test_the_minimap_shows_and_moves_the_part_in_sight(person: Person) -> None:
    page = person.page
    small = page.locator(".minimap")
    expect(small).to_be_hidden()
    page.mouse.move(*person.place(10, 10))
    page.mouse.wheel(0, -800)
    expect(small).to_be_visible()
    box = small.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    canvas = page.locator("am-image-canvas").bounding_box()
    assert canvas is not None
    x, y = person.place(80, 60)  # the middle of the image is in the middle of the screen
    assert abs(x - canvas["x"] - canvas["width"] / 2) < 8
    assert abs(y - canvas["y"] - canvas["height"] / 2) < 8
    page.keyboard.press("f")
    expect(small).to_be_hidden()


def test_the_key_cursor_takes_the_image_with_it(person: Person) -> None:
    page, keys = person.page, person.page.keyboard
    page.mouse.move(*person.place(10, 10))
    page.mouse.wheel(0, -800)
    page.locator("am-image-canvas canvas").last.focus()
    before = person.place(10, 10)
    for _ in range(60):
        keys.press("ArrowRight")
    assert eventually(lambda: person.place(10, 10)[0] < before[0] - 50)
