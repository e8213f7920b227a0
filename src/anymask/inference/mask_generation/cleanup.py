"""Small parts removed and small holes filled, mask by mask, looking at no more than the mask's own place."""

from __future__ import annotations

import numpy as np

from anymask.geometry import rle
from anymask.geometry.regions import drop_islands, fill_holes
from anymask.inference.mask_generation.config import AutoConfig
from anymask.types import Masks

__all__ = ["mend"]


def mend(masks: Masks, config: AutoConfig) -> list[rle.Runs]:
    """Runs without parts and holes of fewer pixels than `config` names; the very same where none is."""
    if not (config.min_component or config.min_hole):
        return list(masks.rles)
    boxes = masks.boxes.astype(int).tolist()
    return [_mend(runs, masks.size, box, config) for runs, box in zip(masks.rles, boxes, strict=True)]


def _mend(runs: rle.Runs, size: tuple[int, int], box: list[int], config: AutoConfig) -> rle.Runs:
    """One mask, in its box. A margin as wide as a hole has pixels keeps the outside from looking like one."""
    (h, w), margin = size, config.min_hole
    x0, y0 = max(box[0] - margin, 0), max(box[1] - margin, 0)
    part = (min(box[3] + margin, h) - y0, min(box[2] + margin, w) - x0)
    bits = rle.decode(rle.paste(runs, size, (-x0, -y0), part), part)
    mended = fill_holes(bits, config.min_hole) if config.min_hole else bits
    mended = drop_islands(mended, config.min_component) if config.min_component else mended
    return runs if np.array_equal(mended, bits) else rle.encode_region(mended, (x0, y0), size)
