"""Boxes of an object detector as prompts of automatic masks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from anymask import AutoConfig, candidates, embed
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.inference.mask_generation import close_ups, hypotheses, objects
from anymask.inference.mask_generation.grids import Window
from anymask.inference.mask_generation.hypotheses import box_hypotheses, mask_boxes
from anymask.inference.mask_generation.objects import Objects, detect_objects, open_detector, window_objects
from anymask.models import build
from anymask.models.config import DEBUG

NONE = np.zeros((0, 2), np.float32)


class Found:
    """A detector that finds the same boxes, in pixels of the model's frame, in every image."""

    def __init__(self, encoder, boxes, scores):
        self.encoder = encoder
        self.boxes, self.scores = np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32)
        self.calls = 0

    def detect(self, encoded):
        self.calls += 1
        return self.scores, self.boxes


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = build(replace(DEBUG, zoom=64)).eval()
    model.mask_decoder.iou_prediction_head.layers[-1].bias.data += 0.5
    return model


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def embedding(model, photo):
    return embed(model, photo)  # 64 x 48 in the model's frame


def test_boxes_are_those_of_the_image_best_first_without_duplicates(embedding):
    boxes = [
        (0, 0, 10, 10),
        (20, 10, 40, 40),
        (20, 10, 40, 41),
        (-9, 30, 30, 99),
        (5, 5, 6, 20),
        (1, 1, 30, 30),
    ]
    detector = Found("", boxes, [0.3, 0.5, 0.6, 0.4, 0.9, 0.04])
    found, scores = detect_objects(detector, embedding, 9)
    assert scores.tolist() == pytest.approx([0.6, 0.4, 0.3])
    assert found.tolist() == [[40, 20, 80, 82], [0, 60, 60, 96], [0, 0, 20, 20]]
    assert len(detect_objects(detector, embedding, 2)[0]) == 2


def test_in_crops_small_whole_objects_are_found(embedding):
    boxes = [(0, 0, 20, 20), (40, 10, 64, 40), (10, 10, 40, 40), (0, 0, 50, 40)]
    detector = Found("", boxes, [0.5, 0.6, 0.7, 0.8])
    found = window_objects(detector, embedding, Window((100, 0, 228, 96), 1, NONE), (96, 400))
    assert found.boxes.tolist() == [[120, 20, 180, 80]]  # others are cut off, or large
    assert found.scores[0] < 0.7
    found = window_objects(detector, embedding, Window((0, 0, 128, 96), 0, NONE), (96, 128))
    assert found.scores.tolist() == pytest.approx([0.8, 0.7, 0.6, 0.5])


def test_a_box_is_as_likely_an_object_as_the_best_that_it_fits():
    found = Objects.concat(
        [
            Objects(np.array([[0, 0, 10, 10]], np.float32), np.array([0.8], np.float32)),
            Objects(np.array([[0, 0, 10, 20]], np.float32), np.array([0.5], np.float32)),
        ]
    )
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 20], [50, 50, 60, 60]], np.float32)
    assert found.likeness(boxes).tolist() == pytest.approx([0.8, 0.5, 0])
    assert Objects.concat([]).likeness(boxes).tolist() == [0, 0, 0]


def test_boxes_are_prompts(model, embedding, monkeypatch):
    monkeypatch.setattr(hypotheses, "LEAST_STABILITY", 0.0)
    window = Window((0, 0, 128, 96), 0, NONE)
    given = Objects(np.array([[10, 10, 60, 50], [70, 20, 120, 90]], np.float32), np.ones(2, np.float32))
    found = box_hypotheses(model, embedding, window, given, (96, 128))
    assert found.points.tolist() == [[35, 30], [95, 55]]
    assert found.objects is given
    boxes = mask_boxes(found)
    for row, runs in enumerate(close_ups.runs_in_image(found, row) for row in range(2)):
        assert np.abs(boxes[row] - rle.box(runs, (96, 128))).max() <= 8  # a cell of logits
    none = box_hypotheses(model, embedding, window, Objects.concat([]), (96, 128))
    assert (len(none), len(none.objects)) == (0, 0)


def test_every_window_is_searched_once(model, photo, monkeypatch):
    detector = Found(model.fingerprint, [(10, 10, 40, 40)], [0.9])
    monkeypatch.setattr(objects, "_opened", lambda _: detector)
    config = AutoConfig(points_per_side=4, min_iou=0.0)
    candidates(model, photo, config)
    assert detector.calls == 5
    for other in ({"detector": "none"}, {"points": [(30, 20)]}, {"refine": False}):
        candidates(model, photo, replace(config, **({"points_per_side": None} | other)))
    assert detector.calls == 5


def test_a_detector_of_another_model_is_not_used(model, monkeypatch):
    monkeypatch.setattr(objects, "_opened", lambda _: Found("another", [], []))
    assert open_detector(model, None) is None
    with pytest.raises(InputError, match="detector must be trained on this model's features"):
        open_detector(model, "runs/detector")
