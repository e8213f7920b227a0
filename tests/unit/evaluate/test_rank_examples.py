"""Leaving out each example in turn."""

from __future__ import annotations

import numpy as np
import pytest

from anymask.errors import InputError
from anymask.evaluate.rank_examples import rank_examples
from anymask.images.colours import palette
from anymask.types import Masks, Record


def example(name: str, thing: tuple[int, int, int], swapped: bool = False) -> Record:
    """A grey image with a square of a colour; `swapped` marks all but the square."""
    image = np.full((32, 32, 3), 128, np.uint8)
    image[8:24, 8:24] = thing
    mask = (image == thing).all(-1)
    return Record(name, image, Masks.from_dense([~mask if swapped else mask], labels=[0]))


@pytest.mark.parametrize("colours", [None, palette(1)])
def test_the_wrong_example_hurts(colours, toy_painter) -> None:
    records = [
        example("a", (200, 20, 20)),
        example("b", (210, 30, 30)),
        example("wrong", (205, 25, 25), swapped=True),
    ]
    calls: list[tuple[int, int]] = []
    ranked = rank_examples(toy_painter, records, colours, progress=lambda *at: calls.append(at))
    assert ranked[-1].index == 2
    assert ranked[-1].gain < 0 < ranked[0].gain
    assert ranked[-1].found < 0.5, "the others know better"
    assert calls[-1] == (9, 9)


def test_two_examples_are_measured_against_none(toy_painter) -> None:
    ranked = rank_examples(toy_painter, [example("a", (200, 20, 20)), example("b", (210, 30, 30))], None)
    assert all(one.gain == pytest.approx(one.found, abs=0.1) for one in ranked)
    assert all(one.gain > 0.8 for one in ranked)


def test_one_example_cannot_be_compared(toy_painter) -> None:
    with pytest.raises(InputError, match="records must be at least two to be compared, got 1"):
        rank_examples(toy_painter, [example("a", (200, 20, 20))], None)
