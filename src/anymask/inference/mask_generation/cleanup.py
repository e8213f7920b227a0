"""Removal of small components and holes of masks."""

from __future__ import annotations

import numpy as np

from anymask.geometry import rle
from anymask.geometry.regions import drop_islands, fill_holes
from anymask.inference.mask_generation.config import AutoConfig
from anymask.types import Masks

__all__ = ["clean_up"]


def clean_up(masks: Masks, config: AutoConfig) -> list[rle.Runs]:
    """Runs without components and holes below the limits of `config`; unchanged masks keep their object."""
    if not (config.min_component or config.min_hole):
        return list(masks.rles)
    boxes = masks.boxes.astype(int).tolist()
    return [_clean_up(runs, masks.size, box, config) for runs, box in zip(masks.rles, boxes, strict=True)]


def _clean_up(runs: rle.Runs, size: tuple[int, int], box: list[int], config: AutoConfig) -> rle.Runs:
    """One mask, in its box plus a margin, in which the background is larger than any hole to be filled."""
    (h, w), margin = size, config.min_hole
    x0, y0 = max(box[0] - margin, 0), max(box[1] - margin, 0)
    part = (min(box[3] + margin, h) - y0, min(box[2] + margin, w) - x0)
    bits = rle.decode(rle.paste(runs, size, (-x0, -y0), part), part)
    clean = fill_holes(bits, config.min_hole) if config.min_hole else bits
    clean = drop_islands(clean, config.min_component) if config.min_component else clean
    return runs if np.array_equal(clean, bits) else rle.encode_region(clean, (x0, y0), size)
