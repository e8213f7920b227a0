"""The page in another language: no English text is left, and right to left nothing sticks out."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Browser, Page, Route, expect

from .conftest import STATIC, profile
from .driving import Person, Served
from .test_screens import check_width

GERMAN = json.loads((STATIC / "languages" / "de.json").read_text("utf-8"))
READ = """() => {
    const seen = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
        if (!node.parentElement.closest("script, noscript, kbd, [lang]")) seen.add(node.textContent);
    for (const name of ["aria-label", "aria-description", "title", "placeholder", "alt"])
        for (const one of document.querySelectorAll(`[${name}]`)) seen.add(one.getAttribute(name));
    return [...seen];
}"""
DATA = re.compile(
    r"anymask|compact|local|project|\w+\.(jpg|png)|px|Enter|Shift|Ctrl|COCO|CVAT|XML|JSON|\b\w\b"
)
"""What is no text of the page: names, keys, formats."""


def marked(text: str) -> str:
    """A translation that can be told from English."""
    forms = text.split("|") if text.startswith("{n}") else [text]
    return "|".join(f"⟦{one}⟧" for one in forms)


def english(page: Page) -> list[str]:
    """What is on the screen and was not translated."""
    left = set()
    labels = page.evaluate("document.querySelector('am-app').project?.labels.map(({ name }) => name) ?? []")
    for text in page.evaluate(READ):
        for label in labels:  # of other tests
            text = text.replace(label, "")
        while (shorter := re.sub(r"⟦[^⟦⟧]*⟧", "", text)) != text:
            text = shorter
        if text != "Delete" and re.search(r"[^\W\d_]{2}", DATA.sub("", text)):  # a key
            left.add(text)
    return sorted(left)


def test_no_english_text_is_left_and_right_to_left_is_safe(browser: Browser, served: Served) -> None:
    image = served.images()["cat.jpg"]
    served.clear(image)

    def translate(route: Route) -> None:
        route.fulfill(json={text: marked(text) for text in GERMAN if text})

    with profile(browser, locale="de-AT") as page:
        page.route("**/languages/de.json", translate)
        page.goto(served.address)
        page.wait_for_selector(".card")
        assert page.evaluate("document.documentElement.lang") == "de"
        assert english(page) == []
        page.evaluate("document.documentElement.dir = 'rtl'")
        check_width(page)
        page.get_by_role("button", name="Export and import").click()
        assert english(page) == []
        page.keyboard.press("Escape")
        person = Person(page).open(served.address, image)
        person.click(200, 150)
        person.count(1)
        for details in page.locator("details").all():
            details.evaluate("one => one.open = true")
        for key in "pbadelozts":
            page.keyboard.press(key)
            assert english(page) == [], key
        check_width(page)
        page.keyboard.press("?")
        assert english(page) == []
        page.keyboard.press("Escape")
        person.saved()
        page.goto(f"{served.address}#/")
        page.unroute("**/languages/de.json")
        page.locator("#language").select_option("en")
        expect(page.get_by_role("button", name="Add images", exact=True)).to_be_visible()
