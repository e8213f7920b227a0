"""Masks that lie in others, and pieces of wholes that pictures leave out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.types.masks import Masks

__all__ = ["CONTAINED", "SMALLER", "doubtful", "meet"]

CONTAINED = 0.9
"""Minimum share of a part's pixels that lie in its whole."""
SMALLER = 0.8
"""Maximum area of a part relative to its whole; a larger mask is another version of the same object."""
PIECE, DOUBTFUL = 0.1, 0.75
"""A piece is doubtful from this share of its whole's area on, below this share of its whole's score."""


def doubtful(masks: Masks) -> NDArray[np.bool_]:
    """(N,) whether a mask is a large piece of a whole that scores much better (`PIECE`, `DOUBTFUL`).

    Pictures show the whole instead: such pieces often divide an even surface at random.
    """
    areas, boxes, scores = masks.areas, masks.boxes, masks.scores
    found = np.zeros(len(masks), np.bool_)
    for i in np.flatnonzero(areas):
        fits = (areas * SMALLER > areas[i]) & (areas * PIECE <= areas[i]) & (scores * DOUBTFUL > scores[i])
        wholes = np.flatnonzero(fits & meet(boxes, boxes[i]))
        shared = rle.intersection([masks.rles[i]], [masks.rles[j] for j in wholes])
        found[i] = bool((shared >= CONTAINED * areas[i]).any())
    return found


def meet(boxes: NDArray[np.float32], box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each of the boxes (N, 4) overlaps a box."""
    return np.asarray(((boxes[:, :2] < box[2:]) & (boxes[:, 2:] > box[:2])).all(axis=1))
