"""Every screen at both widths, in light and dark: whole, accessible, without an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from .conftest import profile
from .driving import Person, Served

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = (1280, 800), (380, 740)


def check_accessible(page: Page) -> None:
    """No rule of axe is broken."""
    if not AXE.is_file():
        pytest.skip("axe is missing; run: make web")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []


def check_width(page: Page) -> None:
    """Nothing sticks out."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_screens_are_whole_and_accessible(
    browser: Browser, served: Served, size: tuple[int, int], scheme: str
) -> None:
    image = served.images()["flower.jpg"]
    served.clear(image)
    with profile(browser, size=size, color_scheme=scheme, reduced_motion="reduce") as page:
        page.goto(served.address)
        expect(page.get_by_role("link", name="flower.jpg")).to_be_visible()
        check_accessible(page)
        check_width(page)
        person = Person(page).open(served.address, image)
        person.click(330, 240)
        person.count(1)
        person.saved()
        check_accessible(page)
        check_width(page)
        person.tool("Everything")
        check_accessible(page)
        check_width(page)
        page.keyboard.press("?")
        check_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dialogs_are_accessible_and_closed_by_a_key(browser: Browser, served: Served, scheme: str) -> None:
    image = served.images()["flower.jpg"]
    served.clear(image)
    with profile(browser, size=WIDE, color_scheme=scheme, reduced_motion="reduce") as page:

        def check(button: Locator, title: str) -> None:
            button.focus()
            page.keyboard.press("Enter")
            dialog = page.get_by_role("dialog", name=title)
            expect(dialog).to_be_visible()
            check_accessible(page)
            check_width(page)
            page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
            canvas = page.get_by_role("application")  # the image: keys go on there
            expect(canvas if canvas.count() else button).to_be_focused()

        person = Person(page).open(served.address, image)
        person.tool("Brush")
        person.drag((100, 100), (200, 100))
        person.count(1)
        person.saved()
        for name, title in (
            ("Edit", "Labels"),
            ("Track", "Track through the images"),
            ("Find similar objects", "Find similar objects"),
            ("All saved", "Not saved yet"),
        ):
            check(page.get_by_role("button", name=name, exact=True), title)
        page.goto(f"{served.address}#/")
        for name in ("Export and import", "Model"):
            check(page.get_by_role("button", name=name, exact=True), name)


def test_fingers_do_all_on_a_small_screen(browser: Browser, served: Served) -> None:
    image = served.images()["flower.jpg"]
    served.clear(image)
    with profile(browser, size=NARROW, has_touch=True, is_mobile=True) as page:
        person = Person(page).open(served.address, image)
        page.touchscreen.tap(*person.place(330, 240))
        person.count(1)
        page.get_by_role("button", name="Out", exact=True).click()
        page.touchscreen.tap(*person.place(40, 40))
        page.get_by_role("button", name="Masks and labels").click()
        expect(page.locator(".masks .mask")).to_be_visible()
        expect(page.get_by_role("button", name="Next object")).to_be_visible()
        page.get_by_role("button", name="Delete").click()
        person.count(0)
        person.saved()
        assert served.masks(image) == []


def test_a_thousand_masks_do_not_slow_clicks(browser: Browser, served: Served) -> None:
    image = served.images()["flower.jpg"]
    served.clear(image)
    with profile(browser) as page:
        person = Person(page).open(served.address, image)
        page.evaluate(
            """async () => {
                const { editor, openImage } = document.querySelector("am-editor");
                const { encode, area, box } = await import("/static/masks/rle.js");
                const [h, w] = openImage.size;
                editor.add(Array.from({ length: 1000 }, (_, i) => {
                    const bits = new Uint8Array(h * w), x0 = (i * 37) % (w - 60), y0 = (i * 53) % (h - 60);
                    for (let y = y0; y < y0 + 50; y++) bits.fill(1, y * w + x0, y * w + x0 + 50);
                    const runs = encode(bits, openImage.size);
                    return { runs, box: box(runs, openImage.size), area: area(runs), score: null };
                }));
            }"""
        )
        person.count(1000)

        def slowest() -> float:
            """Milliseconds that one change of the selected mask keeps the page busy, the worst of some."""
            return page.evaluate(
                """async () => {
                    const { editor, imageCanvas } = document.querySelector("am-editor");
                    const times = [];
                    for (let i = 0; i < 20; i++) {
                        const start = performance.now();
                        const clicks = { points: [[100 + i, 100]], labels: [1], box: null };
                        editor.change("Test", editor.selected, { clicks });
                        imageCanvas.paint();
                        times.push(performance.now() - start);
                        await new Promise(requestAnimationFrame);
                    }
                    return times.sort((a, b) => a - b)[10];
                }"""
            )

        person.click(330, 240)
        person.count(1001)
        assert slowest() < 25
