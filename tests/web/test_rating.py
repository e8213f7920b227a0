"""The page for raters: from the first key to a file of ratings that the report reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from anymask import models
from anymask.data import open_dataset
from anymask.data.synthetic import shapes
from anymask.data_engine.rating.make import KEY, PAGE, RATINGS, make_rating
from anymask.data_engine.rating.report import read_ratings
from anymask.formats import sa1b
from anymask.models.config import DEBUG


@pytest.fixture
def rating(tmp_path: Path) -> Path:
    """A rating of one mask by a tiny model, with the truth: two jobs."""
    (tmp_path / "set").mkdir()
    record = shapes(np.random.default_rng(0), (160, 200), 2)
    Image.fromarray(record.read()).save(tmp_path / "set/a.png")
    (tmp_path / "set/a.json").write_text(json.dumps(sa1b.to_document(record)))
    model = models.build(DEBUG).eval()
    assert make_rating(open_dataset(tmp_path / "set"), {"ours": model}, tmp_path / "rating") == 2
    return tmp_path / "rating"


def test_masks_are_rated_and_saved(page: Page, rating: Path) -> None:
    page.goto((rating / PAGE).as_uri())
    assert page.locator("#views img").count() == 5
    assert page.locator("#views img").evaluate_all("some => some.every((one) => one.alt)")
    page.get_by_role("button", name="7", exact=True).click()
    page.keyboard.press("0")
    page.reload()
    assert page.locator("#state").inner_text() == "mask 1 of 2, 2 rated", "they stay in the browser"
    page.get_by_label("Your name").fill("Eve, <b>")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save ratings").click()
    assert download.value.suggested_filename == "ratings-Eve b.csv"
    download.value.save_as(rating / RATINGS / "eve.csv")
    found = read_ratings(rating)
    jobs = json.loads((rating / KEY).read_text())["jobs"]
    assert [(one.job, one.rater, one.rating) for one in found] == [
        (job, "Eve b", value) for job, value in zip(jobs, (7.0, 10.0), strict=True)
    ]
