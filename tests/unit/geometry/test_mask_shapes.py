"""Measures from run lengths against those of decoded masks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask.geometry import rle
from anymask.geometry.mask_shapes import shapes_of

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda size: st.lists(arrays(np.bool_, size), max_size=5).map(lambda masks: (size, masks))
)


def hull_area(mask: np.ndarray) -> float:
    """Of all corners of all pixels, by OpenCV."""
    ys, xs = np.nonzero(mask)
    corners = np.concatenate([np.stack([xs + dx, ys + dy], axis=1) for dx in (0, 1) for dy in (0, 1)])
    return float(cv2.contourArea(cv2.convexHull(corners.astype(np.int32))))


@settings(deadline=None)
@given(MASKS)
def test_measures_are_those_of_the_pixels(drawn) -> None:
    size, masks = drawn
    found = shapes_of([rle.encode(mask) for mask in masks], size)
    for index, mask in enumerate(masks):
        ys, xs = np.nonzero(mask)
        assert found.areas[index] == mask.sum()
        if not mask.any():
            assert not found.boxes[index].any()
            assert found.hull_areas[index] == found.concavity[index] == 0
            continue
        assert tuple(found.boxes[index]) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert found.centres[index] == pytest.approx((xs.mean() + 0.5, ys.mean() + 0.5))
        assert found.hull_areas[index] == pytest.approx(hull_area(mask))
        edges = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert found.touching(size)[index] == edges.any()


def test_large_masks(rng: np.random.Generator) -> None:
    masks = []
    for _ in range(6):
        mask = np.zeros((240, 320), np.uint8)
        cv2.fillPoly(mask, [rng.integers(0, (320, 240), (9, 2)).astype(np.int32)], 1)
        masks.append(mask.astype(bool))
    masks.append(np.ones((240, 320), bool))
    found = shapes_of([rle.encode(mask) for mask in masks], (240, 320))
    assert found.hull_areas == pytest.approx([hull_area(mask) for mask in masks])
    assert found.concavity[-1] == 0
    assert (found.concavity[:-1] > 0).any()


def test_no_masks() -> None:
    assert shapes_of([], (5, 5)).areas.shape == (0,)
