"""Region and boundary measures of masks in videos: J and F of DAVIS.

Source of the rules: the evaluation of DAVIS 2017 (Perazzi et al., "A Benchmark Dataset and Evaluation
Methodology for Video Object Segmentation", 2016, sections 4 and A; the released metrics).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

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
    lines = [boundary(mask).view(np.uint8) for mask in _cropped(found, truth)]
    counts = [cv2.countNonZero(line) for line in lines]
    if not all(counts):
        return float(counts[0] == counts[1])
    near = [np.asarray(cv2.dilate(line, _disk(reach)), np.uint8) for line in lines]
    precision = cv2.countNonZero(lines[0] & near[1]) / counts[0]
    recall = cv2.countNonZero(lines[1] & near[0]) / counts[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _cropped(found: Mask, truth: Mask) -> tuple[Mask, Mask]:
    """Both masks without the rows and columns that hold no boundary of either."""
    x, y, w, h = cv2.boundingRect((found | truth).view(np.uint8))
    rows, columns = slice(max(0, y - 1), y + h + 1), slice(max(0, x - 1), x + w + 1)
    return found[rows, columns], truth[rows, columns]


@lru_cache(4)
def _disk(reach: int) -> NDArray[np.uint8]:
    """Pixels within a distance of the centre."""
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return np.asarray(x**2 + y**2 <= reach**2, np.uint8)


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
        masks = [(one == number, truth == number) for one, truth in pairs]
        js, fs = (np.array([measure(*both) for both in masks]) for measure in (iou, boundary_f))
        out["j"].append(float(js.mean()))
        out["f"].append(float(fs.mean()))
        out["jf"].append(float((js.mean() + fs.mean()) / 2))
        out["j_recall"].append(float((js > 0.5).mean()))
        out["f_recall"].append(float((fs > 0.5).mean()))
    return out
