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
    width, flat = mask.shape[1], mask.ravel()  # in a row, so that neighbours are at fixed distances
    out = np.zeros(flat.size, np.bool_)
    np.bitwise_xor(flat[:-1], flat[1:], out=out[:-1])
    out[: -width - 1] |= flat[: -width - 1] ^ flat[width + 1 :]
    out[width - 1 :: width] = False  # the last column has no neighbour to its right
    out[:-width] |= flat[:-width] ^ flat[width:]
    return out.reshape(mask.shape)


def boundary_f(found: Mask, truth: Mask) -> float:
    """The F measure of two boundaries of masks (H, W), 0 to 1; 1 if both are empty, 0 if one is.

    A boundary pixel is matched if the other boundary is within 0.008 of the diagonal, rounded up to pixels.
    """
    reach = math.ceil(TOLERANCE * math.hypot(*truth.shape))
    lines = [boundary(mask).view(np.uint8) for mask in _cropped(found, truth)]
    counts = [cv2.countNonZero(line) for line in lines]
    if not all(counts):
        return float(counts[0] == counts[1])
    near = [_dilated(line, reach) for line in lines]
    precision = cv2.countNonZero(lines[0] & near[1]) / counts[0]
    recall = cv2.countNonZero(lines[1] & near[0]) / counts[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _cropped(found: Mask, truth: Mask) -> tuple[Mask, Mask]:
    """Both masks without the rows and columns that hold no boundary of either."""
    x, y, w, h = cv2.boundingRect((found | truth).view(np.uint8))
    rows, columns = slice(max(0, y - 1), y + h + 1), slice(max(0, x - 1), x + w + 1)
    return found[rows, columns], truth[rows, columns]


def _dilated(line: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """Pixels (H, W) within a distance of a pixel of a line.

    A disk is a row of some width for each distance up and down: rows are widened step by step, and each width
    is moved to where the disk has it.
    """
    stride = line.shape[1] + reach  # so that nothing moves from one end of a row to the next
    source = np.zeros((line.shape[0], stride), np.uint8)
    source[:, : line.shape[1]] = line
    source = source.ravel()
    wide, out = source.copy(), np.zeros(source.size, np.uint8)
    for width, steps in enumerate(_disk(reach)):
        if width:
            wide[width:] |= source[:-width]
            wide[:-width] |= source[width:]
        for step in (step * stride for step in steps if step < line.shape[0]):
            out[step:] |= wide[: wide.size - step]
            out[: out.size - step] |= wide[step:]
    return np.ascontiguousarray(out.reshape(-1, stride)[:, : line.shape[1]])


@lru_cache(4)
def _disk(reach: int) -> tuple[tuple[int, ...], ...]:
    """For each half-width of a disk's rows, from 0 to `reach`: how far from the middle row they are."""
    widths = [math.isqrt(reach**2 - step**2) for step in range(reach + 1)]
    return tuple(
        tuple(step for step, width in enumerate(widths) if width == half) for half in range(reach + 1)
    )


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
