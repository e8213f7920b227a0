"""Nothing drawn is lost: two people, a killed server, no connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from .conftest import profile
from .driving import Person, Served, bits, eventually

MASKS = "**/api/images/*/masks"
"""The address of an image's masks."""
SKEWED = """{
    const now = Date.now, by = %d;
    window.Date = class extends Date {
        constructor(...given) { given.length ? super(...given) : super(now() + by); }
        static now() { return now() + by; }
    };
}"""
"""The clock of a page that is some milliseconds off."""


@pytest.fixture
def own(exported: Path, photos: Path, tmp_path: Path) -> Iterator[Served]:
    """A server of its own, which a test may kill."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes((photos / "cat.jpg").read_bytes())
    served = Served(folder)
    yield served
    served.kill()


@pytest.fixture
def cat(own: Served) -> str:
    """Its image."""
    return own.images()["cat.jpg"]


@pytest.fixture
def painter(browser: Browser, own: Served, cat: str) -> Iterator[Person]:
    """Somebody with the brush at that image; a browser may complain of the network here."""
    with profile(browser, quiet=False) as page:
        person = Person(page).open(own.address, cat)
        person.tool("Brush")
        yield person


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Iterator[tuple[Page, Page]]:
    """The browsers of two people."""
    with profile(browser, quiet=False) as first, profile(browser, quiet=False) as second:
        yield first, second


@pytest.fixture
def two(pages: tuple[Page, Page], served: Served) -> tuple[Person, Person, str]:
    """Two people with the same mask before them."""
    image = served.images()["coffee.jpg"]
    served.clear(image)
    one, other = (Person(page) for page in pages)
    one.open(served.address, image)
    one.tool("Brush")
    one.drag((100, 100), (200, 100))
    one.count(1)
    one.saved()
    return one, other.open(served.address, image), image


def change(person: Person, y: float) -> None:
    """Select the mask and paint to it at a height."""
    person.page.keyboard.press("Escape")
    person.page.keyboard.press("m")
    person.tool("Brush")
    person.drag((100, y), (200, y))


@pytest.mark.parametrize("choice", ["mine", "theirs", "both"])
def test_two_people_never_overwrite_each_other(
    two: tuple[Person, Person, str], served: Served, choice: str
) -> None:
    one, other, image = two
    change(one, 150)
    eventually(lambda: bits(served.masks(image)[0])[150, 150])
    change(other, 250)  # made from the version before
    dialog = other.page.get_by_role("dialog", name="Two versions of one mask")
    expect(dialog).to_be_visible()
    assert not bits(served.masks(image)[0])[250, 150]  # theirs is still what is stored
    dialog.get_by_role("button", name=f"Keep {choice}").click()
    other.saved()
    rows = eventually(lambda: [(bits(m)[150, 150], bits(m)[250, 150]) for m in served.masks(image)])
    assert (
        sorted(rows)
        == {
            "mine": [(False, True)],
            "theirs": [(True, False)],
            "both": [(False, True), (True, False)],
        }[choice]
    )


def test_two_browsers_edit_the_corners_of_one_mask(two: tuple[Person, Person, str], served: Served) -> None:
    one, other, image = two
    before = bits(served.masks(image)[0])
    y = int(np.nonzero(before)[0][0])
    for person, by in ((one, -20), (other, 20)):
        person.page.keyboard.press("Escape")
        person.page.keyboard.press("m")
        person.tool("Corners")
        person.drag((150, y), (150 + by, y - 30))  # a new corner on the upper line
        if person is one:
            one.saved()
    dialog = other.page.get_by_role("dialog", name="Two versions of one mask")
    dialog.get_by_role("button", name="Keep both").click()
    other.saved()
    kept = [bits(mask) for mask in served.masks(image)]
    assert len(kept) == 2
    assert all(mask[y + 5 :].tolist() == before[y + 5 :].tolist() for mask in kept), "exact where untouched"
    assert sorted((mask[y - 20, 135], mask[y - 20, 165]) for mask in kept) == [(False, True), (True, False)]


def test_a_conflict_that_was_put_off_is_asked_again(two: tuple[Person, Person, str], served: Served) -> None:
    one, other, image = two
    change(one, 150)
    one.saved()
    change(other, 200)
    dialog = other.page.get_by_role("dialog", name="Two versions of one mask")
    expect(dialog).to_be_visible()
    other.page.keyboard.press("Escape")
    other.page.goto(f"{served.address}#/")
    other.page.wait_for_selector("am-gallery")
    other.page.locator(".chip").click()
    other.page.get_by_role("button", name="Resolve").click()
    other.page.locator(".toast").get_by_role("button", name="Review").click()
    expect(dialog).to_be_visible()
    other.page.reload()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Keep mine").click()
    other.saved()
    assert [bits(served.masks(image)[0])[y, 150] for y in (150, 200)] == [False, True]


def test_what_two_deleted_and_changed_is_asked_too(two: tuple[Person, Person, str], served: Served) -> None:
    one, other, image = two
    one.page.keyboard.press("Delete")
    eventually(lambda: not served.masks(image))
    change(other, 250)
    dialog = other.page.get_by_role("dialog", name="Two versions of one mask")
    expect(dialog).to_contain_text("Deleted")
    dialog.get_by_role("button", name="Keep mine").click()
    other.saved()
    assert bits(served.masks(image)[0])[250, 150]


def test_a_killed_server_loses_nothing(browser: Browser, own: Served) -> None:
    """Complaint 3: what could not be saved is still there, and is saved later."""
    image = own.images()["cat.jpg"]
    with profile(browser, quiet=False) as page:
        person = Person(page).open(own.address, image)
        person.click(176.5, 121.5)
        person.count(1)
        own.kill()  # as likely as not while the mask is on its way
        page.keyboard.press("Enter")
        person.tool("Brush")
        person.drag((300, 40), (380, 40))
        person.count(2)
        chip = page.locator(".chip")
        expect(chip).to_contain_text("not saved yet")
        own.start()
        person.saved()
        assert len(own.masks(image)) == 2


def test_a_tab_keeps_its_name_over_a_reload_and_a_duplicate_gets_another(
    browser: Browser, served: Served
) -> None:
    def name(page: Page) -> str:
        expect(page.get_by_role("link", name="cat.jpg")).to_be_visible()
        return page.locator("am-app").evaluate("({ sync }) => sync.outbox.client")

    with profile(browser) as page:
        page.goto(served.address)
        first = name(page)
        page.reload()
        assert name(page) == first
        other = page.context.new_page()
        other.add_init_script(f"sessionStorage['anymask tab'] ??= '{first}'")
        other.goto(served.address)
        second = name(other)
        assert second != first
        other.reload()
        assert name(other) == second


def test_a_page_closed_offline_sends_later(painter: Person, own: Served, cat: str) -> None:
    """Complaint 4: closing the page loses nothing."""
    page = painter.page
    page.context.set_offline(True)
    painter.drag((100, 100), (200, 100))
    painter.count(1)
    expect(page.locator(".chip")).to_contain_text("Offline: 1 not saved yet")
    assert own.masks(cat) == []
    page.close()
    later = page.context.new_page()
    page.context.set_offline(False)
    later.goto(own.address)
    assert eventually(lambda: len(own.masks(cat)) == 1)
    expect(later.locator(".chip")).to_contain_text("All saved")


@pytest.mark.parametrize(("status", "reason"), [(500, "status 500"), (413, "status 413")])
def test_a_refused_save_is_kept_over_a_reload_and_sent_again(
    painter: Person, own: Served, cat: str, status: int, reason: str
) -> None:
    """Complaint 3: a server that answers 500, a proxy that answers 413."""
    page = painter.page
    page.route(f"{MASKS}/*", lambda route: route.fulfill(status=status, body="<html>no</html>"))
    painter.drag((100, 100), (200, 100))
    expect(page.locator(".chip")).to_have_text("1 rejected")
    page.reload()
    painter.count(1)
    page.locator(".chip").click()
    dialog = page.get_by_role("dialog", name="Not saved yet")
    expect(dialog).to_contain_text(reason)
    page.unroute_all()
    dialog.get_by_role("button", name="Try again").click()
    painter.saved()
    assert len(own.masks(cat)) == 1


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_is_a_day_off_loses_nothing(painter: Person, own: Served, cat: str, days: int) -> None:
    page = painter.page
    page.add_init_script(SKEWED % (days * 86_400_000))
    page.reload()
    painter.count(0)
    painter.tool("Brush")
    page.context.set_offline(True)
    painter.drag((100, 100), (200, 100))
    painter.count(1)
    page.context.set_offline(False)
    painter.saved()
    page.reload()
    painter.count(1)
    change(painter, 150)
    painter.saved()
    (stored,) = own.masks(cat)
    assert bits(stored)[[100, 150], 150].all()
    assert abs(stored["time"] - time.time()) < 3600, "the server's clock counts"


def test_a_mask_sent_while_the_page_asks_for_masks_is_shown(painter: Person, own: Served, cat: str) -> None:
    """After a reload what waits is sent while the stored masks are asked for: the answer does not have it."""
    page = painter.page
    page.context.set_offline(True)
    painter.drag((100, 100), (200, 100))
    painter.count(1)

    def before_it_is_sent(route: Route) -> None:
        answer = route.fetch()
        assert eventually(lambda: len(own.masks(cat)) == 1)
        route.fulfill(response=answer)

    page.close()
    page = page.context.new_page()
    page.route(MASKS, before_it_is_sent, times=1)
    page.context.set_offline(False)
    page.goto(f"{own.address}#/image/{cat}")
    Person(page).count(1)


def test_going_online_again_sends_at_once(painter: Person, own: Served, cat: str) -> None:
    page = painter.page
    page.context.set_offline(True)
    painter.drag((100, 100), (200, 100))
    painter.count(1)
    painter.drag((100, 150), (200, 150))  # more changes of one mask are one entry
    expect(page.locator(".chip")).to_contain_text("Offline: 1 not saved yet")
    page.context.set_offline(False)
    painter.saved()
    (stored,) = own.masks(cat)
    assert bits(stored)[150, 150]


def test_a_folder_that_vanishes_is_told_and_saved_to_when_it_is_back(
    painter: Person, own: Served, cat: str
) -> None:
    page = painter.page
    away = own.folder.rename(own.folder.with_name("away"))
    painter.drag((100, 100), (200, 100))
    expect(page.locator(".toast")).to_contain_text("was removed or replaced")
    expect(page.locator(".chip")).to_have_text("1 not saved yet")
    page.locator(".chip").click()
    expect(page.get_by_role("dialog", name="Not saved yet")).to_contain_text(
        "The server says: The project's database"
    )
    away.rename(own.folder)
    page.get_by_role("button", name="Save now").click()
    page.keyboard.press("Escape")
    painter.saved()
    assert len(own.masks(cat)) == 1


def test_a_browser_without_room_still_saves(painter: Person, own: Served, cat: str) -> None:
    """Complaint 4: nor does a full quota, which is told."""
    page = painter.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("Storage.overrideQuotaForOrigin", {"origin": own.address[:-1], "quotaSize": 1})
    painter.drag((100, 100), (200, 100))
    expect(page.locator(".toast")).to_contain_text("Keep this page open until everything is saved.")
    painter.saved()
    page.keyboard.press("Enter")
    painter.drag((100, 150), (200, 150))
    assert eventually(lambda: len(own.masks(cat)) == 2)
    painter.saved()
