"""What confused people at first: what is out of sight, what covers what, what goes away too late."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from .driving import Person, Served

RED = (50, 40)
"""A point in the red block of the image."""


def apart(one: Locator, other: Locator) -> bool:
    """Whether two elements do not cover each other."""
    a, b = one.bounding_box(), other.bounding_box()
    assert a is not None
    assert b is not None
    beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    return beside or a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]


def test_what_a_mask_needs_stays_in_sight_on_a_low_screen(person: Person) -> None:
    page = person.page
    page.set_viewport_size({"width": 1024, "height": 640})
    try:
        for x in (10, 100, 140):
            page.keyboard.press("Enter")
            page.keyboard.press("l")
            person.drag((x, 10), (x + 12, 10), (x + 12, 22), (x, 22))
        person.count(3)
        assert page.locator(".panel").evaluate("(panel) => panel.scrollTop") == 0
        for name in ("Find", "Next object", "Delete"):
            expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
        tools = page.get_by_role("toolbar", name="Tools")
        expect(tools.get_by_role("button", name="Cut")).to_be_in_viewport(ratio=1)
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


def test_messages_cover_neither_the_hint_nor_the_zoom(person: Person) -> None:
    page = person.page
    page.keyboard.press("y")
    person.says("This image has no suggestions.")
    toast = page.locator(".toast").last
    assert apart(toast, page.locator("#hint"))
    assert apart(toast, page.locator(".zoom"))


def test_an_offer_ends_with_its_page_and_thumbnails_show_masks(person: Person, blocks: Served) -> None:
    page, removed = person.page, blocks.images()["c.png"]
    person.click(*RED)
    person.count(1)
    person.saved()
    page.goto(f"{blocks.address}#/")
    expect(page.locator(".card", has_text="a.png").locator("canvas")).to_have_count(1)
    expect(page.locator(".card", has_text="b.png").locator("canvas")).to_have_count(0)
    page.locator("[data-id]", has_text="c.png").hover()
    page.get_by_role("button", name="Remove c.png").click()
    offer = page.locator(".toast", has_text="c.png was removed")
    expect(offer).to_be_visible()
    offer.get_by_role("button", name="Undo").click()
    expect(page.locator(".card", has_text="c.png")).to_be_visible()
    page.locator("[data-id]", has_text="c.png").hover()
    page.get_by_role("button", name="Remove c.png").click()
    expect(offer).to_be_visible()
    page.locator(".card", has_text="a.png").click()
    page.wait_for_selector("am-editor[data-ready=yes]")
    expect(offer).to_have_count(0)
    page.evaluate("(id) => document.querySelector('am-app').storage.mark(id, { removed: false })", removed)


def test_a_mask_that_was_drawn_on_has_no_alternatives(person: Person) -> None:
    page = person.page
    person.click(*RED)
    person.count(1)
    person.saved()
    alternatives = page.get_by_role("group", name="Alternatives")
    expect(alternatives).to_be_visible()
    expect(alternatives).to_have_text("LargeMediumSmall")
    page.keyboard.press("l")
    person.drag((100, 10), (112, 10), (112, 22), (100, 22))
    expect(alternatives).to_have_count(0)
    expect(page.locator("#hint")).not_to_contain_text("as likely")
