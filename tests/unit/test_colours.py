"""The palette: different, stable, visible."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anymask.colours import palette


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_longer_palette_begins_with_the_shorter(n, more):
    assert np.array_equal(palette(n + more)[:n], palette(n))


def test_colours_differ_and_none_is_black():
    colours = palette(5000)
    assert colours.shape == (5000, 3)
    assert colours.dtype == np.uint8
    assert len({tuple(colour) for colour in colours.tolist()}) == 5000
    assert colours.any(axis=1).all()


def test_the_first_are_far_apart():
    colours = palette(20).astype(int)
    distance = np.abs(colours[:, None] - colours[None]).sum(axis=-1) + 1000 * np.eye(20, dtype=int)
    assert distance.min() > 60


def test_the_first_stay_what_they_are():
    assert palette(4).tolist() == [[255, 0, 255], [0, 255, 0], [0, 102, 68], [255, 136, 34]]


def test_the_caller_may_write_to_it():
    palette(3)[:] = 0
    assert palette(3).any(axis=1).all()
