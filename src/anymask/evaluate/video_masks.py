"""Region and boundary measures of masks in videos: J and F of DAVIS.

Source of the rules: the evaluation of DAVIS 2017 (Perazzi et al., "A Benchmark Dataset and Evaluation
Methodology for Video Object Segmentation", 2016, sections 4 and A; the released metrics).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.evaluate.metrics import Mask, iou

__all__ = ["boundary", "boundary_f", "object_scores"]

TOLERANCE = 0.008
"""Distance of matched boundary pixels, as a share of the image diagonal; rounded up to pixels."""


def boundary(mask: Mask) -> Mask:
    """Pixels (H, W) that differ from their right, lower or lower right neighbour; never the last corner."""
    out = np.zeros(mask.shape, np.bool_)
    out[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    out[:-1] |= mask[:-1] ^ mask[1:]
    out[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return out


def boundary_f(found: Mask, truth: Mask) -> float:
    """The F measure of two boundaries of masks (H, W), 0 to 1; 1 if both are empty, 0 if one is.

    A boundary pixel is matched if the other boundary is within 0.008 of the diagonal, rounded up to pixels.
    """
    reach = math.ceil(TOLERANCE * math.hypot(*truth.shape))
    lines = [_cropped(mask) for mask in (found, truth)]
    if lines[0] is None or lines[1] is None:
        return float(lines[0] is lines[1])
    precision, recall = (_near(one, other, reach) for one, other in (lines, lines[::-1]))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


_Line = tuple[NDArray[np.int64], NDArray[np.int64]]


def _cropped(mask: Mask) -> _Line | None:
    """Rows and columns of the boundary, None without any."""
    x, y, w, h = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    top, left = max(0, y - 1), max(0, x - 1)
    rows, columns = np.nonzero(boundary(mask[top : y + h + 1, left : x + w + 1]))
    return (rows + top, columns + left) if rows.size else None


def _near(one: _Line | None, other: _Line | None, reach: int) -> float:
    """The share of the pixels of `one` that have a pixel of `other` within `reach`."""
    assert one is not None
    assert other is not None
    (top, left), (bottom, right) = ((f(one[0]), f(one[1])) for f in (np.min, np.max))
    free = np.ones((bottom - top + 2 * reach + 1, right - left + 2 * reach + 1), np.uint8)
    rows, columns = other[0] - top + reach, other[1] - left + reach
    inside = (rows >= 0) & (rows < free.shape[0]) & (columns >= 0) & (columns < free.shape[1])
    if not inside.any():
        return 0.0
    free[rows[inside], columns[inside]] = 0
    far = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(np.mean(far[one[0] - top + reach, one[1] - left + reach] <= reach))


def object_scores(
    found: Sequence[NDArray[np.uint8]], truths: Sequence[NDArray[np.uint8]]
) -> dict[str, list[float]]:
    """J and F of each object, from label maps (H, W) of all frames of a video.

    As the official tool, the first and the last frame are left out; the objects are those up to the highest
    number in the first frame; 255 in a truth is background. "j", "f" are means over frames, "jf" their mean,
    "j_recall", "f_recall" the share of frames above 0.5.
    """
    shown = np.where(truths[0] == 255, 0, truths[0])
    pairs = list(zip(found, truths, strict=True))[1:-1]
    out: dict[str, list[float]] = {name: [] for name in ("jf", "j", "f", "j_recall", "f_recall")}
    for number in range(1, int(shown.max()) + 1):
        js = np.array([iou(one == number, truth == number) for one, truth in pairs])
        fs = np.array([boundary_f(one == number, truth == number) for one, truth in pairs])
        out["j"].append(float(js.mean()))
        out["f"].append(float(fs.mean()))
        out["jf"].append(float((js.mean() + fs.mean()) / 2))
        out["j_recall"].append(float((js > 0.5).mean()))
        out["f_recall"].append(float((fs > 0.5).mean()))
    return out
