from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import ImageError, InputError
from anymask.evaluate import automatic
from anymask.evaluate.automatic import AutomaticConfig, measure, run
from anymask.evaluate.simulated_clicks import Targets
from anymask.types import Masks, Record

SIZE = (60, 80)


def rectangle(x0, y0, x1, y1):
    mask = np.zeros(SIZE, np.bool_)
    mask[y0:y1, x0:x1] = True
    return mask


TRUTHS = np.stack([rectangle(5, 5, 25, 25), rectangle(40, 10, 60, 50)])


def figures(*masks, ignore=None):
    found = Masks.from_dense(np.stack(masks)) if masks else Masks(SIZE, ())
    return measure(found, Targets(TRUTHS, ignore))


def test_perfect_masks_have_perfect_figures():
    got = figures(*TRUTHS)
    assert {name: total / count for name, (total, count) in got.items() if name not in ("seconds",)} == {
        "ar": 1,
        **{f"{name}_{step}": 1 for name in ("recall", "precision") for step in (50, 75)},
        "unique_50": 1,
        "boundary": 1,
        "outline": 1,
        "islands": 0,
        "coverage": pytest.approx(TRUTHS.any(axis=0).mean()),
        "masks": 2,
    }


def test_half_found_counts_by_its_iou():
    got = figures(rectangle(5, 5, 24, 19), rectangle(70, 0, 80, 10))  # IoU 0.665 with the first
    assert got["ar"] == (pytest.approx(0.4), 2)  # 0.5, 0.55, 0.6 and 0.65
    assert (got["recall_50"], got["recall_75"]) == ((1, 2), (0, 2))
    assert (got["precision_50"], got["precision_75"]) == ((1, 2), (0, 2))
    assert got["outline"][1] == 1
    assert 0 < got["boundary"][0] == got["outline"][0] < 1


def test_copies_of_one_mask_count_once_as_unique():
    got = figures(TRUTHS[0], rectangle(5, 5, 25, 24), TRUTHS[1])
    assert (got["precision_50"], got["unique_50"]) == ((3, 3), (2, 3))


def test_islands_are_components_beyond_the_largest():
    torn = TRUTHS[0] | rectangle(70, 50, 72, 52) | rectangle(70, 0, 72, 2)
    assert figures(torn, TRUTHS[1])["islands"] == (2, 2)


def test_unlabelled_pixels_do_not_count():
    outside = rectangle(0, 26, 30, 60)
    assert figures(TRUTHS[0] | outside, ignore=outside)["recall_75"] == (1, 2)
    assert figures(TRUTHS[0] | outside)["recall_50"] == (0, 2)


def test_no_mask_scores_nothing():
    got = figures()
    assert all(total == 0 for total, _ in got.values())
    assert (got["precision_50"][1], got["outline"][1]) == (0, 0)


class Broken(list):
    def __getitem__(self, index):
        raise ImageError("broken")


def test_report_means_over_sets_and_f1_of_the_means(monkeypatch):
    image = np.zeros((*SIZE, 3), np.uint8)
    answers = iter([Masks.from_dense(TRUTHS), Masks.from_dense(TRUTHS[:1]), Masks(SIZE, ())])
    monkeypatch.setattr(automatic, "automatic", lambda *_: next(answers))
    monkeypatch.setattr(automatic, "model_hash", lambda _: "none")
    records = [Record(name, image, Masks.from_dense(TRUTHS)) for name in "abc"]
    seen = []
    report = run(
        None,
        {"one": records[:2], "two": records[2:]},
        AutomaticConfig(resamples=50),
        lambda *it: seen.append(it),
    )
    assert seen[-1] == ("two", 1, 1)
    one, two = report.sets
    assert (one.numbers["recall_50"].value, two.numbers["recall_50"].value) == (0.75, 0)
    assert one.numbers["f1_50"].value == pytest.approx(2 * 0.75 / 1.75)
    assert report.mean.numbers["recall_50"].value == 0.375
    assert report.mean.numbers["precision_50"].value == 0.5
    assert report.mean.numbers["f1_50"].value == pytest.approx(2 * 0.375 * 0.5 / 0.875)
    low, high = report.mean.numbers["recall_50"].low, report.mean.numbers["recall_50"].high
    assert low < 0.375 < high
    assert (report.mean.images, report.mean.masks) == (3, 6)


def test_no_image_with_masks_is_an_error():
    with pytest.raises(InputError, match=r"datasets must hold a mask that counts, got none in one"):
        run(None, {"one": Broken([1])})
