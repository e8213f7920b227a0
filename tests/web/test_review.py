"""Review in the page: states, comments, tags, attributes, depth; what an annotator may not change."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from .conftest import profile
from .driving import Person, Served, eventually
from .test_screens import check_accessible, check_width

FIELD = ((20, 30), (80, 30), (80, 90), (20, 90))


def polygon(person: Person, *corners: tuple[float, float]) -> None:
    person.tool("Polygon")
    for corner in corners:
        person.click(*corner)
    person.page.keyboard.press("Enter")


def facts(page: Page) -> None:
    """Open what is known of the image."""
    if not page.locator(".image-facts details").evaluate("one => one.open"):
        page.locator(".image-facts summary").click()


def test_a_comment_leads_to_its_mask_and_is_resolved(person: Person, blocks: Served) -> None:
    page = person.page
    polygon(person, *FIELD)
    person.saved()
    facts(page)
    page.get_by_label("New comment").fill("The corner\nis too wide.")
    expect(page.get_by_text("About this mask")).to_be_visible()
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".comment .text")).to_have_text("The corner\nis too wide.")
    expect(page.locator(".image-facts summary")).to_contain_text("1 comment")
    page.locator(".masks .mask").click()
    page.get_by_role("button", name="Show the mask").click()
    expect(page.locator(".masks .mask")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="All images").or_(page.get_by_role("link", name="All images")).click()
    page.get_by_label("Show", exact=True).select_option("comments")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("1 comment")
    page.locator(".card").click()
    page.wait_for_selector("am-editor[data-ready=yes]")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".comment")).to_contain_text("resolved")
    assert blocks.ask(f"api/images/{blocks.images()['a.png']}")["comments"] == 0


def test_states_and_tags_are_kept_and_found(person: Person, blocks: Served) -> None:
    page, image = person.page, f"api/images/{blocks.images()['a.png']}"
    facts(page)
    page.get_by_label("Tags").fill("night, rain,night")
    page.get_by_label("Tags").press("Tab")
    assert eventually(lambda: blocks.ask(image)["tags"] == ["night", "rain"])
    page.locator("am-image-canvas canvas").last.focus()
    page.keyboard.press("w")
    expect(page.locator(".image-facts summary")).to_contain_text("Done")
    page.get_by_role("button", name="Return").click()
    expect(page.get_by_role("button", name="Return", pressed=True)).to_have_css("font-weight", "600")
    expect(page.get_by_role("button", name="Accept", pressed=False)).not_to_have_css("font-weight", "600")
    expect(page.locator(".image-facts summary")).to_contain_text("Returned")
    page.get_by_role("button", name="Accept").click()
    assert eventually(lambda: blocks.ask(image)["review"] == "accepted")
    page.goto(f"{blocks.address}#/")
    page.get_by_label("Tag", exact=True).select_option("rain")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card")).to_contain_text("accepted")
    page.get_by_label("Tag", exact=True).select_option("")
    page.get_by_label("Show", exact=True).select_option("returned")
    expect(page.get_by_text("No image fits this search.")).to_be_visible()
    page.goto(f"{blocks.address}#/image/{blocks.images()['a.png']}")
    page.wait_for_selector("am-editor[data-ready=yes]")
    page.keyboard.press("w")
    assert eventually(lambda: not blocks.ask(image)["done"])


def test_labels_ask_for_attributes(person: Person, blocks: Served) -> None:
    page, keys = person.page, person.page.keyboard
    page.get_by_role("button", name="Edit", exact=True).click()
    dialog = page.get_by_role("dialog")
    if not dialog.get_by_label("Name", exact=True).count():
        dialog.get_by_role("button", name="Add a label").click()
    dialog.get_by_label("Name", exact=True).first.fill("tree")
    dialog.locator("summary").first.click()
    for name, kind in (("occluded", "choice"), ("height", "number"), ("note", "text")):
        dialog.get_by_role("button", name="Add an attribute").first.click()
        dialog.get_by_label("Name of the attribute").last.fill(name)
        dialog.get_by_label("Kind").last.select_option(kind)
        if kind == "choice":
            dialog.get_by_label("Choices").last.fill("no, partly")
    check_accessible(page)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    keys.press("1")
    polygon(person, *FIELD)
    page.get_by_label("occluded").select_option("partly")
    page.get_by_label("height").fill("2.5")
    page.get_by_label("note").fill("by the road")
    page.get_by_label("note").press("Tab")
    wanted = {"occluded": "partly", "height": 2.5, "note": "by the road"}
    image = blocks.images()["a.png"]
    assert eventually(lambda: [mask["attributes"] for mask in blocks.masks(image)] == [wanted]), [
        m["attributes"] for m in blocks.masks(image)
    ]
    page.get_by_role("button", name="Undo (Ctrl+Z)").click()
    assert eventually(
        lambda: [list(mask["attributes"]) for mask in blocks.masks(image)] == [["occluded", "height"]]
    )
    expect(page.get_by_label("note")).to_have_value("")


def test_masks_are_laid_over_and_under_others(person: Person, blocks: Served) -> None:
    page, image = person.page, blocks.images()["a.png"]
    polygon(person, *FIELD)
    page.keyboard.press("Escape")
    polygon(person, (50, 50), (120, 50), (120, 110), (50, 110))
    person.command("To back")
    person.saved()
    first, second = blocks.masks(image)
    assert (first["depth"], second["depth"]) == (0, -1)
    order = "[...document.querySelector('am-editor').openImage.items.keys()]"
    assert page.evaluate(order) == [second["id"], first["id"]]
    page.reload()
    person.count(2)
    assert page.evaluate(order) == [second["id"], first["id"]]


def test_an_annotator_changes_no_finished_image(browser: Browser, exported: Path, tmp_path: Path) -> None:
    """Complaint 11, in the page: what is done stays as it is, and the page says why."""
    Image.fromarray(np.full((120, 160, 3), 90, np.uint8)).save(tmp_path / "a.png")
    served = Served(tmp_path, "--token", "boss-token-of-the-tests")
    boss = {"authorization": "Bearer boss-token-of-the-tests", "content-type": "application/json"}

    def ask(path: str, method: str = "GET", body: object = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(served.address + path, data, boss, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    try:
        token = ask("api/people", "POST", {"name": "ann", "role": "annotator"})["token"]
        image = ask("api/images")["images"][0]["id"]
        with profile(browser, quiet=False, reduced_motion="reduce") as page:
            page.goto(served.address)
            page.get_by_label("Token").fill(token)
            page.keyboard.press("Enter")
            page.wait_for_selector("am-gallery")
            person = Person(page).open(served.address, image)
            polygon(person, *FIELD)
            page.keyboard.press("w")  # what waits is saved first
            expect(page.get_by_role("button", name="Done", exact=True).first).to_be_visible()
            assert eventually(lambda: ask(f"api/images/{image}")["done"])
            assert len(ask(f"api/images/{image}/masks")["masks"]) == 1
            page.keyboard.press("Delete")
            person.says("This image is done. Mark it as not done (W) to change it.")
            person.count(1)
            page.keyboard.press("Control+z")
            person.count(1)
            facts(page)
            for name in ("Accept", "Edit"):
                assert page.get_by_role("button", name=name).count() == 0, name
            check_accessible(page)
            check_width(page)
            page.locator("am-image-canvas canvas").last.focus()
            page.keyboard.press("w")
            expect(page.get_by_role("button", name="Mark as done")).to_be_visible()
            page.keyboard.press("Delete")
            person.count(0)
            person.saved()
            assert ask(f"api/images/{image}/masks")["masks"] == []
            page.context.clear_cookies()  # signed out under the open page
            polygon(person, *FIELD)
            page.get_by_label("Token").fill(token)
            page.keyboard.press("Enter")
            person.saved()
            assert len(ask(f"api/images/{image}/masks")["masks"]) == 1
            page.get_by_role("link", name="All images").click()
            page.get_by_role("link", name="a.png").click()
            page.wait_for_selector("am-editor[data-ready=yes]")
            page.keyboard.press("Control+z")  # steps can be taken back after leaving the image
            person.count(0)
            person.saved()
            check_people(page, served)
    finally:
        served.kill()


def check_people(page: Page, served: Served) -> None:
    """An annotator signs out; an administrator adds somebody, changes their role and revokes their token."""

    def account(name: str, action: str) -> None:
        page.goto(f"{served.address}#/")
        page.get_by_role("button", name=f"Signed in as {name}").click()
        check_accessible(page)
        page.get_by_role("dialog").get_by_role("button", name=action).click()

    def sign_in(token: str) -> None:
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)

    account("ann", "Sign out")
    sign_in("boss-token-of-the-tests")
    account("admin", "People")
    people = page.get_by_role("list", name="People")
    expect(people).to_contain_text("ann")
    page.get_by_label("Name", exact=True).fill("Eve")
    page.get_by_role("button", name="Add", exact=True).click()
    token = page.get_by_label("Give this token to Eve now").input_value()
    check_accessible(page)
    page.get_by_label("Name", exact=True).fill("ann")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("name must be new")
    page.get_by_label("Role of Eve").select_option("reviewer")
    page.get_by_role("button", name="Revoke the token of ann").click()
    page.get_by_role("button", name="Revoke", exact=True).click()
    expect(people.get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Close").click()
    account("admin", "Sign out")
    sign_in(token)
    page.get_by_role("button", name="Signed in as Eve").click()
    expect(page.get_by_role("dialog")).to_contain_text("Your role is reviewer.")
    expect(page.get_by_role("button", name="People")).to_have_count(0)
    page.get_by_role("button", name="Close").click()
    check_agreement(page)


def check_agreement(page: Page) -> None:
    """A reviewer gives an image to a second person and sees how their masks agree."""
    page.get_by_role("link", name="a.png").click()
    page.wait_for_selector("am-editor[data-ready=yes]")
    facts(page)
    page.get_by_label("Give a copy to").select_option("Eve")
    expect(page.locator(".toast", has_text="Eve has a copy of this image now.")).to_be_visible()
    page.get_by_role("link", name="All images").click()
    expect(page.locator(".card")).to_have_count(2)
    page.get_by_role("button", name="Agreement").click()
    row = page.get_by_role("dialog").get_by_role("row").last
    expect(row).to_contain_text("Eve")
    check_accessible(page)
    row.get_by_role("link", name="a.png").click()
    page.wait_for_selector("am-editor")
