"""Regions of points and boxes, with the shipped models on a bundled photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import anymask
from anymask.geometry import rle
from anymask.images.bundled_photos import sample_photo
from anymask.inference.text.regions import REGIONS, find_regions


def test_boxes_add_regions_that_points_miss_and_none_twice() -> None:
    model = anymask.load("compact")
    image = anymask.embed(model, anymask.read_image(sample_photo("coffee.jpg")))
    few = replace(REGIONS, points_per_side=2)
    points, both = find_regions(model, image, replace(few, detector="none")), find_regions(model, image, few)
    assert len(points) < len(both)
    assert both.scores.tolist() == sorted(both.scores.tolist(), reverse=True)
    ious = rle.iou(both.rles, both.rles, both.size) - np.eye(len(both))
    assert ious.max() <= REGIONS.nms
    assert both.areas.max() <= REGIONS.max_cover * both.size[0] * both.size[1]
    new = rle.iou(both.rles, points.rles, both.size).max(axis=1) < 0.5
    assert new.any()
