from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from anymask.errors import MissingExtraError
from anymask.evaluate.edge_matching import correspond, require_scipy, skeleton
from anymask.geometry.regions import components


def cheapest(one, other, reach):
    """The number of pairs and their total cost, by the assignment problem over all pixels.

    A pair that is too far apart costs as much as two unmatched pixels.
    """
    distance = cdist(np.argwhere(one), np.argwhere(other))
    cost = np.where(distance <= reach, np.rint(100 * distance), 2 * 1e4 * reach)
    chosen = linear_sum_assignment(cost)
    paired = distance[chosen] <= reach
    return int(paired.sum()), float(cost[chosen][paired].sum())


@pytest.mark.parametrize("seed", range(6))
def test_the_matching_is_the_cheapest_by_the_assignment_problem(seed):
    generator = np.random.default_rng(seed)
    one, other = (generator.random((18, 25)) < share for share in (0.2, 0.12))
    for reach in (1.0, 1.5, 2.9):
        mine, theirs = correspond(one, other, reach)
        assert np.count_nonzero(mine) == np.count_nonzero(theirs)
        assert cheapest(mine, theirs, reach) == cheapest(one, other, reach)
        assert not (mine & ~one).any()
        assert not (theirs & ~other).any()


def test_of_two_pixels_the_nearer_one_is_matched():
    one, other = np.zeros((2, 9, 9), bool)
    one[[2, 4], 4] = other[5, 4] = True
    mine, _ = correspond(one, other, 3.0)
    assert np.argwhere(mine).tolist() == [[4, 4]]


def test_nothing_matches_nothing():
    empty, full = np.zeros((5, 6), bool), np.ones((5, 6), bool)
    for pair in ((empty, full), (full, empty), (empty, empty)):
        assert not any(found.any() for found in correspond(*pair, 2.0))


def test_a_line_moved_within_reach_matches_and_beyond_it_does_not():
    line = np.zeros((20, 20), bool)
    line[5] = True
    for step, share in ((2, 20), (3, 0)):
        assert np.count_nonzero(correspond(line, np.roll(line, step, axis=0), 2.0)[0]) == share


@pytest.mark.parametrize("seed", range(4))
def test_a_skeleton_hangs_together_as_before_and_is_thin(seed):
    import cv2

    noise = np.random.default_rng(seed).random((40, 50)).astype(np.float32)
    mask = cv2.GaussianBlur(noise, (0, 0), 2.5) > 0.5
    lines = skeleton(mask)
    assert not (lines & ~mask).any()
    assert components(lines)[1] == components(mask)[1]
    assert np.array_equal(skeleton(lines), lines)
    square = lines[:-1, :-1] & lines[1:, :-1] & lines[:-1, 1:] & lines[1:, 1:]
    assert np.count_nonzero(square) <= 2
    assert mask.sum() > 3 * lines.sum()


def test_a_thick_line_becomes_one_pixel_wide():
    mask = np.zeros((11, 40), bool)
    mask[3:8, 2:38] = True
    lines = skeleton(mask)
    assert (lines[:, 6:34].sum(axis=0) == 1).all()


def test_without_scipy_the_extra_is_named(monkeypatch):
    def refuse(name, *rest, **more):
        if name.startswith("scipy"):
            raise ImportError(name)
        return real(name, *rest, **more)

    real = __import__("importlib").import_module
    monkeypatch.setattr("importlib.import_module", refuse)
    with pytest.raises(MissingExtraError, match=r"measuring edges needs .* pip install .*\[eval\]'"):
        require_scipy("sparse")
