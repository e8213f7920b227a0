"""Regions that may be what a phrase names: masks of a few points, and of the boxes of an object detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import automatic
from anymask.inference.mask_generation.nms import owners
from anymask.inference.mask_generation.objects import detect_objects, open_detector
from anymask.inference.promptable.predict import predict
from anymask.models.protocol import ObjectDetector, Promptable
from anymask.types import Embedding, Masks, Prompt

__all__ = ["REGIONS", "find_regions"]

REGIONS = AutoConfig(refine=False, min_iou=0.35, min_stability=0.5, nms=0.8, nms_by="mask", max_cover=0.95)
"""How regions are found; never the whole image."""
POINTS, POINTS_BESIDE_BOXES = 8, 4
"""Grid points along each side: a detector replaces most of them, in less time (docs/log.md)."""
BOXES, LEAST = 30, 0.2
"""Most boxes of an image, and the least score of one."""
SURE, TRUST = 1.5, 0.25
"""A mask's score is multiplied by that of its box, times SURE but at most 1, to the power of TRUST."""


def find_regions(model: Promptable, image: Embedding, config: AutoConfig = REGIONS) -> Masks:
    """Masks, the best first, of which none repeats another.

    model: a promptable model.
    image: an Embedding of it.
    config: filters, grid and detector; without `points_per_side` as many as go with the detector.
    """
    detector = open_detector(model, config.detector)
    points = POINTS if detector is None else POINTS_BESIDE_BOXES
    grid = config if config.points_per_side is not None else replace(config, points_per_side=points)
    found = _plain(automatic(model, image, grid))
    if detector is None:
        return found
    both = Masks.concat([found, _boxed(model, detector, image, config)])
    kept = owners(both.rles, both.boxes, both.scores, config.nms, by_mask=True) == np.arange(len(both))
    chosen = both[np.flatnonzero(kept)]
    return chosen[np.argsort(-chosen.scores, kind="stable")]


def _boxed(model: Promptable, detector: ObjectDetector, image: Embedding, config: AutoConfig) -> Masks:
    """The masks of a detector's boxes."""
    boxes, sure = detect_objects(detector, image, BOXES)
    boxes, sure = boxes[sure >= LEAST], sure[sure >= LEAST]
    if not len(boxes):
        return Masks(image.frame.size_hw, ())
    found = predict(model, image, [Prompt(box=box) for box in boxes], multimask=False, zoom=False)
    scores = found.scores * np.minimum(SURE * sure, 1) ** TRUST
    height, width = found.size
    able = (found.areas > 0) & (found.areas <= config.max_cover * height * width)
    able &= scores >= (config.min_iou or 0)
    return _plain(found.with_scores(scores)[np.flatnonzero(able)])


def _plain(masks: Masks) -> Masks:
    """Only runs and scores."""
    return Masks(masks.size, masks.rles, masks.scores)
