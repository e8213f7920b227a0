"""Outlines that follow the image: mask logits upsampled with the image as their guide.

Logits have one cell for 4 x 4 model pixels, so that resized masks have soft steps where the image has a sharp
edge. Around each cell, the fast guided filter fits the logits of 3 x 3 cells by a linear function of the
colour. These functions, interpolated between cells, are applied to the colours of a finer grid, which is
resized to the image size as any logits.
Source: "Fast Guided Filter" (He and Sun, 2015), without its last averaging, which was worse (docs/log.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.geometry.regions import drop_specks
from anymask.geometry.resample import GRID_STRIDE, Between, cell_edges, cells_around, interpolate

__all__ = ["Clicks", "Guide", "guide", "outline"]

Floats: TypeAlias = NDArray[np.float32]
Clicks: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Positive and negative points, (N, 2) each."""

FINER = 8
"""Maximum number of fine values per cell along each axis; limits time and memory for large images."""
SMOOTHNESS = 1e-3
"""Variance of colours (0 to 1) below which logits are averaged rather than fitted."""
CLIP = 4.0
"""Logits are clipped to this magnitude, so that masks change near their outlines only."""
MARGIN = 2
"""Cells around a mask that its outline may move over."""
SPECK = 0.01
"""Share of a mask's area below which islands and holes without a click are specks."""


@dataclass(frozen=True, eq=False)
class Guide:
    """What outlines need of an image: computed once, used for any number of masks."""

    frame: Frame
    """The frame of the logits."""
    fine: Frame
    """The frame whose grid has the fine values."""
    pixels: NDArray[np.uint8]
    """(h, w, 3) colours of the fine grid."""
    colours: Floats
    """(rows, columns, 3) mean colour of each cell, 0 to 1."""
    means: Floats
    """(rows, columns, 3) mean of `colours` over 3 x 3 cells."""
    inverse: Floats
    """(6, rows, columns) upper triangle of the inverse covariance of `colours` in 3 x 3 cells."""


def guide(frame: Frame, image: NDArray[np.uint8]) -> Guide:
    """Prepare an image (H, W, 3) uint8 for outlines of logits of `frame`."""
    assert image.shape[:2] == frame.size_hw, "the frame is another image's"
    h, w = (min(side, FINER * cells) for side, cells in zip(frame.size_hw, frame.content_hw, strict=True))
    pixels = image if (h, w) == frame.size_hw else cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
    scaled = (GRID_STRIDE * h, GRID_STRIDE * w)
    colours = _cell_colours(frame, np.ascontiguousarray(pixels))
    means = _mean(colours)
    fine = Frame(frame.size_hw, scaled, scaled)
    return Guide(frame, fine, np.asarray(pixels, np.uint8), colours, means, _inverse(colours, means))


def _cell_colours(frame: Frame, pixels: NDArray[np.uint8]) -> Floats:
    """The mean colour (rows, columns, 3) of the part of each cell that lies in the image, 0 to 1."""
    total = cv2.integral(pixels, sdepth=cv2.CV_32S)
    axes = [
        cell_edges(*axis) for axis in zip(pixels.shape[:2], frame.scaled_hw, frame.content_hw, strict=True)
    ]
    (rows, row_part), (columns, column_part) = axes
    lines = total[rows] + row_part[:, None, None] * (total[rows + 1] - total[rows])
    corners = lines[:, columns] + column_part[:, None] * (lines[:, columns + 1] - lines[:, columns])
    heights, widths = (np.diff(whole + part) for whole, part in axes)
    sums = np.diff(np.diff(corners, axis=0), axis=1)
    return np.asarray(sums / (255 * np.outer(heights, widths)[:, :, None]), np.float32)


def _mean(values: Floats) -> Floats:
    """The mean over 3 x 3 cells; beyond the border cells repeat."""
    return np.asarray(cv2.blur(values, (3, 3), borderType=cv2.BORDER_REPLICATE), np.float32)


def _inverse(colours: Floats, means: Floats) -> Floats:
    """The upper triangle (6, rows, columns) of the inverse of the covariance plus `SMOOTHNESS`."""
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    rr, rg, rb, gg, gb, bb = (
        _mean(np.ascontiguousarray(colours[..., i] * colours[..., j]))
        - means[..., i] * means[..., j]
        + np.float32(SMOOTHNESS * (i == j))
        for i, j in pairs
    )
    cofactors = np.stack(
        [
            gg * bb - gb * gb,
            gb * rb - rg * bb,
            rg * gb - gg * rb,
            rr * bb - rb * rb,
            rb * rg - rr * gb,
            rr * gg - rg * rg,
        ]
    )
    return np.asarray(cofactors / (rr * cofactors[0] + rg * cofactors[1] + rb * cofactors[2]), np.float32)


def outline(guide: Guide, logits: Floats, clicks: Clicks | None = None) -> rle.Runs:
    """Run lengths of the mask of logits (gh, gw) above 0, of the image size, with outlines along its edges.

    A mask that would vanish, because it is smaller than a cell, stays as `Frame.masks_rle` has it.

    clicks: where given, specks go: islands and holes below a share of SPECK of the mask's area, but islands
        with a positive and holes with a negative click, points (N, 2) in pixels of the image.
    """
    rows, columns = guide.frame.content_hw
    content = np.asarray(logits, np.float32)[:rows, :columns]
    x, y, w, h = cv2.boundingRect((content > 0).view(np.uint8))
    if not w:
        return guide.frame.masks_rle(np.asarray(logits, np.float32)[None])[0]
    fine_h, fine_w = guide.pixels.shape[:2]
    down = _Axis.around(y, y + h, fine_h, guide.frame.scaled_hw[0], rows)
    across = _Axis.around(x, x + w, fine_w, guide.frame.scaled_hw[1], columns)
    values = _fine_values(guide, content, down, across)
    if not (values > 0).any():
        return guide.frame.masks_rle(np.asarray(logits, np.float32)[None])[0]
    if clicks is not None:
        values = _without_specks(values, [_fine(guide, it) - (across.first, down.first) for it in clicks])
    if guide.fine.scaled_hw == tuple(GRID_STRIDE * side for side in guide.frame.size_hw):
        return rle.encode_region(values > 0, (across.first, down.first), guide.frame.size_hw)
    grid = np.full((fine_h, fine_w), -1, np.float32)
    grid[down.first : down.last, across.first : across.last] = values
    return guide.fine.masks_rle(grid[None])[0]


def _fine(guide: Guide, points: Floats) -> Floats:
    """Points of the image in the fine grid."""
    (h, w), (fine_h, fine_w) = guide.frame.size_hw, guide.pixels.shape[:2]
    return np.asarray(points * (fine_w / w, fine_h / h), np.float32)


def _without_specks(values: Floats, clicks: Sequence[Floats]) -> Floats:
    """Values without small islands and holes; clicks inside and outside are in pixels of the values."""
    mask = values > 0
    least = math.ceil(SPECK * np.count_nonzero(mask))
    x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
    part = np.s_[y : y + h, x : x + w]
    inside, outside = (np.asarray(points - (x, y), np.float32) for points in clicks)
    clean = drop_specks(mask[part], least, inside, outside)
    values[part][mask[part] & ~clean] = -1
    values[part][clean & ~mask[part]] = 1
    return values


@dataclass(frozen=True)
class _Axis:
    """The part of an axis around a mask: cells, and the fine values between them."""

    cells: slice
    """The cells whose logits are used."""
    first: int
    """The first fine value."""
    last: int
    """The end of the fine values."""
    between: Between
    """The cells around each fine value, counted from the first of `cells`."""

    @classmethod
    def around(cls, low: int, high: int, fine: int, scaled: int, cells: int) -> _Axis:
        """The part around the cells `low` to `high` (exclusive) of an axis with `fine` values."""
        scale = scaled / (GRID_STRIDE * fine)  # cells per fine value
        first = max(int((low - MARGIN) / scale), 0)
        last = min(int(np.ceil((high + MARGIN) / scale)), fine)
        used = slice(max(low - MARGIN - 2, 0), min(high + MARGIN + 2, cells))
        place = np.asarray((np.arange(first, last) + 0.5) * scale - 0.5, np.float64)
        return cls(used, first, last, cells_around(place - used.start, used.stop - used.start))


def _fine_values(guide: Guide, content: Floats, down: _Axis, across: _Axis) -> Floats:
    """Guided values of the fine grid around a mask."""
    part = (down.cells, across.cells)
    p = np.clip(content[part], -CLIP, CLIP)
    means, mean_p = guide.means[part], _mean(p)
    shared = _mean(guide.colours[part] * p[..., None]) - means * mean_p[..., None]
    rr, rg, rb, gg, gb, bb = guide.inverse[:, part[0], part[1]]
    r, g, b = np.moveaxis(shared, -1, 0)
    slopes = (rr * r + rg * g + rb * b, rg * r + gg * g + gb * b, rb * r + gb * g + bb * b)
    start = mean_p - sum(slope * means[..., i] for i, slope in enumerate(slopes))
    pixels = guide.pixels[down.first : down.last, across.first : across.last]
    out = _between(start, down, across)
    for i, slope in enumerate(slopes):
        out += _between(slope * np.float32(1 / 255), down, across) * pixels[..., i]
    return out


def _between(values: Floats, down: _Axis, across: _Axis) -> Floats:
    """Values of cells interpolated at the fine values."""
    lines = np.ascontiguousarray(interpolate(values, down.between).T)
    return np.ascontiguousarray(interpolate(lines, across.between).T)
