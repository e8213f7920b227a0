"""Several projects on one server: the list, a project, and the way back."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, expect

from .conftest import profile
from .driving import Served
from .test_screens import check_accessible, check_width


def test_a_token_leads_to_its_projects(browser: Browser, photos: Path, tmp_path: Path) -> None:
    for name in ("cats", "flowers"):
        (tmp_path / name).mkdir()
        shutil.copy(photos / "cat.jpg", tmp_path / name)
    served = Served(tmp_path, "--token", "boss-token-of-the-tests", several=True)
    try:
        with profile(browser, quiet=False, reduced_motion="reduce") as page:
            page.goto(served.address)
            page.get_by_label("Token").fill("boss-token-of-the-tests")
            page.keyboard.press("Enter")
            projects = page.get_by_role("list", name="Projects").get_by_role("listitem")
            expect(projects).to_contain_text(["cats", "flowers"])
            expect(projects.first).to_contain_text("1 image · 0 masks")
            check_accessible(page)
            check_width(page)
            page.get_by_role("link", name="flowers").click()
            expect(page.get_by_role("heading", name="flowers")).to_be_visible()
            expect(page.locator(".card")).to_have_count(1)
            page.get_by_role("link", name="All projects").click()
            page.get_by_role("button", name="Sign out").click()
            expect(page.get_by_label("Token")).to_be_visible()
    finally:
        served.kill()
