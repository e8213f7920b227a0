from __future__ import annotations

import numpy as np
import pytest

from anymask.geometry.frame import Frame
from anymask.inference.mask_generation import hypotheses
from anymask.inference.mask_generation.grids import Window
from anymask.inference.mask_generation.hypotheses import (
    Hypotheses,
    best_apart,
    coarse_bits,
    coarse_ious,
    log_odds,
    logistic,
    points_agreeing,
)

SIZE = (96, 128)
NONE = np.zeros((0, 2), np.float32)


def hypotheses_in(xyxy, boxes, points):
    """Masks that are boxes x0, y0, x1, y1 of the image, predicted in one window."""
    x0, y0, x1, y1 = xyxy
    frame = Frame.fit((y1 - y0, x1 - x0), 128, square=False, multiple=32)
    contents = []
    for box in boxes:
        mask = np.zeros(SIZE, np.bool_)
        mask[box[1] : box[3], box[0] : box[2]] = True
        rows, columns = frame.content_hw
        grid = frame.mask_to_grid(mask[y0:y1, x0:x1])[:rows, :columns]
        contents.append((8 * (grid - 0.5)).astype(np.float16))
    n = len(boxes)
    shares = np.full(n, 0.8, np.float32)
    window = Window(xyxy, int(xyxy != (0, 0, *SIZE[::-1])), NONE)
    return Hypotheses(
        SIZE,
        (window,),
        (frame,),
        np.zeros(n, np.int64),
        np.array(points, np.float32),
        shares,
        shares,
        contents,
    )


@pytest.fixture
def found():
    whole = hypotheses_in(
        (0, 0, 128, 96),
        [(10, 10, 50, 50), (10, 10, 52, 50), (12, 10, 50, 50), (80, 20, 120, 60)],
        [(20, 20), (20, 20), (40, 40), (100, 40)],
    )
    crop = hypotheses_in((0, 0, 80, 64), [(10, 10, 50, 51), (60, 10, 70, 20)], [(30, 30), (65, 15)])
    return Hypotheses.concat([whole, crop])


def test_masks_of_all_windows_are_compared_on_one_grid(found):
    ious = coarse_ious(coarse_bits(found))
    assert found.window.tolist() == [0, 0, 0, 0, 1, 1]
    assert (ious[0, [1, 2, 4]] > 0.85).all()
    assert (ious[3, [0, 1, 2, 4, 5]] == 0).all()


def test_points_are_counted_once_in_all_windows(found):
    agreeing = points_agreeing(found, coarse_ious(coarse_bits(found)))
    assert agreeing.tolist() == [3, 3, 3, 1, 3, 1]  # two masks of one point are one vote


def test_the_mask_of_more_points_scores_higher(found):
    bits = coarse_bits(found)
    columns = hypotheses.agreement_columns(found, bits, coarse_ious(bits))
    scores = logistic(columns, hypotheses.WEIGHTS)
    assert scores[0] > scores[3] > 0
    assert len(columns) == len(hypotheses.WEIGHTS) - 1


def test_only_the_best_are_kept(found, monkeypatch):
    monkeypatch.setattr(hypotheses, "MOST", 2)
    worse = found.take(np.arange(4))
    better = Hypotheses(*[getattr(found.take(np.arange(4, 6)), name) for name in found.__dataclass_fields__])
    better.scores[:] = 0.9
    assert Hypotheses.concat([worse, better]).scores.tolist() == pytest.approx([0.9, 0.9])


def test_the_best_masks_that_lie_apart():
    ious = np.array([[1, 0.8, 0.1], [0.8, 1, 0.1], [0.1, 0.1, 1]], np.float32)
    scores = np.array([0.5, 0.6, 0.1], np.float32)
    assert best_apart(ious, scores, 0.7, 9).tolist() == [1, 2]
    assert best_apart(ious, scores, 0.9, 2).tolist() == [1, 0]


def test_a_logistic_of_log_odds_gives_the_share_back():
    shares = np.array([0.02, 0.5, 0.9], np.float32)
    assert logistic([log_odds(shares)], (1.0, 0.0)) == pytest.approx(shares, abs=1e-6)
