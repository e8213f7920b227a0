"""Polygons to masks, held against pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from anymask.errors import FormatError
from anymask.formats.polygons import rasterise
from anymask.formats.polygons.rasterise import from_polygon, from_polygons
from anymask.geometry import rle

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # pycocotools' own
]

sides = st.integers(1, 40)
corner = st.floats(-6, 46).map(lambda number: round(number, 2))
outline = st.lists(st.tuples(corner, corner), min_size=3, max_size=8, unique=True).map(
    lambda corners: [number for pair in corners for number in pair]
)


@given(st.lists(outline, min_size=1, max_size=3), sides, sides)
def test_equal_to_pycocotools(polygons, h, w):
    theirs = coco.merge(coco.frPyObjects(polygons, h, w))
    assert rle.to_string(from_polygons(polygons, (h, w))) == rle.to_string(rle.encode(coco.decode(theirs)))


KINDS = {
    "between pixels": lambda rng, shape: rng.uniform(-20, 90, shape),
    "pixels": lambda rng, shape: rng.uniform(-20, 90, shape).round(),
    "the fine grid": lambda rng, shape: (5 * rng.uniform(-20, 90, shape)).round() / 5,
    "halves": lambda rng, shape: (2 * rng.uniform(-20, 90, shape)).round() / 2,
    "far away": lambda rng, shape: rng.uniform(-20, 90, shape) * 10.0 ** rng.integers(0, 3),
    "few places": lambda rng, shape: rng.choice([0, 0.1, 0.2, 0.3, 0.5, 1, 2, 10, 30, 33.3, 40], shape),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [1, 50, 1 << 16])
def test_many_at_once_are_equal_to_pycocotools(rng, monkeypatch, kind, most):
    """However many are drawn in one go."""
    monkeypatch.setattr(rasterise, "_MOST_CROSSINGS", most)
    for size in ((30, 40), (1, 50), (64, 3)):
        counts = rng.integers(3, 12, 40)
        corners = KINDS[kind](rng, (counts.sum(), 2))
        found = rasterise.draw(corners, counts, size)
        outlines = [ring.ravel().tolist() for ring in np.split(corners, np.cumsum(counts)[:-1])]
        theirs = coco.frPyObjects(outlines, *size)
        assert [rle.to_string(one) for one in found] == [one["counts"].decode() for one in theirs]


def test_places_that_are_crossed_often():
    """What is crossed an even number of times is not crossed."""
    twice = np.array([1, 3, 3, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 9, 9, 9])
    assert rasterise._odd(twice).tolist() == [1, 4, 7, 9]


def test_a_rectangle_is_its_pixels():
    mask = rle.decode(from_polygon([2, 1, 6, 1, 6, 4, 2, 4], (6, 8)), (6, 8))
    expected = np.zeros((6, 8), bool)
    expected[1:4, 2:6] = True
    assert np.array_equal(mask, expected)


def test_repeated_corners_change_nothing():
    once, twice = [2, 1, 6, 1, 6, 4, 2, 4], [2, 1, 2, 1, 6, 1, 6, 4, 6, 4, 2, 4, 2, 1]
    assert np.array_equal(from_polygon(once, (6, 8)), from_polygon(twice, (6, 8)))


def test_no_polygons_are_an_empty_mask():
    assert from_polygons([], (2, 3)).tolist() == [6]


@pytest.mark.parametrize(
    "bad", [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, float("nan")], "x", None]
)
def test_refused(bad):
    with pytest.raises(
        FormatError, match=r"polygon must be 3 or more corners x, y as finite numbers, got \d numbers"
    ):
        from_polygons([bad], (9, 9))
