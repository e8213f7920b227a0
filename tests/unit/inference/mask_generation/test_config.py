from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anymask import AutoConfig
from anymask.errors import InputError
from anymask.files.budget import parse_memory
from anymask.geometry.frame import Frame
from anymask.inference.mask_generation.config import (
    DEFAULT_THRESHOLDS,
    DETECTED_THRESHOLDS,
    REFINED_THRESHOLDS,
)
from anymask.inference.mask_generation.memory import points_at_once
from anymask.models import build
from anymask.models.config import DEBUG, DEBUG_VIT


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"points_per_side": 0}, r"points_per_side must be a whole number from 1 on, got 0"),
        ({"points_per_side": 2.5}, r"points_per_side must be a whole number from 1 on, got 2.5"),
        ({"points_per_side": 5000}, r"points_per_side must be at most 1024, got 5000"),
        ({"crop_layers": 9}, r"crop_layers must be at most 4, got 9"),
        ({"min_iou": 1.5}, r"min_iou must be a number from 0 to 1, got 1.5"),
        ({"min_stability": float("nan")}, r"min_stability must be a number from 0 to 1, got nan"),
        ({"nms": "much"}, r"nms must be a number from 0 to 1, got 'much'"),
        ({"crop_overlap": 1.0}, r"crop_overlap must be a number from 0 to 0.9, got 1.0"),
        ({"crop_shrink": 0.5}, r"crop_shrink must be a number from 1 to 1024, got 0.5"),
        ({"pixels_per_point": 0}, r"pixels_per_point must be a number from 1 to 1e\+06, got 0"),
        ({"points": [(1, 2, 3)]}, r"points must be \(N, 2\) x, y in original pixels"),
        ({"points": []}, r"points must be \(N, 2\) x, y in original pixels"),
        ({"points": [(1, 2), (3,)]}, r"points must be .* got a ragged list"),
        ({"points": [(1, np.nan)]}, r"points must be finite"),
        (
            {"points": [(1, 2)], "pixels_per_point": 5},
            r"pixels_per_point must be None if points are given",
        ),
        ({"roi": (1, 2, 3)}, r"roi must be a box x0, y0, x1, y1 or a mask"),
        ({"roi": (5, 5, 1, 9)}, r"roi must have x0 < x1 and y0 < y1"),
        ({"nms_by": "area"}, r"nms_by must be 'box', 'mask' or None, got 'area'"),
        ({"resize": "thrice"}, r"resize must be 'once', 'twice' or None, got 'thrice'"),
        ({"min_share": 2}, r"min_share must be a number from 0 to 1, got 2"),
        ({"min_hole": -1}, r"min_hole must be a whole number from 0 on, got -1"),
        ({"max_memory": "lots"}, r"max_memory must be a number of bytes or a text like '4GB'"),
        ({"max_memory": True}, r"max_memory must be a number of bytes"),
        ({"max_memory": -5}, r"max_memory must be a number of bytes"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        AutoConfig(**values)


@pytest.mark.parametrize(("config", "kind"), [(DEBUG, "compact"), (DEBUG_VIT, "vit")])
def test_open_thresholds_are_the_models(config, kind):
    filled = AutoConfig().for_model(build(config))
    assert (filled.min_iou, filled.min_stability) == DEFAULT_THRESHOLDS[kind]
    assert (filled.floor_iou, filled.floor_stability) == DEFAULT_THRESHOLDS[kind]


@pytest.mark.parametrize(("config", "resize"), [(DEBUG, "once"), (DEBUG_VIT, "twice")])
def test_models_of_the_released_frame_are_resized_as_released(config, resize):
    model = build(config)
    assert AutoConfig().for_model(model).resize == resize
    assert [AutoConfig(resize=it).for_model(model).resize for it in ("once", "twice")] == ["once", "twice"]


def test_given_thresholds_and_floors_stay():
    filled = AutoConfig(min_iou=0.3, floor_stability=0.1).with_defaults(0.8, 0.9, "once", False)
    assert (filled.min_iou, filled.floor_iou) == (0.3, 0.3)
    assert (filled.min_stability, filled.floor_stability) == (0.9, 0.1)


def test_boxes_of_a_detector_replace_most_points():
    model = build(replace(DEBUG, zoom=64))
    points, boxes = (AutoConfig().for_model(model, detector=it) for it in (False, True))
    assert (points.points_per_side, points.crop_shrink) == (20, 2)
    assert (boxes.points_per_side, boxes.crop_shrink) == (14, 7)
    assert (points.min_iou, boxes.min_iou) == (REFINED_THRESHOLDS[0], DETECTED_THRESHOLDS[0])
    given = AutoConfig(points_per_side=9, min_iou=0.6).for_model(model, detector=True)
    assert (given.points_per_side, given.min_iou, given.crop_layers) == (9, 0.6, 1)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("1.5 GiB", 3 * 2**29), ("512MiB", 2**29), ("900mb", 9 * 10**8), ("7", 7), (12, 12)],
)
def test_memory_is_read(text, size):
    assert parse_memory(text) == size


def test_more_memory_asks_more_points():
    model, frame = build(DEBUG), Frame.fit((40, 60), 64, square=False)
    assert 1 <= points_at_once(model, frame, "150200KB") < points_at_once(model, frame, "4GB")
    with pytest.raises(InputError, match=r"max_memory must be at least 15\d MB for this model, got 1KB"):
        points_at_once(model, frame, "1KB")
