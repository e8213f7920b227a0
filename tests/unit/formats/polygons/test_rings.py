"""Masks to rings and back: identical, whatever the mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask.errors import FormatError
from anymask.formats.polygons import rings
from anymask.geometry import regions, rle

masks = arrays(np.bool_, st.tuples(st.integers(1, 14), st.integers(1, 14)))
CHECKERS = np.indices((7, 8)).sum(axis=0) % 2 == 0


def as_mask(polygons, size):
    return rle.decode(rings.fill(polygons, size), size)


@given(masks)
@example(CHECKERS)
@example(~CHECKERS)
@example(np.ones((1, 1), bool))
@example(np.zeros((3, 4), bool))
def test_an_outline_gives_the_mask_back(mask):
    found = rings.outline(rle.encode(mask), mask.shape)
    assert np.array_equal(as_mask(found, mask.shape), mask)


@given(masks)
@example(CHECKERS)
def test_parts_and_holes(mask):
    found = rings.outline_bits(mask)
    whole = np.zeros(mask.shape, int)
    for outer, *holes in found:
        assert rings.signed_area(outer) > 0
        assert all(rings.signed_area(hole) < 0 for hole in holes)
        part = as_mask([(outer, *holes)], mask.shape)
        assert part.sum() == sum(rings.signed_area(ring) for ring in (outer, *holes))
        whole += part
    assert np.array_equal(whole, mask), "parts share no pixel"
    assert len(found) >= regions.components(mask)[1]


@given(masks)
@example(CHECKERS)
def test_rings_are_simple_and_have_no_needless_corner(mask):
    for polygon in rings.outline_bits(mask):
        for ring in polygon:
            assert len({tuple(corner) for corner in ring}) == len(ring) >= 4
            steps = np.roll(ring, -1, axis=0) - ring
            assert ((steps == 0).sum(axis=1) == 1).all()
            assert (steps.astype(bool) != np.roll(steps, 1, axis=0).astype(bool)).all()


@given(masks)
@example(CHECKERS)
@example(np.pad(np.pad(np.zeros((2, 2), bool), 2, constant_values=True), 2))
def test_one_ring_with_cuts_gives_the_mask_back(mask):
    found = rings.outline_bits(mask)
    if not found:
        with pytest.raises(FormatError, match=r"polygons must hold a ring, got none\. Leave empty masks out"):
            rings.bridge(found)
        return
    ring = rings.bridge(found)
    assert np.array_equal(as_mask([[ring]], mask.shape), mask)
    assert len(ring) == sum(len(one) for polygon in found for one in polygon) + 2 * (sum(map(len, found)) - 1)


def test_cuts_are_short():
    mask = np.zeros((9, 30), bool)
    for x in (0, 14, 7, 21):  # not in order
        mask[2:6, x : x + 5] = True
    ring = rings.bridge(rings.outline_bits(mask))
    assert np.abs(np.diff(ring, axis=0)).max() == 5  # the sides; gaps are 2 wide


def test_cuts_of_thousands_of_parts():
    mask = np.zeros((91, 91), bool)
    mask[1::3, 1::3] = True
    ring = rings.bridge(rings.outline_bits(mask))
    assert np.array_equal(as_mask([[ring]], mask.shape), mask)


def is_on_edge(ring, x, y):
    """Whether a point lies on the ring itself, as good as floats can tell."""
    along, to = np.roll(ring, -1, 0) - ring, np.array([x, y]) - ring
    length = np.maximum((along**2).sum(1), 1e-12)
    share = np.clip((along * to).sum(1) / length, 0, 1)
    return bool((np.hypot(*(to - share[:, None] * along).T) < 1e-6).any())


@example([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)], False)  # a diagonal through a centre, which may be either
@given(st.lists(st.tuples(st.floats(-9, 20), st.floats(-9, 20)), min_size=3, max_size=7), st.booleans())
def test_inside_is_where_the_centre_is(corners, turned):
    ring = np.array(corners[::-1] if turned else corners).round(2) + 0.003
    size = (9, 11)
    found = as_mask([[ring]], size)
    for row in range(size[0]):
        for column in range(size[1]):
            if not is_on_edge(ring, column + 0.5, row + 0.5):
                assert found[row, column] == is_inside(ring, column + 0.5, row + 0.5)


def is_inside(ring, x, y):
    """The ray to the right of a point crosses the ring an odd number of times."""
    inside = False
    for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


def test_left_and_upper_edges_are_inside():
    ring = rings.as_ring([1.5, 1.5, 4.5, 1.5, 4.5, 3.5, 1.5, 3.5])
    expected = np.zeros((6, 7), bool)
    expected[1:3, 1:4] = True
    assert np.array_equal(as_mask([[ring]], (6, 7)), expected)


def test_neighbours_share_no_pixel():
    triangles = [rings.as_ring(ring) for ring in ([0, 0, 8, 0, 8, 8], [0, 0, 8, 8, 0, 8])]
    first, second = (as_mask([[ring]], (8, 8)) for ring in triangles)
    assert not (first & second).any()
    assert (first | second).all()


@pytest.mark.parametrize("far", [1e5, 1e12, 1e300])
def test_far_away_corners(far):
    ring = rings.as_ring([-far, -far, far, -far, far, far, -far, far])
    assert as_mask([[ring]], (5, 6)).all()
    assert not as_mask([[ring + 2.5 * far]], (5, 6)).any()


def test_many_edges_in_little_memory(monkeypatch):
    star = np.random.default_rng(0).uniform(0, 40, (60, 2))
    whole = rings.fill([[star]], (40, 40))
    monkeypatch.setattr(rings, "_MOST_CROSSINGS", 16)
    assert np.array_equal(rings.fill([[star]], (40, 40)), whole)


@pytest.mark.parametrize(
    "bad", [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, float("inf")], "x", None, [[1, 2], [3]]]
)
def test_refused(bad):
    with pytest.raises(FormatError, match=r"polygon must be 3 or more corners x, y as finite numbers, got"):
        rings.as_ring(bad)
