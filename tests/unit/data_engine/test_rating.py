"""Ratings: what the page holds and hides, and the statistics of what comes back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anymask.data import open_dataset
from anymask.data_engine.rating.make import KEY, PAGE, RATINGS, TRUTH, make_rating
from anymask.data_engine.rating.report import (
    Rated,
    agreement,
    is_rating,
    read_ratings,
    report_ratings,
    table_csv,
)
from anymask.errors import FormatError, InputError
from anymask.evaluate.tables.people import read_numbers
from anymask.formats import sa1b
from anymask.geometry import rle
from anymask.types import Masks, Record


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three images with a large and a small mask each."""
    folder, size = tmp_path / "set", (60, 80)
    folder.mkdir()
    large, small = np.zeros((2, *size), bool)
    large[10:50, 10:50] = True
    small[0:5, 60:65] = True
    for number in range(3):
        Image.new("RGB", size[::-1], (90, 90 * number, 0)).save(folder / f"{number}.png")
        found = Masks(size, [rle.encode(large), rle.encode(small)])
        record = Record(str(number), folder / f"{number}.png", found)
        (folder / f"{number}.json").write_text(json.dumps(sa1b.to_document(record)))
    return folder


@pytest.mark.parametrize("prompt", ["click", "box"])
def test_the_page_shows_every_job_and_no_method(dataset: Path, tmp_path: Path, model, prompt) -> None:
    place = tmp_path / "rating"
    assert make_rating(open_dataset(dataset), {"ours": model}, place, masks=2, prompt=prompt) == 6
    assert is_rating(place)
    key = json.loads((place / KEY).read_text())["jobs"]
    assert sorted((job["mask"], job["method"]) for job in key.values()) == sorted(
        (f"{number}/0", method) for number in range(3) for method in ("ours", TRUTH)
    ), "the small masks are left out"
    page = (place / PAGE).read_text()
    assert "ours" not in page.partition("const data")[2].partition("const kept")[0].replace("data:", "")
    data = json.loads(re.search(r"const data = (.*);", page)[1])
    assert [job["job"] for job in data["jobs"]] == list(key)
    assert all(len(job["own"]) == 3 and len(data["shared"][job["shared"]]) == 2 for job in data["jobs"])
    assert "http" not in page.partition("const data")[0], "nothing is loaded from elsewhere"
    other = tmp_path / "other"
    make_rating(open_dataset(dataset), {"ours": model}, other, masks=2, prompt=prompt, seed=1)
    again = json.loads((other / KEY).read_text())["jobs"]
    assert [job["method"] for job in again.values()] != [job["method"] for job in key.values()]


def test_what_cannot_be_made(dataset: Path, tmp_path: Path, model) -> None:
    opened = open_dataset(dataset)
    for given in ({"images": 0}, {"masks": 0}, {"methods": {}}, {"methods": {TRUTH: model}}):
        with pytest.raises(InputError, match="rating must have images, masks and methods not named truth"):
            make_rating(**{"dataset": opened, "methods": {"a": model}, "folder": tmp_path / "r", **given})
    with pytest.raises(InputError, match="output must be a new folder"):
        make_rating(opened, {"a": model}, dataset)
    for file in dataset.glob("*.png"):
        file.write_bytes(b"no image")
    with pytest.raises(InputError, match=r"masks of 576 pixels or more, got none in set\. Choose another"):
        make_rating(opened, {"a": model}, tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.fixture
def rating(tmp_path: Path) -> Path:
    """A rating of three masks by two methods."""
    place = tmp_path / "rating"
    (place / RATINGS).mkdir(parents=True)
    jobs = {f"{m}{n}": {"mask": f"mask-{n}", "method": m} for m in ("a", "truth") for n in range(3)}
    (place / KEY).write_text(json.dumps({"jobs": jobs}))
    return place


def write(rating: Path, name: str, *lines: str) -> None:
    (rating / RATINGS / f"{name}.csv").write_text("\n".join(["job,rater,rating,seconds", *lines]) + "\n")


def test_the_report(rating: Path, tmp_path: Path) -> None:
    write(rating, "one", "a0,eve,4,10", "a1,eve,6,20", "a2,eve,8,30", "truth0,eve,9,20", "truth1,eve,8,20")
    write(rating, "two", "a0,bob,6,10", "truth0,bob,9,10", "truth2,bob,10,10")
    found = read_ratings(rating)
    report = report_ratings(found)
    assert (report["masks"], report["ratings"], report["raters"]) == (3, 8, 2)
    assert report["methods"]["a"]["value"] == pytest.approx((5 + 6 + 8) / 3)
    assert report["methods"]["a"]["low"] < 6 < report["methods"]["a"]["high"]
    (pair,) = report["pairs"]
    assert (pair["methods"], pair["masks"]) == (["a", "truth"], 3)
    assert pair["value"] == pytest.approx(((5 - 9) + (6 - 8) + (8 - 10)) / 3)
    assert pair["low"] == -4
    assert pair["p"] == pytest.approx(0.0572, abs=1e-3), "t = -4 with two degrees of freedom"
    assert report["agreement"]["jobs"] == 2
    assert report["agreement"]["deviation"] == pytest.approx(1.0), "variances 2 and 0"
    table_csv(found, tmp_path / "ratings.csv")
    rows = read_numbers(tmp_path / "ratings.csv", "mask", "rating", 1, 10)
    assert [(row["method"], row["rating"]) for row in rows["mask-2"]] == [("a", 8.0), ("truth", 10.0)]


def test_krippendorffs_alpha() -> None:
    def rated(*units: tuple[float, ...]) -> list[Rated]:
        return [
            Rated(f"j{job}", "m", "a", f"r{rater}", value, 0)
            for job, unit in enumerate(units)
            for rater, value in enumerate(unit)
        ]

    assert agreement(rated((3, 3), (7, 7), (5,)))["alpha"] == 1
    # observed disagreement (1 + 1) / 2, expected 2 * 21 / (6 - 1): by hand for the values 1 2, 4 5, 7 7
    found = agreement(rated((1, 2), (4, 5), (7, 7)))["alpha"]
    values = np.array([1, 2, 4, 5, 7, 7])
    pairs = (values[:, None] - values) ** 2
    expected = pairs.sum() / (6 * 5)
    assert found == pytest.approx(1 - (2 * 1 + 2 * 1) / 6 / expected)
    assert agreement(rated((5,), (6,))) == {"jobs": 0, "alpha": None, "deviation": None}
    assert agreement(rated((5, 5), (5, 5)))["alpha"] is None, "without any spread it is not defined"


def test_a_person_who_rates_again(rating: Path) -> None:
    write(rating, "a", "a0,eve,4,")
    write(rating, "b", "a0,eve,9,x")
    assert [(one.rating, one.seconds) for one in read_ratings(rating)] == [(9.0, 0.0)]


@pytest.mark.parametrize(("line", "message"), [
    ("a0,eve,11,1", "line 2 of .* must have job, and rating from 1 to 10"),
    ("b7,eve,5,1", "job must be one of this rating, got b7"),
])  # fmt: skip
def test_lines_that_are_no_ratings(rating: Path, line: str, message: str) -> None:
    write(rating, "one", line)
    with pytest.raises(FormatError, match=message):
        read_ratings(rating)


def test_a_damaged_key(rating: Path) -> None:
    (rating / KEY).write_text("[]")
    with pytest.raises(FormatError, match="rating must be a folder"):
        read_ratings(rating)
