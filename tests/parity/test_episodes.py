"""The few-shot episodes compared with those that HSNet's code draws.

Its lists stay outside the repository: ANYMASK_HSNET names the folder `data/splits` of its code.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from anymask.errors import FormatError
from anymask.evaluate.tables import episodes

pytestmark = pytest.mark.parity

LISTS = os.environ.get("ANYMASK_HSNET")
needs_lists = pytest.mark.skipif(LISTS is None, reason="ANYMASK_HSNET names no folder")


def theirs(categories, names_of, shots, count):
    """As HSNet's `load_frame` of COCO, with NumPy's global generator."""
    np.random.seed(0)  # noqa: NPY002
    choice, out = np.random.choice, []
    for _ in range(count):
        category = choice(categories, 1, replace=False)[0]
        query = choice(names_of[category], 1, replace=False)[0]
        examples = []
        while len(examples) < shots:
            name = choice(names_of[category], 1, replace=False)[0]
            if name != query:
                examples.append(name)
        out.append((int(category), str(query), tuple(map(str, examples))))
    return out


@pytest.mark.parametrize("shots", [1, 5])
def test_the_draws_are_those_of_numpys_global_generator(shots):
    lists = {c: [f"{c}-{i}" for i in range(2 + c % 5)] for c in range(80)}
    ours = [(one.category, one.query, one.examples) for one in episodes.coco_episodes(lists, 1, shots, 50)]
    assert ours == theirs([1 + 4 * step for step in range(20)], lists, shots, 50)


def test_an_example_may_be_drawn_twice():
    lists = {c: ["a", "b", "c"] for c in range(80)}
    assert all(len(set(one.examples)) < 5 for one in episodes.coco_episodes(lists, 1, 5, 9))


def test_pascal_goes_through_its_pairs_again_and_again():
    pairs = [("a", 5), ("b", 5), ("c", 6), ("d", 6), ("e", 6)]
    found = episodes.pascal_episodes(pairs, 1, 1, 12)
    assert [one.query for one in found] == list("abcdeabcdeab")
    assert all(one.query not in one.examples for one in found)
    assert [one.examples for one in found][:5] != [one.examples for one in found][5:10]


def test_fss_takes_each_image_once_in_the_order_of_names():
    found = episodes.fss_episodes(["b", "a"], 2)
    assert [one.query for one in found[:3]] == ["a/1", "a/10", "a/2"]
    assert len(found) == 20


@needs_lists
def test_golden_episodes():
    coco = episodes.read_coco_list(Path(str(LISTS)) / "coco/val/fold0.pkl")
    assert sum(map(len, coco.values())) == 35783
    one, two = episodes.coco_episodes(coco, 0, 1, 2)
    assert (one.category, two.category) == (72, 44)
    numbers = [Path(name).stem[-6:] for name in (one.query, *one.examples, two.query, *two.examples)]
    assert numbers == ["507081", "486122", "504005", "570465"]
    second = episodes.coco_episodes(coco, 0, 5, 2)[1]
    assert (second.category, Path(second.query).stem[-6:]) == (60, "307172")
    pascal = episodes.read_pascal_list(Path(str(LISTS)) / "pascal/val/fold0.txt")
    assert len(pascal) == 346
    first = episodes.pascal_episodes(pascal, 0, 5)[0]
    assert (first.query, first.examples) == (
        "2007_000033",
        ("2010_001174", "2007_001884", "2011_002515", "2010_000238", "2011_001114"),
    )


def test_a_list_that_would_run_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (print, ("ran",))

    (tmp_path / "fold0.pkl").write_bytes(pickle.dumps({0: Evil()}))
    with pytest.raises(FormatError, match="list must hold names only"):
        episodes.read_coco_list(tmp_path / "fold0.pkl")
    (tmp_path / "fold0.pkl").write_bytes(b"nothing")
    with pytest.raises(FormatError, match="path must hold names by class"):
        episodes.read_coco_list(tmp_path / "fold0.pkl")
    (tmp_path / "fold0.txt").write_text("2007_000033__01\nwrong\n")
    with pytest.raises(FormatError, match=r"line 2 of .* must be name__CC, got 'wrong'"):
        episodes.read_pascal_list(tmp_path / "fold0.txt")
