"""Contours of logits, and simplification that keeps its word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask.formats.polygons import rings
from anymask.formats.polygons import trace as contours
from anymask.geometry import rle
from anymask.geometry.frame import Frame

FRAME = Frame.fit((90, 120), 160, square=False)
grids = st.integers(0, 1 << 32).map(
    lambda seed: np.random.default_rng(seed).normal(size=FRAME.grid_hw).astype(np.float32)
)


def disc(radius, centre=(64.3, 41.7), frame=FRAME):
    """Logits of a disc: pixels to its edge, at the centres of the grid's cells."""
    h, w = frame.grid_hw
    x, y = (np.arange(n) * 4 + 2 for n in (w, h))
    scale = frame.scaled_hw[1] / frame.size_hw[1]
    return (radius - np.hypot(*np.meshgrid(x / scale - centre[0], y / scale - centre[1]))).astype(np.float32)


def test_a_disc_is_round():
    ((ring,),) = contours.contour(disc(20), FRAME)
    away = np.hypot(*(ring - (64.3, 41.7)).T)
    assert np.abs(away - 20).max() < 0.1  # of a pixel, where a cell is 3 wide
    assert rings.signed_area(ring) == pytest.approx(np.pi * 400, rel=0.01)


def test_a_ring_has_a_hole():
    logits = np.minimum(disc(30), -disc(12))
    ((outer, hole),) = contours.contour(logits, FRAME)
    assert rings.signed_area(outer) > 0 > rings.signed_area(hole)
    assert contours.loss([(outer, hole)], FRAME.masks_rle(logits[None])[0], FRAME.size_hw) < 0.01


@given(grids)
def test_the_sign_at_every_cell_is_kept(logits):
    found = contours.contour(logits, FRAME)
    size = (FRAME.scaled_hw[0] // 4, FRAME.scaled_hw[1] // 4)
    scale = FRAME.scaled_hw[1] / FRAME.size_hw[1] / 4
    cells = [tuple(ring * scale for ring in polygon) for polygon in found]  # cells' centres are pixel centres
    together = rings.fill([[ring for polygon in cells for ring in polygon]], size)
    assert np.array_equal(rle.decode(together, size), logits[: size[0], : size[1]] > 0)
    assert all((ring >= 0).all() and (ring <= (120, 90)).all() for polygon in found for ring in polygon)


@pytest.mark.parametrize(("value", "count"), [(1.0, 1), (-1.0, 0)])
@pytest.mark.parametrize("size", [(90, 120), (1, 1), (3, 200), (37, 41)])
def test_all_and_nothing(value, count, size):
    frame = Frame.fit(size, 160, square=True)
    found = contours.contour(np.full(frame.grid_hw, value, np.float32), frame)
    assert len(found) == count
    if found:
        h, w = size
        assert sorted(found[0][0].round(9).tolist()) == [[0, 0], [0, h], [w, 0], [w, h]]


def test_a_saddle_is_decided_by_its_middle():
    frame = Frame.fit((8, 8), 8, square=True)
    for weak, parts in ((0.5, 2), (2.0, 1)):
        logits = np.array([[weak, -1], [-1, weak]], np.float32)
        assert len(contours.contour(logits, frame)) == parts


@given(arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30))), st.sampled_from([0.01, 0.1, 0.3]))
def test_the_loss_is_bounded(mask, max_loss):
    runs = rle.encode(mask)
    found = contours.polygons(runs, mask.shape, max_loss)
    if mask.any():
        assert contours.loss(found, runs, mask.shape) <= max_loss
    else:
        assert found == []


def test_fewer_corners_for_more_loss():
    runs = FRAME.masks_rle(disc(30)[None])[0]
    counts = [
        sum(len(ring) for polygon in contours.polygons(runs, FRAME.size_hw, loss) for ring in polygon)
        for loss in (0, 0.01, 0.05, 0.2)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 100
    assert counts[1] <= 24
    assert counts[3] <= 8


def test_logits_are_used_where_they_tell_the_same_mask():
    logits = disc(30)
    runs = FRAME.masks_rle(logits[None])[0]
    smooth = contours.polygons(runs, FRAME.size_hw, 0.01, logits=logits, frame=FRAME)
    start = {tuple(corner) for polygon in contours.contour(logits, FRAME) for corner in polygon[0].round(3)}
    assert {tuple(corner) for corner in smooth[0][0].round(3)} <= start
    other = contours.polygons(runs, FRAME.size_hw, 0.01, logits=disc(8), frame=FRAME)
    assert contours.loss(other, runs, FRAME.size_hw) <= 0.01


def test_small_parts_vanish_before_large_ones():
    mask = np.zeros((60, 60), bool)
    mask[5:50, 5:50] = True
    mask[55, 55] = True
    found = contours.polygons(rle.encode(mask), mask.shape, 0.02)
    assert len(found) == 1
