"""Large images come by tiles; their masks are exact however the screen shows them (complaint 7)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from playwright.sync_api import Browser

from anymask.app.tiles import LARGE

from .conftest import profile
from .driving import Person, Served, bits, eventually, iou

SIZE = (3200, 4200)


@pytest.fixture
def large(exported: Path, tmp_path: Path) -> Iterator[Served]:
    """A server with an image of 13 megapixels: a red block on grey, and one blue pixel."""
    pixels = np.full((*SIZE, 3), 90, np.uint8)
    pixels[1000:2000, 1000:3000] = (200, 60, 60)
    pixels[1500:1516, 2000:2016] = (20, 40, 220)
    Image.fromarray(pixels).save(tmp_path / "a.png", compress_level=1)
    served = Served(tmp_path)
    yield served
    served.kill()


def test_a_large_image_is_shown_by_tiles_and_drawn_on_exactly(browser: Browser, large: Served) -> None:
    image = large.images()["a.png"]
    with profile(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{large.address}#/image/{image}")
        page.wait_for_selector("am-editor")
        person = Person(page)

        def seen(x: float, y: float) -> list[int]:
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            left, top = person.place(x, y)
            return np.asarray(shot, int)[round(top), round(left)].tolist()

        def alike(x: float, y: float, colour: tuple[int, int, int]) -> bool:
            return eventually(lambda: np.abs(np.subtract(seen(x, y), colour)).max() < 12)

        assert alike(1200, 1200, (200, 60, 60))
        assert alike(200, 200, (90, 90, 90))
        assert not [url for url in asked if "/tiles/0/" in url], "the whole image needs no full pixels"
        person.tool("Polygon")
        for corner in ((1000, 1000), (3000, 1000), (3000, 2000), (1000, 2000), (1000, 1000)):
            person.click(*corner)
        person.count(1)
        page.keyboard.press("Escape")
        eventually(lambda: seen(1200, 1200)[0] < 190)
        filled = tuple(seen(1200, 1200))
        page.mouse.move(*person.place(2008, 1508))
        with page.expect_request("**/tiles/0/**"):
            for _ in range(6):
                page.mouse.wheel(0, -300)
        assert page.evaluate("document.querySelector('am-editor').editor.view.scale") > 1
        assert alike(1990, 1508, filled), "the same mask, drawn in full"
        assert eventually(lambda: seen(2008, 1508)[2] > seen(1990, 1508)[2] + 60)
        person.saved()
        save_while_drawing(person, large, image)
        mask = min(large.masks(image), key=lambda one: one["time"])
        rows, columns = np.nonzero(bits(mask))
        corner = np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1])
        assert np.abs(corner - [1000, 2000, 1000, 3000]).max() <= 3, "a pixel of the screen is several of it"


def save_while_drawing(person: Person, large: Served, image: str) -> None:
    """Complaint 2: thirty brush masks are saved while the person goes on; benchmarks/ has the times.

    What a mask takes on its way is its run lengths, not its pixels.
    """
    page = person.page
    sent: list[int] = []
    page.on("request", lambda one: sent.append(len(one.post_data or "")) if one.method == "PUT" else None)
    page.evaluate(
        """() => {
            const { editor, tools } = document.querySelector("am-editor");
            editor.use(tools.brush);
            editor.set({ brush: 90 });
            for (let i = 0; i < 30; i++) {
                editor.select(null);
                const y = 100 + i * 100;
                editor.tool.down([200, y], { label: 1, exact: true });
                for (let x = 300; x <= 3900; x += 300) editor.tool.move([x, y + (x % 200)]);
                editor.tool.up([3900, y]);
            }
        }"""
    )
    person.saved()
    assert len(large.masks(image)) == 31
    assert len(sent) == 30
    assert max(sent) < 60_000


def test_bands_of_a_deep_image_are_chosen(browser: Browser, exported: Path, tmp_path: Path) -> None:
    samples = np.zeros((120, 160, 4), np.uint16)
    samples[..., 3] = np.linspace(0, 4000, 160, dtype=np.uint16)
    samples[:, :80, 0] = 3000
    tifffile.imwrite(tmp_path / "a.tif", samples, planarconfig="contig", photometric="minisblack")
    served = Served(tmp_path)
    try:
        with profile(browser, quiet=False) as page:
            person = Person(page).open(served.address, served.images()["a.tif"])
            page.get_by_text("Brightness, channels", exact=True).click()
            field = page.get_by_label("Bands")
            field.fill("4")
            field.press("Tab")

            def seen(x: float) -> int:
                shot = Image.open(io.BytesIO(page.screenshot())).convert("L")
                left, top = person.place(x, 60)
                return int(np.asarray(shot)[round(top), round(left)])

            assert eventually(lambda: seen(5) < 30 and 90 < seen(80) < 160 and seen(155) > 220)
            field.fill("9")
            field.press("Tab")
            person.says("These bands cannot be shown: bands must be numbers from 1 to 4")
            field.fill("red")
            field.press("Tab")
            person.says("write one number, or three with commas")
    finally:
        served.kill()


def test_a_click_in_a_large_image_needs_no_file_in_the_page(
    browser: Browser, exported: Path, photos: Path, tmp_path: Path
) -> None:
    """The server scales what the model sees; where it does not, the file serves, with the same mask."""
    photo = Image.open(photos / "cat.jpg").convert("RGB")
    scale = (LARGE / (photo.width * photo.height)) ** 0.5 * 1.01
    size = (round(photo.width * scale), round(photo.height * scale))
    photo.resize(size).save(tmp_path / "a.png", compress_level=1)
    served = Served(tmp_path)
    try:
        image = served.images()["a.png"]
        found = []
        for refused in ("file", "region"):
            with profile(browser, quiet=False) as page:
                page.route(f"**/{image}/{refused}*", lambda route: route.abort())
                person = Person(page).open(served.address, image)
                person.click(size[0] * 0.5, size[1] * 0.5)
                person.count(1)
                person.saved()
                found.append(bits(served.masks(image)[0]))
            served.clear(image)
        assert found[0].any()
        assert iou(*found) > 0.99
    finally:
        served.kill()
