"""The run-length codec, held against pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from anymask.errors import FormatError
from anymask.geometry import rle

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # pycocotools' own
]

sizes = st.tuples(st.integers(1, 24), st.integers(1, 24))


@st.composite
def masks(draw, size=None):
    """Noise, blocks, empty and full masks."""
    h, w = size or draw(sizes)
    kind = draw(st.sampled_from(["noise", "blocks", "empty", "full"]))
    if kind == "noise":
        return draw(arrays(np.bool_, (h, w)))
    out = np.full((h, w), kind == "full")
    for _ in range(draw(st.integers(1, 3)) if kind == "blocks" else 0):
        y, x = draw(st.integers(0, h - 1)), draw(st.integers(0, w - 1))
        out[y : y + draw(st.integers(1, h)), x : x + draw(st.integers(1, w))] ^= True
    return out


@st.composite
def several(draw):
    """A few masks of one size."""
    size = draw(sizes)
    return [draw(masks(size)) for _ in range(draw(st.integers(1, 4)))]


def peer(mask):
    """The mask in pycocotools' code."""
    return coco.encode(np.asfortranarray(mask.view(np.uint8)))


@given(masks())
def test_string_equals_pycocotools(mask):
    theirs = peer(mask)
    runs = rle.encode(mask)
    assert runs.dtype == np.uint32
    assert rle.to_coco(runs, mask.shape) == {"size": list(mask.shape), "counts": theirs["counts"].decode()}
    assert np.array_equal(rle.from_string(theirs["counts"]), runs)


@given(masks())
def test_decode_gives_the_mask_back(mask):
    again = rle.decode(rle.encode(mask), mask.shape)
    assert again.dtype == np.bool_
    assert again.flags.c_contiguous
    assert np.array_equal(again, mask)
    assert np.array_equal(coco.decode(rle.to_coco(rle.encode(mask), mask.shape)), mask)


@given(masks())
def test_area_and_box_equal_pycocotools(mask):
    theirs, runs = peer(mask), rle.encode(mask)
    x, y, w, h = coco.toBbox(theirs)
    assert rle.area(runs) == coco.area(theirs) == mask.sum()
    assert rle.box(runs, mask.shape).tolist() == [x, y, x + w, y + h]


@given(several(), several())
def test_iou_equals_pycocotools(a, b):
    b = [np.resize(mask, a[0].shape) for mask in b]
    theirs = coco.iou([peer(m) for m in a], [peer(m) for m in b], [0] * len(b))
    ours = [rle.encode(m) for m in a], [rle.encode(m) for m in b]
    np.testing.assert_allclose(rle.iou(*ours), theirs, atol=1e-12)
    np.testing.assert_allclose(rle.iou(*ours, size=a[0].shape), theirs, atol=1e-12)


@given(several())
def test_union_equals_or(many):
    union = rle.union([rle.encode(mask) for mask in many], many[0].shape)
    assert np.array_equal(union, rle.encode(np.any(many, axis=0)))


@given(masks(), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_region_is_the_padded_mask(mask, left, top, right, bottom):
    whole = np.pad(mask, ((top, bottom), (left, right)))
    assert np.array_equal(rle.encode_region(mask, (left, top), whole.shape), rle.encode(whole))


@given(st.lists(st.integers(0, 2**32 - 1), max_size=12))
def test_string_holds_any_run(numbers):
    runs = np.array([*numbers[:1], *(n or 1 for n in numbers[1:])], np.uint32)
    assert np.array_equal(rle.from_string(rle.to_string(runs)), runs)


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=5))
def test_strings_are_read_together_as_by_themselves(many):
    texts = [rle.to_string(np.array(numbers, np.uint32)) for numbers in many]  # also with empty runs
    together = rle.from_strings(texts)
    assert [one.tolist() for one in together] == [rle.from_string(text).tolist() for text in texts]
    assert all(one.dtype == np.uint32 for one in together)


def test_one_corrupt_string_among_many_is_refused():
    with pytest.raises(FormatError, match="counts must end with a whole number"):
        rle.from_strings(["54", "5Q", "54"])
    with pytest.raises(FormatError, match="counts must be run lengths"):
        rle.from_strings(["54", "N", "54"])


@given(arrays(np.int64, st.integers(1, 12), elements=st.integers(0, 3)))
def test_empty_runs_are_merged(numbers):
    size = (int(numbers.sum()), 1)
    runs, _ = rle.from_coco({"size": size, "counts": numbers.tolist()})
    bits = np.repeat(np.arange(numbers.size) % 2 == 1, numbers)
    if bits.size:
        assert np.array_equal(runs, rle.encode(bits[:, None]))


def test_empty_sizes():
    assert rle.encode(np.zeros((0, 5), bool)).tolist() == [0]
    assert rle.decode(rle.encode(np.zeros((0, 5), bool)), (0, 5)).shape == (0, 5)
    assert rle.from_string("").size == 0
    assert rle.to_string(np.zeros(0, np.uint32)) == ""
    assert rle.iou([], []).shape == (0, 0)
    assert rle.union([], (2, 3)).tolist() == [6]


def test_corner_cases():
    assert rle.encode(np.zeros((2, 3), bool)).tolist() == [6]
    assert rle.encode(np.ones((2, 3), bool)).tolist() == [0, 6]
    assert rle.encode(np.ones((1, 1), bool)).tolist() == [0, 1]
    empty, full = rle.encode(np.zeros((2, 3), bool)), rle.encode(np.ones((2, 3), bool))
    assert rle.iou([empty, full], [empty, full]).tolist() == [[0, 0], [0, 1]]


def test_numbers_count_as_inside_unless_zero(rng):
    numbers = rng.integers(0, 3, (7, 5))
    assert np.array_equal(rle.decode(rle.encode(numbers), (7, 5)), numbers != 0)


def test_bools_that_are_255_inside():
    odd = (np.eye(5, dtype=np.uint8) * np.uint8(255)).view(np.bool_)  # as Pillow gives a 1-bit image
    odd.view(np.uint8)[1, 1] = 1
    assert np.array_equal(rle.encode(odd), rle.encode(np.eye(5)))


def test_not_contiguous_masks(rng):
    mask = rng.random((20, 30)) < 0.5
    assert np.array_equal(rle.decode(rle.encode(mask[::-2, ::3]), (10, 10)), mask[::-2, ::3])
    assert np.array_equal(rle.decode(rle.encode(mask.T), (30, 20)), mask.T)


def test_long_masks_without_a_size_keep_their_positions():
    far = rle.from_edges(np.array([3_000_000_000, 3_000_000_001]), (2**31, 2))
    near = rle.from_edges(np.array([3_000_000_001, 3_000_000_002]), (2**31, 2))
    assert rle.iou([far], [far, near]).tolist() == [[1, 0]]


def test_whole_numbers_with_a_point_are_run_lengths():
    runs, size = rle.from_coco({"size": [2.0, 3.0], "counts": [1.0, 4.0, 1.0]})
    assert (runs.tolist(), size) == ([1, 4, 1], (2, 3))


def test_areas(rng):
    masks = [rle.encode(rng.random((5, 7)) < share) for share in (0, 0.5, 1, 0.3, 0)]
    assert rle.areas(masks).tolist() == [rle.area(one) for one in masks]
    assert rle.areas([]).tolist() == rle.areas([rle.from_string("")])[:0].tolist() == []


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ({"counts": "06"}, r"segmentation must be .*'size'.*got another form"),
        ({"size": [2], "counts": "06"}, r"segmentation must be"),
        ({"size": [2, 3], "counts": "~"}, r"characters from '0' to 'o'"),
        ({"size": [2, 3], "counts": "P"}, r"cut-off string"),
        ({"size": [2, 3], "counts": "PPPPPPPPPP0"}, r"below 2\*\*32, got a larger one"),
        ({"size": [2, 3], "counts": "0O"}, r"run lengths from 0 to 2\*\*32 - 1"),
        ({"size": [2, 3], "counts": [1, 2]}, r"must sum to 2 x 3 = 6 pixels, got 3"),
        ({"size": [2, 3], "counts": [-1, 7]}, r"run lengths from 0"),
        ({"size": [2, 3], "counts": [1.5, 4.5]}, r"list of whole numbers"),
        ({"size": [2, 3], "counts": None}, r"list of whole numbers"),
        ({"size": [-2, -3], "counts": [6]}, r"must sum to"),
        (None, r"segmentation must be"),
    ],
)
def test_damaged_codes_are_refused(segmentation, message):
    with pytest.raises(FormatError, match=message):
        rle.from_coco(segmentation)


def test_decode_refuses_another_size():
    with pytest.raises(FormatError, match=r"must sum to 3 x 3 = 9 pixels, got 6"):
        rle.decode(np.array([6], np.uint32), (3, 3))


def test_encode_refuses_a_stack_of_masks():
    with pytest.raises(FormatError, match=r"mask must have shape \(H, W\), got \(1, 2, 3\)"):
        rle.encode(np.zeros((1, 2, 3), bool))


@given(several(), several())
def test_intersection_counts_shared_pixels(a, b):
    b = [np.resize(mask, a[0].shape) for mask in b]
    expected = [[(one & other).sum() for other in b] for one in a]
    ours = [rle.encode(m) for m in a], [rle.encode(m) for m in b]
    assert rle.intersection(*ours).tolist() == expected
    assert rle.intersection(*ours, a[0].shape).tolist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rle, "_MOST_TABLE", 0)  # as where a mask is too long for a table
        assert rle.intersection(*ours, a[0].shape).tolist() == expected


@given(masks(), st.integers(-9, 9), st.integers(-9, 9), sizes)
def test_paste_moves_and_cuts(mask, x, y, full):
    (h, w), big = mask.shape, np.zeros((60, 60), np.bool_)
    big[20 + y : 20 + y + h, 20 + x : 20 + x + w] = mask
    expected = rle.encode(big[20 : 20 + full[0], 20 : 20 + full[1]])
    assert np.array_equal(rle.paste(rle.encode(mask), mask.shape, (x, y), full), expected)
