"""The first minute: an empty project, the sample photos, the guide from a click to an export."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from .conftest import profile
from .driving import Person, Served
from .test_screens import check_accessible, check_width


def test_an_empty_project_leads_to_a_first_export(browser: Browser, exported: Path, tmp_path: Path) -> None:
    served = Served(tmp_path)
    try:
        with profile(browser, reduced_motion="reduce") as page:
            page.goto(served.address)
            page.get_by_role("heading", name="There are no images yet").wait_for()
            expect(page.locator(".samples img")).to_have_count(3)
            check_accessible(page)
            page.get_by_role("button", name="Try it with these photos").click()
            page.wait_for_selector("am-editor[data-ready=yes]", timeout=120_000)
            guide, person = page.get_by_role("complementary", name="First steps"), Person(page)
            expect(guide).to_contain_text("1 / 4 Click")
            with profile(browser) as other:
                decline(other, served.address)
            check_accessible(page)
            check_width(page)
            person.click(176.5, 121.5)
            expect(guide).to_contain_text("2 / 4 Refine")
            person.click(210, 200)
            expect(guide).to_contain_text("3 / 4 Label")
            page.get_by_role("button", name="Edit", exact=True).click()
            page.get_by_label("Name", exact=True).fill("cat")
            page.get_by_role("button", name="Save", exact=True).click()
            expect(page.get_by_role("dialog")).to_have_count(0)
            page.keyboard.press("1")
            expect(guide).to_contain_text("4 / 4 Export")
            person.saved()
            guide.get_by_role("button", name="Export").click()
            page.get_by_role("dialog", name="Export and import").wait_for()
            expect(guide).to_have_count(0)
            page.get_by_role("button", name="Close").click()
            page.get_by_label("Search by name").fill("no such name")
            page.get_by_role("button", name="Show all images").click()
            expect(page.locator(".card")).to_have_count(3)
    finally:
        served.kill()


def decline(page: Page, address: str) -> None:
    """The guide is offered until it is declined."""
    page.goto(address)
    page.get_by_role("button", name="No, thanks").click()
    page.reload()
    page.wait_for_selector(".card")
    expect(page.get_by_role("button", name="No, thanks")).to_have_count(0)
