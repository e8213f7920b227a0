"""Removal of small components and holes of masks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.geometry.regions import drop_islands, fill_holes
from anymask.inference.mask_generation.config import AutoConfig
from anymask.types import Masks

__all__ = ["clean_up"]


def clean_up(masks: Masks, config: AutoConfig) -> list[rle.Runs]:
    """Runs without components and holes below the limits of `config`; unchanged masks keep their object."""
    if not (config.min_component or config.min_hole or config.min_share):
        return list(masks.rles)
    boxes = masks.boxes.astype(int).tolist()
    return [_clean_up(runs, masks.size, box, config) for runs, box in zip(masks.rles, boxes, strict=True)]


def _clean_up(runs: rle.Runs, size: tuple[int, int], box: list[int], config: AutoConfig) -> rle.Runs:
    """One mask, in its box plus a margin, in which the background is larger than `min_hole`."""
    (h, w), margin = size, max(config.min_hole, 1)
    x0, y0 = max(box[0] - margin, 0), max(box[1] - margin, 0)
    part = (min(box[3] + margin, h) - y0, min(box[2] + margin, w) - x0)
    bits = rle.decode(rle.paste(runs, size, (-x0, -y0), part), part)
    share = math.ceil((config.min_share or 0.0) * rle.area(runs))
    clean = fill_holes(bits, config.min_hole) if config.min_hole else bits
    clean = fill_holes(clean, share, _margin(box, part, (x0, y0))) if share else clean
    component = max(config.min_component, share)
    clean = drop_islands(clean, component) if component else clean
    return runs if np.array_equal(clean, bits) else rle.encode_region(clean, (x0, y0), size)


def _margin(box: list[int], part: tuple[int, int], xy: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of a part around the box of a mask: their background continues outside of the part."""
    out = np.ones(part, np.bool_)
    out[box[1] - xy[1] : box[3] - xy[1], box[0] - xy[0] : box[2] - xy[0]] = False
    return out
