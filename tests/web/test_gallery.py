"""The gallery: search, state, removal, broken images; keys from there; other tabs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from anymask.data_engine.project import images, open_project

from .conftest import profile
from .driving import Person, Served, eventually


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all tests: the model is loaded once."""
    with profile(browser) as page:
        yield page


def cards(page: Page):
    return page.get_by_role("list", name="Images").get_by_role("listitem")


def test_images_are_found_marked_and_removed(page: Page, served: Served) -> None:
    page.goto(served.address)
    expect(cards(page)).to_have_count(3)
    page.get_by_label("Search by name").fill("CAT")
    expect(cards(page)).to_have_count(1)
    page.get_by_role("button", name="Done: cat.jpg").click()
    page.get_by_label("Search by name").fill("")
    page.get_by_label("Show", exact=True).select_option("done")
    expect(cards(page)).to_contain_text(["cat.jpg"])
    expect(page.locator(".badge", has_text="done")).to_have_count(1)
    page.get_by_role("button", name="Done: cat.jpg").click()
    expect(page.locator(".badge", has_text="done")).to_have_count(0)
    page.get_by_label("Show", exact=True).select_option("all")
    page.get_by_role("button", name="Remove flower.jpg").click()
    expect(cards(page)).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(cards(page)).to_have_count(3)


def test_images_come_in_the_order_of_the_queue(page: Page, served: Served) -> None:
    """In the list, and by the key for the next image."""
    ids = served.images()
    project = open_project(served.folder)
    images.set_queue(project.db, [ids["flower.jpg"], ids["cat.jpg"]])
    project.close()
    page.goto(served.address)
    page.get_by_label("Order").select_option("queue")
    expect(cards(page)).to_contain_text(["flower.jpg", "cat.jpg", "coffee.jpg"])
    page.get_by_role("link", name="flower.jpg").press("Enter")
    page.wait_for_selector("am-editor[data-ready=yes]")
    page.keyboard.press("k")
    expect(page.get_by_role("heading", level=1)).to_have_text("cat.jpg")
    page.keyboard.press("g")
    expect(page.get_by_label("Order")).to_have_value("queue")
    page.get_by_label("Order").select_option("name")
    expect(cards(page)).to_contain_text(["cat.jpg", "coffee.jpg", "flower.jpg"])


def test_broken_images_are_shown_as_such(browser: Browser, served: Served) -> None:
    with profile(browser, quiet=False) as page:
        page.route("**/thumb", lambda route: route.fulfill(status=400, body="{}"))
        page.goto(served.address)
        expect(cards(page).first).to_contain_text("Cannot be read")


def test_keys_work_at_once_when_an_image_opens(page: Page, served: Served) -> None:
    image = served.images()["cat.jpg"]
    served.clear(image)
    page.goto(served.address)
    page.get_by_role("link", name="cat.jpg").press("Enter")
    page.wait_for_selector("am-editor[data-ready=yes]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    person = Person(page)
    person.count(1)
    person.saved()


def test_a_click_just_before_a_reload_is_kept(page: Page, served: Served) -> None:
    """The page is left in the moment of the click, long before the model answers."""
    image = served.images()["cat.jpg"]
    served.clear(image)
    person = Person(page).open(served.address, image)
    person.click(200, 150)
    page.reload(wait_until="commit")
    page.wait_for_selector("am-editor[data-ready=yes]")
    person.count(1)
    person.saved()
    (mask,) = served.masks(image)
    assert [round(value) for value in mask["prompts"]["points"][0]] == [200, 150]
    page.reload()
    page.wait_for_selector("am-editor[data-ready=yes]")
    person.count(1)


def test_a_mask_that_may_still_change_is_announced(page: Page, served: Served) -> None:
    image = served.images()["cat.jpg"]
    served.clear(image)
    person = Person(page).open(served.address, image)
    page.evaluate(
        """() => {
            window.said = [];
            const hint = document.querySelector("#hint");
            new MutationObserver(() => said.push(hint.textContent)).observe(hint, { childList: true });
        }"""
    )
    person.click(162, 126)
    person.count(1)
    person.saved()
    said = page.evaluate("said")
    assert [text for text in said if text.startswith("Refining the mask")]
    assert not said[-1].startswith("Refining")


def test_other_tabs_hear_of_changes(browser: Browser, served: Served) -> None:
    image = served.images()["coffee.jpg"]
    served.clear(image)
    with profile(browser) as page:
        person = Person(page).open(served.address, image)
        other = Person(page.context.new_page()).open(served.address, image)
        gallery = page.context.new_page()
        gallery.goto(served.address)
        person.click(300, 200)
        person.count(1)
        other.count(1)
        expect(gallery.get_by_role("link", name="coffee.jpg")).to_contain_text("1 mask")
        person.saved()
        newest = served.masks(image)[0]["revision"]
        known = "([image, mask]) => document.querySelector('am-app').sync.revision(image, mask)"
        mask = [image, served.masks(image)[0]["id"]]
        assert eventually(lambda: other.page.evaluate(known, mask) == newest)
        other.page.locator(".masks .mask").click()
        other.page.keyboard.press("Delete")
        person.count(0)
        other.saved()


@pytest.fixture
def loud(browser: Browser) -> Iterator[Page]:
    """A page whose console may report refused requests."""
    with profile(browser, quiet=False) as page:
        yield page


def test_masks_leave_and_come_back_in_the_page(loud: Page, served: Served, tmp_path: Path) -> None:
    page = loud
    for one in served.images().values():
        served.clear(one)
    image = served.images()["coffee.jpg"]
    person = Person(page).open(served.address, image)
    person.click(300, 200)
    person.count(1)
    person.saved()
    page.get_by_role("link", name="All images").click()
    page.get_by_role("button", name="Export and import").click()
    page.get_by_label("Format", exact=True).select_option("cvat")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "anymask-cvat.zip"
    page.get_by_role("button", name="Export and import").click()
    page.get_by_label("Annotation file").set_input_files(file)
    expect(page.get_by_text("1 mask was here already.")).to_be_visible()
    assert len(served.masks(image)) == 1
    served.clear(image)
    page.get_by_label("Annotation file").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}
    )
    expect(page.get_by_text("Nothing was imported")).to_be_visible()


def test_masks_are_hidden_locked_and_filtered_in_the_list(page: Page, served: Served) -> None:
    image = served.images()["cat.jpg"]
    served.clear(image)
    person = Person(page).open(served.address, image)
    person.click(200, 150)
    person.count(1)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Hide Mask").click()
    shown = "document.querySelector('am-image-canvas').layer.items.size"
    assert page.evaluate(shown) == 0
    page.get_by_role("button", name="Hide Mask").click()
    assert page.evaluate(shown) == 1
    page.get_by_role("button", name="Lock Mask").click()
    page.locator(".masks .mask").click()
    page.keyboard.press("Delete")
    expect(page.get_by_text("This mask is locked")).to_be_visible()
    person.count(1)
    page.get_by_role("button", name="Lock Mask").click()
    page.locator(".masks [role=listitem]").hover()
    assert eventually(lambda: page.evaluate("document.querySelector('am-editor').editor.visibility.hovered"))
    drawn = page.locator(".masks canvas").evaluate("(canvas) => canvas.width")
    assert drawn > 1, "the thumbnail"
    person.saved()


def test_the_model_is_retrained_and_a_version_chosen(page: Page, served: Served) -> None:
    state = {
        "state": "stopped", "what": "training clicks", "done": 30, "total": 150, "error": None,
        "result": None, "in_use": "v2",
        "versions": [
            {"name": name, "made": 0.0, "base": "compact", "images": 20, "masks": 90,
             "scores": {"clicks after": {"mean": mean}}}
            for name, mean in (("v1", 0.71), ("v2", 0.7345))
        ],
    }  # fmt: skip
    asked: list[tuple[str, object]] = []

    def answer(route: Route) -> None:
        method, body = route.request.method, route.request.post_data_json if route.request.post_data else None
        if method != "GET":
            asked.append((method, body))
            changes = {"POST": {"state": "running"}, "DELETE": {"state": "stopped"}, "PUT": {"in_use": "v1"}}
            state.update(changes[method])
        route.fulfill(json=state)

    page.route("**/api/retraining**", answer)
    page.goto(served.address)
    page.get_by_role("button", name="Model").click()
    dialog = page.get_by_role("dialog", name="Model")
    expect(dialog.get_by_role("status")).to_have_text("The last retraining was stopped; it can be resumed.")
    expect(dialog.get_by_role("listitem").first).to_have_text("v2 90 masks of 20 images, IoU 0.735in use")
    dialog.get_by_role("button", name="Resume").click()
    expect(dialog.get_by_role("status")).to_have_text("Working: 30 of 150.")
    state["done"] = 60
    expect(dialog.get_by_role("status")).to_have_text("Working: 60 of 150.")
    dialog.get_by_role("button", name="Stop").click()
    dialog.get_by_role("button", name="Use v1").click()
    expect(dialog.locator("li", has=page.get_by_text("in use"))).to_contain_text("v1")
    assert asked == [("POST", None), ("DELETE", None), ("PUT", {"name": "v1"})]
    dialog.get_by_role("button", name="Close").click()
    page.unroute("**/api/retraining**")
    found = served.ask("api/retraining")
    assert (found["state"], found["versions"]) == ("none", [])
