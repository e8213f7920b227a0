from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymask.data.synthetic import shapes
from anymask.errors import InputError


@given(st.integers(0, 2**32), st.integers(16, 60), st.integers(16, 60), st.integers(0, 6))
def test_shapes_have_one_colour_each_and_do_not_overlap(seed, h, w, count):
    record = shapes(np.random.default_rng(seed), (h, w), count)
    image, masks = record.read(), record.masks.dense()
    assert image.shape == (h, w, 3)
    assert image.dtype == np.uint8
    assert len(masks) <= count
    assert masks.sum(axis=0).max(initial=0) <= 1
    for mask in masks:
        assert len(np.unique(image[mask], axis=0)) == 1


def test_the_same_seed_gives_the_same_image():
    one, two = (shapes(np.random.default_rng(5), (40, 40), 3) for _ in range(2))
    assert (one.read() == two.read()).all()
    assert one.id == two.id


def test_small_sizes_are_refused():
    with pytest.raises(InputError, match="size_hw must be at least 16 x 16, got"):
        shapes(np.random.default_rng(0), (8, 40), 1)
