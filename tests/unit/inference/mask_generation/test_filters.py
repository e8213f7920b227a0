from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from anymask import AutoConfig, explain, select
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.inference.mask_generation.nms import owners
from anymask.types import Masks

KEEP_ALL = AutoConfig(min_iou=0.0, min_stability=0.0, nms=1.0)


def test_every_filter_gives_its_reason(pool):
    found = pool(
        [(0, 0, 20, 20), (30, 0, 50, 20), (0, 30, 20, 50), (30, 30, 32, 32), (0, 0, 80, 60), (60, 0, 79, 20)],
        scores=[0.9, 0.4, 0.9, 0.9, 0.9, 0.9],
        stability=[0.9, 0.9, 0.4, 0.9, 0.9, 0.9],
        inside=[1, 1, 1, 1, 1, 0.4],
    )
    config = AutoConfig(min_area=10, max_cover=0.9)
    assert explain(found, config).tolist() == ["", "predicted_iou", "stability", "area", "cover", "roi"]
    assert select(found, config).boxes.tolist() == [[0, 0, 20, 20]]


def test_empty_masks_go(pool):
    assert explain(pool([(0, 0, 0, 0)]), KEEP_ALL).tolist() == ["empty"]


def test_the_better_duplicate_stays(pool):
    found = pool([(0, 0, 20, 20), (0, 0, 20, 21), (40, 0, 60, 20)], scores=[0.8, 0.9, 0.7])
    assert explain(found).tolist() == ["duplicate of 1", "", ""]
    assert select(found).scores.tolist() == pytest.approx([0.9, 0.7])


def test_a_duplicate_of_a_dropped_mask_stays(pool):
    found = pool([(0, 0, 20, 20), (0, 0, 20, 21)], scores=[0.9, 0.8], stability=[0.4, 0.9])
    assert explain(found).tolist() == ["stability", ""]


def test_boxes_or_masks_decide_on_duplicates(pool):
    masks = np.zeros((2, 60, 80), np.bool_)
    masks[0, :40, :40] = np.tri(40, dtype=bool)
    masks[1, :40, :40] = ~np.tri(40, dtype=bool)
    found = pool([(0, 0, 40, 40)] * 2, masks=masks)
    assert explain(found).tolist() == ["", "duplicate of 0"]
    assert explain(found, AutoConfig(nms_by="mask")).tolist() == ["", ""]


def test_masks_cut_off_by_a_crop_go_but_not_at_the_image_border(pool):
    crops = [[0, 0, 100, 90]] * 3 + [[0, 0, 200, 180]]
    boxes = [(0, 0, 30, 30), (70, 0, 81, 30), (40, 40, 60, 60), (150, 150, 200, 180)]
    found = pool(boxes, crops=crops, size=(180, 200))
    assert explain(found, KEEP_ALL).tolist() == ["", "crop_edge", "", ""]


def test_the_smaller_crop_wins(pool):
    crops = [[0, 0, 200, 180], [0, 0, 100, 90]]
    found = pool([(30, 30, 60, 60)] * 2, scores=[0.95, 0.6], crops=crops, size=(180, 200))
    assert explain(found).tolist() == ["duplicate of 1", ""]
    assert explain(found, AutoConfig(crop_nms=1.0)).tolist() == ["", ""]


def test_small_parts_and_holes_are_mended(pool):
    mask = np.zeros((1, 60, 80), np.bool_)
    mask[0, 10:40, 10:40] = True
    mask[0, 20:23, 20:23] = False
    mask[0, 50:52, 70:72] = True
    found = pool([(0, 0, 1, 1)], masks=mask)
    assert select(found, AutoConfig(min_hole=10)).areas.tolist() == [900 + 4]
    assert select(found, AutoConfig(min_component=5)).areas.tolist() == [900 - 9]
    both = select(found, AutoConfig(min_component=5, min_hole=10))
    assert both.areas.tolist() == [900]
    assert both.boxes.tolist() == [[10, 10, 40, 40]]
    assert select(found).areas.tolist() == [900 - 9 + 4]


def test_the_outside_is_no_hole(pool):
    masks = np.zeros((2, 60, 80), np.bool_)
    masks[0, :, 40:45] = True  # from top to bottom: two outsides of its own box
    masks[1, 10:20, 0:80] = True
    found = pool([(0, 0, 1, 1)] * 2, masks=masks)
    assert sorted(select(found, AutoConfig(min_hole=200)).areas.tolist()) == [300, 800]


def test_what_becomes_a_duplicate_by_mending_goes(pool):
    masks = np.zeros((2, 60, 80), np.bool_)
    masks[:, 10:40, 10:40] = True
    masks[0, 50:52, 70:72] = True
    found = pool([(0, 0, 1, 1)] * 2, masks=masks, scores=[0.95, 0.9])
    assert explain(found).tolist() == ["", ""]
    assert explain(found, AutoConfig(min_component=5)).tolist() == ["duplicate of 1", ""]


def test_fields_follow_their_masks(pool):
    found = pool([(0, 0, 20, 20), (40, 0, 60, 20)], scores=[0.8, 0.9], stability=[0.7, 0.6])
    masks = select(found)
    assert masks.stability.tolist() == pytest.approx([0.6, 0.7])
    assert masks.points.shape == (2, 2)
    assert masks.crops.tolist() == [[0, 0, 80, 60]] * 2


def test_thresholds_below_the_floor_are_refused(pool):
    found = pool([(0, 0, 1, 1)])
    object.__setattr__(found, "floors", (0.5, 0.6))
    with pytest.raises(
        InputError, match=r"min_iou must be at least the floor of the candidates, 0.5, got 0.2"
    ):
        select(found, AutoConfig(min_iou=0.2))
    with pytest.raises(
        InputError, match=r"min_stability must be .* 0.6, got 0.5. Make .* lower floor_stability"
    ):
        explain(found, AutoConfig(min_iou=0.5))


def test_nothing_gives_nothing(pool):
    assert len(select(pool([]))) == 0
    assert explain(pool([])).shape == (0,)


def test_boxes_without_their_last_pixel_tell_duplicates_as_released(pool):
    found = pool([(0, 0, 10, 10), (0, 0, 10, 8)], scores=[0.9, 0.8])  # IoU 0.8, or 7/9
    released, config = replace(found, resize="twice"), AutoConfig(nms=0.79)
    assert explain(found, config).tolist() == ["", "duplicate of 0"]
    assert explain(released, config).tolist() == ["", ""]
    assert explain(released, replace(config, resize="once")).tolist() == ["", "duplicate of 0"]


@pytest.mark.parametrize("by_mask", [False, True])
def test_owners_are_those_of_the_plain_way(pool, rng, by_mask):
    corner = rng.integers(0, 40, (60, 2))
    boxes = np.concatenate([corner, corner + rng.integers(3, 20, (60, 2))], axis=1)
    found = pool(boxes, scores=rng.random(60))
    ious, order, kept = rle.iou(found.masks.rles, found.masks.rles), np.argsort(-found.masks.scores), []
    for i in order:
        if not any(ious[i, j] > 0.3 for j in kept):
            kept.append(int(i))
    own = owners(found.masks.rles, found.boxes, found.masks.scores, 0.3, by_mask=by_mask)
    assert np.flatnonzero(own == np.arange(60)).tolist() == sorted(kept)
    for i in np.flatnonzero(own != np.arange(60)):
        assert ious[i, own[i]] > 0.3
        assert found.masks.scores[own[i]] >= found.masks.scores[i]


def test_choosing_again_is_quick(pool, rng):
    """3,000 candidates of 200 objects, as 1,000 clicks give them, in under 50 ms of this process's time."""
    corner = rng.integers(0, 1400, (200, 2))
    objects = np.concatenate([corner, corner + rng.integers(20, 200, (200, 2))], axis=1)
    boxes = np.repeat(objects, 15, axis=0) + rng.integers(0, 3, (3000, 4))
    few = pool([(0, 0, 9, 9)])
    found = replace(
        few,
        masks=Masks(
            few.masks.size,
            few.masks.rles * 3000,
            rng.random(3000),
            stability=np.ones(3000),
            points=np.zeros((3000, 2)),
            crops=np.tile([0, 0, 80, 60], (3000, 1)),
        ),
        boxes=boxes.astype(np.float32),
        areas=np.full(3000, 9),
        inside=np.ones(3000, np.float32),
    )
    times = []
    for _ in range(5):
        start = time.process_time()
        kept = select(found, AutoConfig(min_iou=0.1, min_stability=0.0))
        times.append(time.process_time() - start)
    assert 100 < len(kept) < 1000
    assert min(times) < 0.05


def test_islands_and_holes_below_a_share_of_the_mask_go(pool):
    masks = np.zeros((1, 60, 80), np.bool_)
    masks[0, 10:40, 10:40] = True  # 900 pixels
    masks[0, 20:24, 20:24] = False  # 1.8 %
    masks[0, 50:55, 60:65] = True  # 2.8 %
    found = pool([(0, 0, 1, 1)], masks=masks)
    [kept] = select(found, replace(KEEP_ALL, min_share=0.025)).dense()
    assert kept[22, 22]
    assert kept[52, 62]
    [kept] = select(found, replace(KEEP_ALL, min_share=0.05)).dense()
    assert kept[10:40, 10:40].all()
    assert kept.sum() == 900


def test_background_that_continues_beyond_the_box_is_no_hole(pool):
    masks = np.zeros((1, 60, 80), np.bool_)
    masks[0, 1:59, 1:79] = True
    masks[0, 20:40, 60:79] = False  # open to the right: one column of background is left there
    found = pool([(0, 0, 1, 1)], masks=masks)
    [kept] = select(found, replace(KEEP_ALL, min_share=0.2)).dense()
    assert np.array_equal(kept, masks[0])
