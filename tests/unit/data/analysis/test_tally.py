"""Counts over masks whose measures are known."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.data.analysis.tally import BINS, GRID, Tally, near_duplicates
from anymask.geometry import rle
from anymask.geometry.mask_shapes import shapes_of
from anymask.types import Masks


def box(x0: int, y0: int, x1: int, y1: int, size: tuple[int, int] = (100, 200)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[y0:y1, x0:x1] = True
    return mask


def of(*masks: np.ndarray, scores: list[float] | None = None, size: tuple[int, int] = (100, 200)) -> Masks:
    return Masks(size, [rle.encode(mask) for mask in masks], scores)


def test_measures_of_boxes() -> None:
    corner = box(20, 10, 60, 50)
    corner[10:30, 20:40] = False  # an L: three quarters of a square, whose hull is seven eighths
    tally = Tally()
    tally.add(of(box(0, 0, 20, 10), corner, box(5, 5, 5, 5), scores=[0.9, 0.5, 0.1]))
    tally.add(of())
    found = tally.to_dict()
    assert (found["images"], found["masks"], found["empty_masks"]) == (2, 3, 1)
    assert found["images_by_masks"] == {"0": 1, "3": 1}
    assert found["masks_per_image"] == 1.5
    assert found["share_touching_the_edge"] == pytest.approx(1 / 3)
    assert found["concavity"]["bins"][0] == 1
    assert found["concavity"]["bins"][int((1 - 6 / 7) * BINS)] == 1
    assert found["relative_size"]["count"] == 2
    assert found["relative_size"]["bins"][int(np.sqrt(200 / 20_000) * BINS)] == 1
    assert found["scores"]["mean"] == pytest.approx(0.5, abs=0.001)
    assert found["stability"] is None
    assert found["image_sizes"] == [{"height": 100, "width": 200, "images": 2}]
    centres = np.array(found["centres"])
    assert centres.sum() == 2
    assert centres[int(5 / 100 * GRID), int(10 / 200 * GRID)] == 1


def test_data_sets_without_scores_have_none() -> None:
    tally = Tally()
    tally.add(of(box(0, 0, 9, 9)))
    assert tally.to_dict()["scores"] is None
    assert Tally().to_dict()["relative_size"] is None


@pytest.mark.parametrize(
    ("other", "count"), [((0, 0, 40, 40), 1), ((0, 0, 40, 37), 1), ((0, 0, 40, 35), 0), ((60, 60, 99, 99), 0)]
)
def test_near_duplicates(other: tuple[int, int, int, int], count: int) -> None:
    masks = of(box(0, 0, 40, 40), box(*other), box(120, 0, 121, 1))
    assert near_duplicates(masks, shapes_of(masks.rles, masks.size)) == count


def test_a_mask_counts_once_however_many_are_like_it() -> None:
    masks = of(*[box(0, 0, 40, 40)] * 4)
    assert near_duplicates(masks, shapes_of(masks.rles, masks.size)) == 3
    assert (
        near_duplicates(of(*[box(0, 0, 0, 0)] * 3), shapes_of(of(*[box(0, 0, 0, 0)] * 3).rles, (100, 200)))
        == 0
    )


def test_images_with_very_many_masks_are_counted_together() -> None:
    tally = Tally()
    for number in (500, 501, 700):
        tally.add(of(*[box(0, 0, 1, 1)] * number))
    assert tally.to_dict()["images_by_masks"] == {"500": 3}
