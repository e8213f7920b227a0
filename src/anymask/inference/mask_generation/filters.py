"""Filters on candidates: `select` the masks that pass, and `explain` why others do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry import rle
from anymask.geometry.boxes import area_xyxy
from anymask.inference.mask_generation.candidates import Candidates
from anymask.inference.mask_generation.cleanup import clean_up
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.nms import owners
from anymask.types import Masks

__all__ = ["explain", "select"]

EDGE = 20
"""A mask within this distance of an inner edge of its crop is cut off (released, `is_box_near_crop_edge`)."""
INSIDE = 0.5
"""Minimum share of a mask inside the region of interest."""

Indices = NDArray[np.int64]


def select(candidates: Candidates, config: AutoConfig | None = None) -> Masks:
    """The candidates that pass the filters of `config`, by decreasing predicted IoU, clipped to 0..1.

    Filters: predicted IoU, stability, crop edges, area, cover, region of interest, duplicates within a crop
    and between crops. Then small components and holes are removed, and so are masks that become duplicates by
    that. Settings of points and crops are ignored; they were applied by `candidates`.
    Raises InputError for a threshold below the candidates' floor.
    """
    kept, runs, _ = _filter(candidates, _resolved(candidates, config))
    found = candidates.masks[kept].with_runs(runs)
    return found.with_scores(np.clip(found.scores, 0, 1))


def explain(candidates: Candidates, config: AutoConfig | None = None) -> NDArray[np.str_]:
    """(N,) strings: the first filter that each candidate fails, "" if `select` keeps it.

    "predicted_iou", "stability", "empty", "crop_edge", "area", "cover", "roi", or "duplicate of i", where i
    is the index of the candidate that is kept instead.
    """
    return _filter(candidates, _resolved(candidates, config))[2]


def _resolved(candidates: Candidates, config: AutoConfig | None) -> AutoConfig:
    """The configuration with all thresholds set. Raises InputError for thresholds below the floors."""
    wanted = (config or AutoConfig()).with_defaults(
        *candidates.thresholds, candidates.resize, candidates.refine
    )
    values = (wanted.min_iou, wanted.min_stability)
    for name, value, floor in zip(("min_iou", "min_stability"), values, candidates.floors, strict=True):
        if value is not None and value < floor:
            raise InputError(
                f"{name} must be at least the floor of the candidates, {floor:g}, got {value:g}. "
                f"Make candidates with a lower {name.replace('min', 'floor')}."
            )
    return wanted


def _filter(candidates: Candidates, config: AutoConfig) -> tuple[Indices, list[rle.Runs], NDArray[np.str_]]:
    """Indices of the kept candidates, best first, their cleaned-up runs, and the reasons as of `explain`."""
    reasons = np.full(len(candidates), "", "<U32")
    for reason, fails in _mask_filters(candidates, config):
        reasons[fails & (reasons == "")] = reason
    scores, crops = candidates.masks.scores, _crops(candidates)
    found, window = np.unique(crops, axis=0, return_inverse=True)
    for number in range(len(found)):
        members = np.flatnonzero((reasons == "") & (window.reshape(-1) == number))
        _drop_duplicates(candidates, reasons, members, scores[members], config.nms, config)
    if len(found) > 1:
        left = np.flatnonzero(reasons == "")
        smaller_first = -area_xyxy(crops[left])
        _drop_duplicates(candidates, reasons, left, smaller_first, config.crop_nms, config)
    kept = np.flatnonzero(reasons == "")
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    return (*_cleaned_up(candidates, reasons, kept, config), reasons)


def _cleaned_up(
    candidates: Candidates, reasons: NDArray[np.str_], kept: Indices, config: AutoConfig
) -> tuple[Indices, list[rle.Runs]]:
    """Clean up the masks `kept`; of masks that become duplicates unchanged ones are preferred."""
    masks = candidates.masks[kept]
    runs = clean_up(masks, config)
    same = np.array([new is old for new, old in zip(runs, masks.rles, strict=True)], np.bool_)
    if same.all():
        return kept, runs
    boxes = _nms_boxes(Masks(masks.size, runs).boxes, config)
    owner = owners(
        runs, boxes, same.astype(float), max(config.nms, config.crop_nms), by_mask=config.nms_by == "mask"
    )
    stays = owner == np.arange(len(kept))
    for loser in np.flatnonzero(~stays):
        reasons[kept[loser]] = f"duplicate of {kept[owner[loser]]}"
    return kept[stays], [one for one, stay in zip(runs, stays, strict=True) if stay]


def _mask_filters(candidates: Candidates, config: AutoConfig) -> list[tuple[str, NDArray[np.bool_]]]:
    """The filters on single masks, in order: (reason, which masks fail)."""
    masks, areas = candidates.masks, candidates.areas
    assert masks.stability is not None
    assert config.min_iou is not None
    assert config.min_stability is not None
    h, w = masks.size
    return [
        ("predicted_iou", masks.scores < np.float32(config.min_iou)),
        ("stability", masks.stability < np.float32(config.min_stability)),
        ("empty", areas == 0),
        ("crop_edge", _cut_off(candidates.boxes, _crops(candidates), (h, w))),
        ("area", areas < config.min_area),
        ("cover", areas > config.max_cover * h * w),
        ("roi", candidates.inside < INSIDE),
    ]


def _crops(candidates: Candidates) -> NDArray[np.float32]:
    assert candidates.masks.crops is not None
    return candidates.masks.crops


def _cut_off(
    boxes: NDArray[np.float32], crops: NDArray[np.float32], size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Boxes near an edge of their crop but not near the image border; with inclusive corners as released."""
    h, w = size
    last = boxes - np.array([0, 0, 1, 1], np.float32)
    near_crop = np.abs(last - crops) <= EDGE
    near_image = np.abs(last - np.array([0, 0, w, h], np.float32)) <= EDGE
    return np.asarray((near_crop & ~near_image).any(axis=1), np.bool_)


def _nms_boxes(boxes: NDArray[np.float32], config: AutoConfig) -> NDArray[np.float32]:
    """The boxes that NMS compares: as in the released code without their last pixel for `twice`."""
    return boxes - np.array([0, 0, 1, 1], np.float32) if config.resize == "twice" else boxes


def _drop_duplicates(
    candidates: Candidates,
    reasons: NDArray[np.str_],
    members: Indices,
    scores: NDArray[np.floating],
    threshold: float,
    config: AutoConfig,
) -> None:
    """Mark duplicates among candidates in `reasons`.

    candidates: all candidates.
    reasons: (N,) as of `explain`; modified in place.
    members: indices of the candidates to compare.
    scores: score of each member; the highest is kept.
    threshold: IoU above which two masks are duplicates.
    config: whether boxes or masks are compared.
    """
    runs = [candidates.masks.rles[i] for i in members]
    boxes, by_mask = _nms_boxes(candidates.boxes[members], config), config.nms_by == "mask"
    owner = members[owners(runs, boxes, scores, threshold, by_mask=by_mask)]
    for loser in np.flatnonzero(owner != members):
        reasons[members[loser]] = f"duplicate of {owner[loser]}"
