from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import pytest

from anymask.data.dataset import Faults
from anymask.data.mixture import BLOCK, Mixture
from anymask.data.synthetic import shapes
from anymask.errors import FormatError, InputError
from anymask.types import Record

RECORD = shapes(np.random.default_rng(0), (16, 16), 1)


@dataclass
class Numbers:
    """A data set of n items, some of them damaged."""

    name: str
    count: int
    damaged: tuple[int, ...] = ()
    faults: Faults = field(default_factory=Faults)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Record:
        if index in self.damaged:
            raise FormatError("damaged")
        return RECORD


def mixture(**options) -> Mixture:
    return Mixture([Numbers("a", 5), Numbers("b", 70)], {"a": 1, "b": 3}, seed=3, **options)


def seen(draws) -> list[tuple[str, int]]:
    return [(draw.dataset, draw.index) for draw in draws]


def test_item_i_depends_on_seed_and_i_alone():
    forward = seen(islice(mixture(), 50))
    again = mixture()
    backward = seen([again[i] for i in reversed(range(50))])
    assert forward == backward[::-1]
    other = Mixture([Numbers("a", 5), Numbers("b", 70)], {"a": 1, "b": 3}, seed=4)
    assert seen(islice(other, 50)) != forward


def test_a_resumed_stream_goes_on():
    whole = seen(islice(mixture(), 40))
    first = mixture()
    start = seen(islice(first, 15))
    state = pickle.loads(pickle.dumps(first.state))
    assert state.position == 15
    resumed = mixture(position=state.position)
    assert start + seen(islice(resumed, 25)) == whole
    assert seen(islice(pickle.loads(pickle.dumps(first)), 25)) == whole[15:]


def test_ranks_share_the_stream():
    whole = seen(islice(mixture(), 30))
    parts = [seen(islice(mixture().stream(rank, 3), 10)) for rank in range(3)]
    assert [parts[i % 3][i // 3] for i in range(30)] == whole


def test_shares_are_exact_and_passes_complete():
    stream = mixture()
    places = [stream.locate(i) for i in range(BLOCK)]
    shares = Counter(number for number, _ in places)
    assert shares[0] == pytest.approx(BLOCK / 4, abs=2)
    small = Counter(index for number, index in places if number == 0)
    assert max(small.values()) - min(small.values()) <= 1
    large = Counter(index for number, index in places if number == 1)
    assert max(large.values()) - min(large.values()) <= 1
    assert len(large) == 70


def test_a_pass_goes_on_over_blocks():
    stream = Mixture([Numbers("a", 3 * BLOCK)], seed=0)
    found = {stream.locate(i)[1] for i in range(3 * BLOCK)}
    assert len(found) == 3 * BLOCK


def test_every_set_is_drawn_at_least_once_a_block():
    stream = Mixture([Numbers("a", 10), Numbers("b", 10)], [1e-9, 1.0], seed=0)
    assert {stream.locate(i)[0] for i in range(BLOCK)} == {0, 1}


def test_weights_default_to_the_lengths():
    stream = Mixture([Numbers("a", 30), Numbers("b", 10)], seed=0)
    assert stream.weights.tolist() == [0.75, 0.25]


def test_the_generator_of_an_item_is_its_own():
    stream = mixture()
    assert stream.rng(4).random() == stream.rng(4).random()
    assert stream.rng(4).random() != stream.rng(5).random()


def test_damaged_items_are_replaced_from_seed_and_position():
    def stream() -> Mixture:
        return Mixture([Numbers("a", 10, damaged=(0, 1, 2, 3))], seed=1)

    found = seen(islice(stream(), 40))
    assert all(index > 3 for _, index in found)
    assert found[17] == seen([stream()[17]])[0]


def test_a_set_without_whole_items_ends_the_stream():
    with pytest.raises(FormatError, match="dataset a must hold readable items, got 50 damaged ones in a row"):
        Mixture([Numbers("a", 2, damaged=(0, 1))], seed=0)[0]


@pytest.mark.parametrize(
    ("datasets", "weights", "message"),
    [
        ([], None, "datasets must hold at least one data set, got none"),
        ([Numbers("a", 0)], None, "datasets must hold items, got none in a"),
        ([Numbers("a", 1), Numbers("a", 1)], None, "datasets must have different names, got a, a"),
        ([Numbers("a", 1)], {"b": 1}, "weights must name a, got b"),
        ([Numbers("a", 1)], [1, 2], "weights must be 1 positive numbers"),
        ([Numbers("a", 1)], [0], "weights must be 1 positive numbers"),
        ([Numbers("a", 1)], [float("nan")], "weights must be 1 positive numbers"),
    ],
)
def test_bad_mixtures(datasets, weights, message):
    with pytest.raises(InputError, match=message):
        Mixture(datasets, weights, seed=0)


def test_positions_start_at_0():
    with pytest.raises(IndexError, match="position must be at least 0, got -1"):
        mixture()[-1]
