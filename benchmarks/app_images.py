"""Make the images of the app in docs/images: the app runs in Chromium on the bundled photos.

Run: python benchmarks/app_images.py docs/images
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

import anymask
from anymask.images.bundled_photos import sample_photo, sample_photos
from anymask.images.read import read_image
from anymask.images.write import encode_jpeg

SIZE = {"width": 1280, "height": 800}
PHONE = {"width": 380, "height": 780}
QUALITY = 82
PLACE = """([x, y]) => {
    const screen = document.querySelector("am-editor");
    const [left, top] = screen.editor.view.toScreen(x, y);
    const box = screen.imageCanvas.getBoundingClientRect();
    return [box.left + left, box.top + top];
}"""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the app on a folder."""
    command = [sys.executable, "-u", "-m", "anymask", "serve", str(folder), "--port", "0", "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def click(page: Page, x: float, y: float) -> None:
    """Click on a pixel of the open image and wait for the refined mask."""
    page.wait_for_selector("am-editor[data-ready=yes]")
    page.mouse.click(*page.evaluate(PLACE, [x, y]))
    page.wait_for_selector(".masks .mask")
    page.wait_for_selector("am-editor:not(.busy)")
    page.wait_for_selector(".chip[data-state=saved]")


def label(page: Page, name: str) -> None:
    """Name the first label and give it to the selected mask."""
    page.get_by_role("button", name="Edit").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("1")


def show_app(page: Page, address: str, out: Path) -> None:
    """Every screen that the documentation shows."""

    def shot(name: str) -> None:
        page.wait_for_timeout(700)  # until toasts and thumbnails are there
        page.screenshot(path=out / f"{name}.jpg", type="jpeg", quality=QUALITY)

    page.goto(address)
    page.get_by_role("link", name="cat.jpg").click()
    click(page, 176, 121)
    label(page, "eye")
    page.keyboard.press("Enter")
    page.keyboard.press("0")
    click(page, 200, 150)
    shot("app")
    page.get_by_role("button", name="Find similar objects").click()
    page.get_by_role("button", name="Search 3 images").click()
    page.wait_for_selector(".found-grid")
    page.get_by_label("Confidence at least").fill("0.8")
    page.locator(".found").last.click()
    page.locator(".found").last.click()
    shot("tutorial-similar")
    page.get_by_role("button", name="Suggest").click()
    page.get_by_role("link", name="All images").click()
    page.wait_for_selector(".notice")
    shot("tutorial-gallery")
    page.get_by_role("button", name="Export and import").click()
    shot("tutorial-export")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="raccoon.jpg").click()
    page.wait_for_selector("am-editor[data-ready=yes]")
    shot("tutorial-review")


def show_phone(page: Page, address: str, out: Path) -> None:
    """The tool Everything on a phone, in dark mode."""
    page.goto(address)
    page.get_by_role("link", name="coffee.jpg").click()
    page.wait_for_selector("am-editor[data-ready=yes]")
    page.get_by_role("button", name="Everything").click()
    page.get_by_role("button", name="Find all").click()
    page.get_by_role("button", name="Find again").wait_for()
    page.wait_for_timeout(700)
    page.screenshot(path=out / "app-small.jpg", type="jpeg", quality=QUALITY)


def show_click(out: Path) -> None:
    """The photo with its click, and with the mask of the click."""
    photo = read_image(sample_photo("cat.jpg"))
    model = anymask.load("compact")
    masks = anymask.predict(model, photo, [anymask.Prompt.point(210, 180)], multimask=False)
    clicked = photo.copy()
    rows, columns = np.ogrid[: photo.shape[0], : photo.shape[1]]
    distance = np.hypot(rows - 180, columns - 210)
    clicked[distance < 8] = 255
    clicked[distance < 6] = (200, 0, 80)
    both = np.hstack([clicked, anymask.overlay(photo, masks.dense())])
    (out / "tutorial-click.jpg").write_bytes(encode_jpeg(np.ascontiguousarray(both)))


def main() -> None:
    """Make all images in the folder that is named."""
    out = Path(sys.argv[1])
    show_click(out)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place, "photos")
        folder.mkdir()
        for photo in sample_photos():
            shutil.copy(photo, folder)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(240_000)  # the first start exports the model
        phone = browser.new_page(viewport=PHONE, color_scheme="dark", has_touch=True)
        phone.set_default_timeout(240_000)
        with served(folder) as address:
            show_phone(phone, address, out)
            show_app(page, address, out)
        browser.close()


if __name__ == "__main__":
    main()
