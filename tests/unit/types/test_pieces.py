"""Pieces of wholes that pictures leave out."""

from __future__ import annotations

import numpy as np

from anymask.types import Masks
from anymask.types.pieces import doubtful


def rectangles(*boxes_xyxy, scores) -> Masks:
    dense = np.zeros((len(boxes_xyxy), 40, 60), np.bool_)
    for mask, (x0, y0, x1, y1) in zip(dense, boxes_xyxy, strict=True):
        mask[y0:y1, x0:x1] = True
    return Masks.from_dense(dense, scores=np.array(scores))


def test_large_pieces_that_score_much_worse_than_their_whole_are_doubtful() -> None:
    boxes = ((0, 0, 20, 20), (0, 0, 20, 9), (0, 10, 20, 19), (2, 2, 5, 5), (40, 0, 50, 10))
    masks = rectangles(*boxes, scores=[0.8, 0.3, 0.7, 0.3, 0.3])
    # the whole, a piece, a part that scores nearly as well, a small part, something apart
    assert doubtful(masks).tolist() == [False, True, False, False, False]
    assert doubtful(masks[:0]).tolist() == []
    equal = rectangles(*boxes, scores=[0.5] * 5)
    assert not doubtful(equal).any()
