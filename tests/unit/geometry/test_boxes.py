"""Boxes by hand and by property."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anymask.geometry import boxes

coordinates = st.integers(-20, 20)
some = arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=coordinates.map(float))


def upright(array):
    """Corners in order, every side at least 1."""
    low, high = np.minimum(array[:, :2], array[:, 2:]), np.maximum(array[:, :2], array[:, 2:])
    return np.concatenate([low, high + 1], axis=1)


def painted_iou(a, b):
    """IoU counted in pixels."""
    canvas = np.zeros((2, 45, 45), bool)
    for layer, (x0, y0, x1, y1) in zip(canvas, np.stack([a, b]).astype(int) + 21, strict=True):
        layer[y0:y1, x0:x1] = True
    return (canvas[0] & canvas[1]).sum() / (canvas[0] | canvas[1]).sum()


def test_area():
    assert boxes.area_xyxy([[0, 0, 3, 2], [5, 5, 4, 9]]).tolist() == [6, 0]
    assert boxes.area_xyxy([1, 1, 3, 3]) == 4


@given(some, some)
def test_iou_equals_counting(a, b):
    a, b = upright(a), upright(b)
    found = boxes.iou_xyxy(a, b)
    expected = [[painted_iou(one, other) for other in b] for one in a]
    np.testing.assert_allclose(found, np.reshape(expected, (len(a), len(b))), atol=1e-9)


def test_iou_of_empty_boxes_is_0():
    assert boxes.iou_xyxy([[1, 1, 1, 1]], [[1, 1, 1, 1]]).tolist() == [[0]]


@given(some)
def test_widths_and_back(array):
    array = upright(array)
    assert np.array_equal(boxes.xywh_to_xyxy(boxes.xyxy_to_xywh(array)), array)


def test_xywh():
    assert boxes.xyxy_to_xywh([2, 3, 6, 9]).tolist() == [2, 3, 4, 6]
    given_array = np.array([[2, 3, 4, 6]], np.float32)
    assert boxes.xywh_to_xyxy(given_array).tolist() == [[2, 3, 6, 9]]
    assert given_array.tolist() == [[2, 3, 4, 6]]


@given(some, st.sampled_from([0.0, 0.3, 0.7]), st.integers(0, 99))
def test_nms_keeps_the_best_and_only_strangers(array, threshold, seed):
    array = upright(array)
    scores = np.random.default_rng(seed).integers(0, 5, len(array))
    kept = boxes.nms(array, scores, threshold)
    overlap = boxes.iou_xyxy(array, array)
    assert list(scores[kept]) == sorted(scores[kept], reverse=True)
    for place, i in enumerate(kept):
        assert (overlap[i, kept[:place]] <= threshold).all()
    for i in set(range(len(array))) - set(kept.tolist()):  # whoever went had a better one above the threshold
        better = [j for j in kept if (scores[j], -j) > (scores[i], -i)]
        assert (overlap[i, better] > threshold).any()


def test_nms_of_equal_scores_keeps_the_first():
    assert boxes.nms([[0, 0, 4, 4], [0, 0, 4, 4], [9, 9, 10, 10]], [1, 1, 2], 0.5).tolist() == [2, 0]
    assert boxes.nms(np.zeros((0, 4)), [], 0.5).size == 0
