"""Trees of masks, cuts through them, flat maps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from anymask.errors import InputError
from anymask.geometry.label_map import cover
from anymask.inference.mask_generation.hierarchy import flatten, tree
from anymask.types import Masks


def rectangles(*boxes_xyxy, size=(40, 60), **fields) -> Masks:
    dense = np.zeros((len(boxes_xyxy), *size), np.bool_)
    for mask, (x0, y0, x1, y1) in zip(dense, boxes_xyxy, strict=True):
        mask[y0:y1, x0:x1] = True
    return Masks.from_dense(dense, **fields)


# a row of cars, a car, its wheel, its window; a tree; a near copy of the car
STREET = rectangles(
    (0, 0, 40, 20), (0, 0, 20, 20), (2, 12, 8, 18), (10, 2, 18, 8), (45, 0, 55, 30), (0, 0, 20, 19)
)


@st.composite
def random_masks(draw):
    boxes = draw(
        st.lists(st.tuples(*[st.integers(0, 10)] * 2, *[st.integers(11, 30)] * 2), min_size=0, max_size=9)
    )
    scores = draw(st.lists(st.integers(0, 4), min_size=len(boxes), max_size=len(boxes)))
    return rectangles(*boxes, size=(30, 30), scores=np.array(scores, float))


def test_parents_are_the_smallest_that_contain() -> None:
    found = tree(STREET)
    assert found.parents.tolist() == [-1, 0, 5, 5, -1, 0]
    assert found.depths.tolist() == [0, 1, 2, 2, 0, 1]
    assert found.children(5).tolist() == [2, 3]
    assert found.children(-1).tolist() == [0, 4]


def test_a_part_may_stick_out_a_little() -> None:
    masks = rectangles((0, 0, 20, 20), (11, 0, 21, 10), (12, 0, 22, 10))
    assert tree(masks).parents.tolist() == [-1, 0, -1]
    assert tree(masks, contained=0.75).parents.tolist() == [-1, 0, 0]


def test_the_dial_goes_from_wholes_to_parts() -> None:
    found = tree(STREET)
    assert found.cut(0).tolist() == [0, 4]
    assert found.cut(0.5).tolist() == [1, 4, 5]
    assert found.cut(1).tolist() == [1, 2, 3, 4], "the car without parts of its own ends early"
    assert np.array_equal(found.at(0).areas, STREET.areas[[0, 4]])
    assert len(found.down_to(1)) == 6
    assert len(found.down_to(0.5)) == 4


@given(random_masks(), st.floats(0, 1), st.floats(0, 1))
def test_cuts_are_one_mask_for_each_path_and_finer_with_the_dial(masks, low, high) -> None:
    found = tree(masks)

    def ways(i):
        return [i, *ways(found.parents[i])] if i >= 0 else []

    cuts = [set(found.cut(dial).tolist()) for dial in sorted((low, high))]
    ends = set(range(len(masks))) - set(found.parents.tolist())
    for end in ends:
        coarse, fine = ([i for i in ways(end) if i in cut] for cut in cuts)
        assert len(coarse) == len(fine) == 1
        assert found.depths[coarse[0]] <= found.depths[fine[0]]


@given(random_masks())
def test_parents_contain_their_parts(masks) -> None:
    found, dense = tree(masks), masks.dense()
    for i, parent in enumerate(found.parents):
        holds = [
            (dense[i] & other).sum() >= 0.9 * dense[i].sum() and dense[i].sum() <= 0.8 * other.sum()
            for other in dense
        ]
        sizes = [other.sum() for other in dense]
        assert (parent >= 0) == any(holds)
        if parent >= 0:
            assert holds[parent]
            assert sizes[parent] == min(size for size, ok in zip(sizes, holds, strict=True) if ok)


@given(random_masks(), st.sampled_from(["smaller", "better"]))
def test_flatten_shows_the_first_by_rank(masks, top) -> None:
    labels, dense = flatten(masks, top=top), masks.dense()
    assert labels.dtype == np.int32
    rank = masks.areas if top == "smaller" else -masks.scores
    expected = np.zeros(masks.size, np.int32)
    for i in sorted(range(len(masks)), key=lambda i: (rank[i], i), reverse=True):
        expected[dense[i]] = i + 1
    assert np.array_equal(labels, expected)


def test_no_masks_are_a_tree_and_a_map() -> None:
    none = Masks((3, 4), ())
    assert len(tree(none).at(0.5)) == 0
    assert flatten(none).tolist() == [[0] * 4] * 3
    assert cover(flatten(none)).sum() == 0


def test_empty_masks_are_wholes_that_show_nowhere() -> None:
    masks = Masks.from_dense(np.stack([np.ones((3, 4), bool), np.zeros((3, 4), bool)]))
    assert tree(masks).parents.tolist() == [-1, -1]
    assert (flatten(masks) == 1).all()


def test_cover_takes_the_nearest_label(rng: np.random.Generator) -> None:
    labels = np.where(rng.random((30, 40)) < 0.02, rng.integers(1, 9, (30, 40)), 0).astype(np.int32)
    full = cover(labels)
    assert (full > 0).all()
    assert np.array_equal(full[labels > 0], labels[labels > 0])
    least = ndimage.distance_transform_edt(labels == 0)
    to_own = np.stack([ndimage.distance_transform_edt(labels != n) for n in range(1, 9)])
    reached = np.take_along_axis(to_own, full[None] - 1, 0)[0]
    assert (reached <= least * 1.03 + 1e-6).all()


def test_cover_by_the_image_meets_on_its_edges() -> None:
    image = np.zeros((20, 40, 3), np.uint8)
    image[:, 30:] = 200
    labels = np.zeros((20, 40), np.int32)
    labels[5:15, 2:6], labels[5:15, 34:38] = 1, 2
    by_distance, by_image = cover(labels), cover(labels, image)
    assert (by_distance[10] == 1).sum() == 20
    assert abs(int((by_image[10] == 1).sum()) - 30) <= 1
    assert (by_image > 0).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 5)])
def test_cover_of_tiny_images(size) -> None:
    labels = np.zeros(size, np.int32)
    labels[0, 0] = 7
    assert (cover(labels, np.zeros((*size, 3), np.uint8)) == 7).all()


def test_bad_arguments() -> None:
    with pytest.raises(InputError, match=r"granularity must be 0 \(top-level masks\) to 1 .*, got 1.5"):
        tree(STREET).at(1.5)
    with pytest.raises(InputError, match=r"contained must be above 0.5 and at most 1, got 0.2"):
        tree(STREET, contained=0.2)
    with pytest.raises(InputError, match=r"top must be 'smaller' or 'better', got 'larger'"):
        flatten(STREET, top="larger")
    with pytest.raises(InputError, match=r"image must be \(H, W, 3\) of the labels' size \(40, 60\), got"):
        cover(flatten(STREET), np.zeros((4, 4, 3), np.uint8))
