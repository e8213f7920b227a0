"""Components, holes, islands and inner points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from anymask.errors import InputError
from anymask.geometry import regions

masks = arrays(np.bool_, st.tuples(st.integers(1, 15), st.integers(1, 15)))
CORNERS_TOO = np.ones((3, 3))


def read(image):
    """A mask from lines of . and #."""
    return np.array([[c == "#" for c in line] for line in image.split()])


@given(masks)
def test_components_equal_scipys(mask):
    labels, count = regions.components(mask)
    expected, expected_count = ndimage.label(mask, CORNERS_TOO)
    assert count == expected_count
    assert labels.dtype == np.int32
    assert (
        len({*zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True)}) == count + (~mask).any()
    )


@given(masks, st.integers(0, 30))
def test_holes_below_the_limit_are_filled(mask, limit):
    filled = regions.fill_holes(mask, limit)
    labels, count = ndimage.label(~mask, CORNERS_TOO)
    for label in range(1, count + 1):
        hole = labels == label
        assert filled[hole].all() == (hole.sum() < limit)
    assert filled[mask].all()


@given(masks, st.integers(0, 30))
def test_islands_below_the_limit_go_but_for_the_largest(mask, limit):
    kept = regions.drop_islands(mask, limit)
    labels, count = ndimage.label(mask, CORNERS_TOO)
    sizes = [int((labels == label).sum()) for label in range(1, count + 1)]
    expected = [size for size in sizes if size >= limit] or sorted(sizes)[-1:]
    assert kept.sum() == sum(expected)
    assert not (kept & ~mask).any()


@given(masks)
def test_inner_point_is_farthest_from_the_edge(mask):
    if not mask.any():
        return
    x, y = regions.inner_point(mask)
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    assert (x % 1, y % 1) == (0.5, 0.5)
    assert depth[int(y), int(x)] == pytest.approx(depth.max())
    assert mask[int(y), int(x)]


def test_inner_point_by_hand():
    assert regions.inner_point(read(".... .### .### .###")).tolist() == [2.5, 2.5]
    assert regions.inner_point(read("###### ###### ######")).tolist() == [1.5, 1.5]
    ring = read("####### ####### ##...## ##...## ##...## ####### #######")
    x, y = regions.inner_point(ring)
    assert ring[int(y), int(x)]


def test_inner_point_of_nothing():
    with pytest.raises(InputError, match="mask must hold a pixel, got an empty mask"):
        regions.inner_point(np.zeros((4, 5), bool))


def test_masks_need_not_be_contiguous():
    mask = read("##.. ##.. ...# ....")
    for view in (mask.T, mask[::-1, ::-1], mask[:, ::2]):
        assert regions.components(view)[1] == regions.components(view.copy())[1]
        assert np.array_equal(regions.drop_islands(view, 9), regions.drop_islands(view.copy(), 9))
        assert np.array_equal(regions.inner_point(view), regions.inner_point(view.copy()))


def test_specks_go_but_those_with_a_point():
    mask = np.zeros((20, 30), np.bool_)
    mask[2:18, 2:20] = True
    mask[5, 5] = mask[5, 9] = False  # two holes
    mask[2, 12] = False  # a bay
    mask[3, 25] = mask[9, 25] = True  # two islands
    points = np.array([[9.5, 5.5], [25.5, 9.5], [40, -3]], np.float32)
    clean = regions.drop_specks(mask, 3, points, points)
    expected = mask.copy()
    expected[5, 5], expected[3, 25] = True, False
    assert np.array_equal(clean, expected)
    nobody = np.zeros((0, 2), np.float32)
    assert np.array_equal(regions.drop_specks(mask, 1, nobody, nobody), mask)
    assert not regions.drop_specks(np.zeros((4, 4), np.bool_), 3, nobody, nobody).any()
    assert regions.drop_specks(mask, 1000, nobody, nobody)[2:18, 2:20].sum() == 16 * 18 - 1
