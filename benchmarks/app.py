"""Times of the app in Chromium: an image of 2,000 masks, a list of 10,000 images, going back to an image.

    python benchmarks/app.py
    python benchmarks/app.py --masks 500 --images 1000 --repeats 50

Hover, pan and click are timed from the input event to the frame that shows what it did; "busy" is the mean
CPU time of the page's main thread for one event, which other load on the machine hardly affects. "Back" is
timed from the change of the address to an editor that is ready for clicks. The saves of 20 annotators:
benchmarks/server.py.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import CDPSession, Page, sync_playwright
from timing import print_header

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
driving: Any = importlib.import_module("tests.web.driving")
ARGUMENTS: list[str] = importlib.import_module("tests.web.conftest").ARGUMENTS
PHOTOS = ROOT / "src" / "anymask" / "images" / "photos"
FILL = """async (count) => {
    const { editor, openImage } = document.querySelector("am-editor");
    const { encode, area, box } = await import("/static/masks/rle.js");
    const [h, w] = openImage.size;
    editor.add(Array.from({ length: count }, (_, i) => {
        const bits = new Uint8Array(h * w), x0 = (i * 37) % (w - 60), y0 = (i * 53) % (h - 60);
        for (let y = y0; y < y0 + 20 + (i % 30); y++) bits.fill(1, y * w + x0, y * w + x0 + 50);
        const runs = encode(bits, openImage.size);
        return { runs, box: box(runs, openImage.size), area: area(runs), score: null };
    }));
}"""
WATCH = """() => {
    window.taken = [];
    const painted = (event) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.taken.push(performance.now() - event.timeStamp);
        port2.postMessage(null); // after this frame
    });
    for (const type of ["pointermove", "pointerup", "wheel"])
        addEventListener(type, (event) => window.watched === type && painted(event), true);
}"""
SHOWN = """async (before) => {
    while (window.taken.length <= before) await new Promise((resolve) => setTimeout(resolve, 5));
}"""
OPEN = """async (hash) => {
    const start = performance.now();
    location.hash = hash;
    const id = hash.split("/").at(-1);
    const ready = () => {
        const screen = document.querySelector("am-editor");
        return screen?.openImage.info.id === id && screen.dataset.ready === "yes" && screen.imageCanvas.image;
    };
    while (!ready()) await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--masks", type=int, default=2000)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=100)
    options = parser.parse_args()
    print_header("app")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        many_masks(browser.new_page(), Path(place, "photos"), options.masks, options.repeats)
        many_images(browser.new_page(), Path(place, "many"), options.images)
        browser.close()


def many_masks(page: Page, folder: Path, count: int, repeats: int) -> None:
    """Hover, pan and click on an image of many masks, then leave and come back."""
    folder.mkdir()
    for name in ("cat.jpg", "flower.jpg"):
        shutil.copy(PHOTOS / name, folder)
    served = driving.Served(folder)
    try:
        served.ask("models/compact/model.json", patience=120)
        ids = served.images()
        person = driving.Person(page).open(served.address, ids["flower.jpg"])
        page.evaluate(FILL, count)
        person.count(count)
        page.evaluate(WATCH)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        rng = np.random.default_rng(0)
        places = [person.place(*rng.uniform((20, 20), (620, 400))) for _ in range(repeats)]
        page.keyboard.press("v")
        for name, type in (("hover", "pointermove"), ("click", "pointerup"), ("pan", "wheel")):
            before = busy(session)
            found = times(page, type, places)
            row(f"{count} masks, {name}", found, (busy(session) - before) / repeats)
        page.wait_for_selector(".chip[data-state=saved]", timeout=300_000)
        back = []
        for _ in range(10):
            page.evaluate(OPEN, f"#/image/{ids['cat.jpg']}")
            back.append(page.evaluate(OPEN, f"#/image/{ids['flower.jpg']}"))
        row(f"back to the image with {count} masks", back)
        row("back to the image without", [page.evaluate(OPEN, f"#/image/{ids['cat.jpg']}")])
    finally:
        served.kill()


def busy(session: CDPSession) -> float:
    """CPU time of the page's main thread so far, milliseconds."""
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(1000 * found["ThreadTime"])


def times(page: Page, type: str, places: list[tuple[float, float]]) -> list[float]:
    """Milliseconds from each event of a type to its frame."""
    page.evaluate("(type) => { window.taken = []; window.watched = type; }", type)
    for i, (x, y) in enumerate(places):
        if type == "pointerup":
            page.mouse.click(x, y)
        elif type == "wheel":
            page.keyboard.down("Shift")  # sideways
            page.mouse.wheel(0, 40 if i % 2 else -40)
            page.keyboard.up("Shift")
        else:
            page.mouse.move(x, y)
        page.evaluate(SHOWN, i)
    found: list[float] = page.evaluate("window.taken")
    return found


def many_images(page: Page, folder: Path, count: int) -> None:
    """Open the gallery of a project with many images, after the server has found them all."""
    folder.mkdir()
    Image.fromarray(np.zeros((64, 96, 3), np.uint8)).save(folder / "0.png")
    data = (folder / "0.png").read_bytes()
    for i in range(1, count):
        (folder / f"{i}.png").write_bytes(data)
    served = driving.Served(folder)
    try:
        driving.eventually(lambda: not served.ask("api/project")["scanning"], 600)
        found = []
        for _ in range(5):
            page.goto("about:blank")
            page.goto(served.address)
            page.locator(".card").nth(min(count, 60) - 1).wait_for()
            found.append(page.evaluate("performance.now()"))
        row(f"list of {count} images, first 60 shown", found)
    finally:
        served.kill()


def row(name: str, milliseconds: list[float], cpu: float | None = None) -> None:
    """A line of the table."""
    p50, p95 = np.percentile(milliseconds, [50, 95])
    more = "" if cpu is None else f"   busy {cpu:6.1f} ms"
    print(f"{name:42} n {len(milliseconds):3}   median {p50:6.1f} ms   p95 {p95:6.1f} ms{more}", flush=True)


if __name__ == "__main__":
    main()
