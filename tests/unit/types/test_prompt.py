"""Prompts: what is taken, what is refused and how it reaches the model."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from anymask.errors import PromptError
from anymask.geometry.frame import Frame
from anymask.types import Prompt
from anymask.types.prompt import MOST_POINTS

FRAME = Frame.fit((100, 200), 64, square=True)  # 32 x 64 model pixels, 16 x 16 cells


def test_lists_are_taken_for_arrays():
    prompt = Prompt(points=[(3, 4), (5, 6)], labels=[1, 0], box=(1, 2, 30, 40), text="a cat")
    assert prompt.points.dtype == np.float32
    assert prompt.points.tolist() == [[3, 4], [5, 6]]
    assert prompt.labels.tolist() == [1, 0]
    assert prompt.box.tolist() == [1, 2, 30, 40]
    assert prompt.text == "a cat"


def test_labels_are_1_when_left_out():
    assert Prompt(points=[(3, 4), (5, 6)]).labels.tolist() == [1, 1]
    assert Prompt.point(3, 4, 0).labels.tolist() == [0]


def test_a_prompt_without_anything():
    prompt = Prompt()
    assert (prompt.points.shape, prompt.labels.shape) == ((0, 2), (0,))
    assert prompt.box is prompt.mask is prompt.text is None
    assert Prompt(points=[], labels=[], box=[0, 0, 1, 1]).points.shape == (0, 2)


def test_nothing_can_be_written_to():
    mask = np.ones((100, 200), bool)
    points = np.array([[3, 4]], np.float32)
    prompt = Prompt(points=points, box=[1, 2, 3, 4], mask=mask)
    for array in (prompt.points, prompt.labels, prompt.box, prompt.mask):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    mask[:], points[:] = False, 9
    assert prompt.mask.all()
    assert prompt.points.tolist() == [[3, 4]]
    with pytest.raises(dataclasses.FrozenInstanceError):
        prompt.box = None


def test_copies_and_pickles():
    prompt = Prompt(points=[(3, 4)], box=[1, 2, 3, 4], mask=np.ones((10, 20), np.float32))
    again = pickle.loads(pickle.dumps(prompt))
    assert np.array_equal(again.points, prompt.points)
    assert np.array_equal(again.mask, prompt.mask)
    assert dataclasses.replace(prompt, box=None).box is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"points": [(1, float("nan"))]},
            r"points must be finite numbers, got .*nan.*Remove NaN and infinity\.",
        ),
        ({"points": [(1, float("inf"))]}, r"points must be finite numbers"),
        ({"points": [(1e300, 1)]}, r"points must be finite numbers"),
        ({"points": "3,4"}, r"points must be numbers of shape \(N, 2\), got '3,4'\. Give pixels\."),
        ({"points": [("3", "4")]}, r"points must be numbers"),
        ({"points": [(1, 2), (3,)]}, r"points must be numbers"),
        ({"points": (3, 4)}, r"points must have shape \(N, 2\), got \(2,\)\. Give a list of \(x, y\)\."),
        ({"points": [(1, 2, 3)]}, r"points must have shape \(N, 2\), got \(1, 3\)"),
        ({"points": []}, r"points must hold at least one point, got none\. Omit them"),
        (
            {"points": np.zeros((MOST_POINTS + 1, 2))},
            r"points must be at most 10000, got 10001\. Give a mask",
        ),
        ({"points": [(1, 2)], "labels": [2]}, r"labels must be 1 \(the object\) or 0 .*got \[2\]\."),
        ({"points": [(1, 2)], "labels": [0.5]}, r"labels must be 1"),
        ({"points": [(1, 2)], "labels": ["1"]}, r"labels must be numbers"),
        (
            {"points": [(1, 2)], "labels": [1, 0]},
            r"labels must be one for each of 1 points, got shape \(2,\)",
        ),
        ({"labels": [1]}, r"labels must be one for each of 0 points"),
        ({"box": (1, 2, 3)}, r"box must be 4 numbers x0, y0, x1, y1, got shape \(3,\)"),
        ({"box": [(1, 2, 3, 4)]}, r"box must be 4 numbers"),
        ({"box": (5, 2, 3, 4)}, r"box must have x0 < x1 and y0 < y1, got \(5, 2, 3, 4\)\. Give the top left"),
        ({"box": (1, 4, 3, 2)}, r"box must have x0 < x1"),
        ({"box": (1, 2, 1, 4)}, r"box must have x0 < x1"),
        ({"box": (1, 2, float("nan"), 4)}, r"box must be finite numbers"),
        ({"box": "1,2,3,4"}, r"box must be numbers"),
        ({"mask": np.ones((4, 5), np.uint8)}, r"mask must be \(H, W\) of bool .*got uint8 of shape \(4, 5\)"),
        ({"mask": np.ones((1, 4, 5), bool)}, r"mask must be .*got bool of shape \(1, 4, 5\)"),
        ({"mask": np.ones((0, 5), bool)}, r"mask must be"),
        ({"mask": [[1.0], [1.0, 2.0]]}, r"mask must be"),
        ({"mask": np.full((4, 4), np.nan)}, r"mask must be finite logits"),
        ({"text": " "}, r"text must be a non-empty string, got ' '\. Omit it for no text\."),
        ({"text": 3}, r"text must be a non-empty string, got 3"),
    ],
)
def test_what_is_refused(values, message):
    with pytest.raises(PromptError, match=message):
        Prompt(**values)


def test_a_thousand_points_are_fine():
    prompt = Prompt(points=np.ones((1000, 2)))
    prompt.check((100, 200))
    assert len(prompt.arrays(FRAME)[0]) == 1001


@pytest.mark.parametrize(
    ("prompt", "ambiguous"),
    [
        (Prompt.point(1, 2), True),
        (Prompt.point(1, 2, 0), True),
        (Prompt(), False),
        (Prompt(points=[(1, 2), (3, 4)]), False),
        (Prompt(points=[(1, 2)], box=(0, 0, 3, 4)), False),
        (Prompt(points=[(1, 2)], mask=np.ones((4, 4), bool)), False),
    ],
)
def test_a_single_click_is_ambiguous(prompt, ambiguous):
    assert prompt.ambiguous is ambiguous


@pytest.mark.parametrize("point", [(0, 0), (200, 100), (199.5, 0.5)])
def test_points_up_to_the_border_are_inside(point):
    Prompt(points=[point]).check((100, 200))


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            Prompt(points=[(3, 4), (201, 5)]),
            r"points must lie in the image, 0 to 200 by 0 to 100, got \(201, 5\)",
        ),
        (Prompt.point(-0.5, 5), r"got \(-0\.5, 5\)\. Give x, y in original pixels\."),
        (
            Prompt(box=(200, 0, 300, 50)),
            r"box must overlap the image, 0 to 200 by 0 to 100, got \(200, 0, 300, 50\)",
        ),
        (Prompt(box=(-9, -9, 0, 50)), r"box must overlap the image"),
        (
            Prompt(mask=np.ones((200, 100), bool)),
            r"mask must have the image's size 100 x 200 .*got 200 x 100",
        ),
    ],
)
def test_what_does_not_fit_the_image(prompt, message):
    with pytest.raises(PromptError, match=message):
        prompt.check((100, 200))
    with pytest.raises(PromptError, match=message):
        prompt.arrays(FRAME)


def test_arrays_of_points_end_with_a_pad():
    coords, labels, mask = Prompt(points=[(100, 50), (0, 0)], labels=[1, 0]).arrays(FRAME)
    assert coords.dtype == np.float32
    assert coords.tolist() == [[32.5, 16.5], [0.5, 0.5], [0, 0]]
    assert labels.dtype == np.int64
    assert labels.tolist() == [1, 0, -1]
    assert mask is None


def test_arrays_of_a_box_hold_its_corners_inside_the_image():
    coords, labels, _ = Prompt(points=[(100, 50)], box=(-50, 25, 100, 900)).arrays(FRAME)
    assert coords.tolist() == [[32.5, 16.5], [0.5, 8.5], [32.5, 32.5]]
    assert labels.tolist() == [1, 2, 3]


def test_arrays_of_nothing_are_empty_as_released():
    coords, labels, mask = Prompt().arrays(FRAME)
    assert coords.shape == (0, 2)
    assert labels.shape == (0,)
    assert mask is None


def test_a_mask_becomes_logits():
    mask = np.zeros((100, 200), bool)
    mask[:50] = True
    grid = Prompt(mask=mask).arrays(FRAME)[2]
    assert grid.dtype == np.float32
    assert grid.shape == (16, 16)
    np.testing.assert_allclose(grid[:4], 10, atol=1e-4)
    np.testing.assert_allclose(grid[4:], -10, atol=1e-4)


def test_logits_pass_through():
    logits = np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32)
    assert np.array_equal(Prompt(mask=logits).arrays(FRAME)[2], logits)
    with pytest.raises(
        PromptError, match=r"mask must be logits of the model's grid \(16, 16\), got shape \(64, 64\)"
    ):
        Prompt(mask=np.zeros((64, 64), np.float32)).arrays(FRAME)


def test_scribbles_become_points_on_the_strokes():
    inside, outside = np.zeros((2, 100, 200), bool)
    inside[40, 20:180] = True
    outside[90, 5:15] = True
    prompt = Prompt.from_scribbles(inside, outside, most=5)
    assert prompt.labels.tolist() == [1] * 5 + [0] * 5
    x, y = (prompt.points - 0.5).astype(int).T
    assert inside[y[:5], x[:5]].all()
    assert outside[y[5:], x[5:]].all()
    assert np.diff(np.sort(x[:5])).min() > 30  # spread over the stroke
    assert (prompt.points % 1 == 0.5).all()
    again = Prompt.from_scribbles(inside, outside, most=5)
    assert np.array_equal(prompt.points, again.points)


def test_short_scribbles_give_all_their_pixels():
    dot = np.zeros((9, 9), np.uint8)
    dot[4, 3:5] = 255
    assert Prompt.from_scribbles(dot).points.tolist() == [[3.5, 4.5], [4.5, 4.5]]


def test_wide_scribbles_are_quick_and_bounded():
    assert len(Prompt.from_scribbles(np.ones((1000, 1500), bool), most=3).points) == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: Prompt.from_scribbles(np.zeros((4, 4), bool)),
            r"foreground must contain a stroke, got an empty mask",
        ),
        (lambda: Prompt.from_scribbles(np.ones((4, 4))), r"foreground must be \(H, W\) of bool, got float64"),
        (
            lambda: Prompt.from_scribbles(np.ones((4, 4), bool), np.ones(4, bool)),
            r"background must be \(H, W\)",
        ),
        (lambda: Prompt.from_scribbles(np.ones((4, 4), bool), most=0), r"most must be at least 1, got 0"),
        (
            lambda: Prompt.from_scribbles(np.ones((4, 4), bool), np.ones((5, 4), bool)),
            r"background must have the size of the foreground, \(4, 4\), got \(5, 4\)",
        ),
    ],
)
def test_scribbles_refused(call, message):
    with pytest.raises(PromptError, match=message):
        call()
