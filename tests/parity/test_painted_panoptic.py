"""Panoptic segments of painted images compared with stored figures of Painter's released functions."""

from __future__ import annotations

import json
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from anymask.evaluate.painted_segments import location_palette, merge, painted_instances, vote
from anymask.evaluate.tables.panoptic_painting import CLASSES, THINGS
from anymask.evaluate.tables.semantic import nearest_class

pytestmark = pytest.mark.parity

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/peers/painter_panoptic.json").read_text("utf-8"))
HEIGHT, WIDTH = 132, 176


def scene(seed):
    """Two painted images (H, W, 3): classes, and instances in the colours of their places; integer noise."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    k = np.arange(133)
    palette = 255 - 36 * np.stack([k // 49, k % 49 // 7, k % 7], 1)
    classes = palette[generator.integers(80, 133, 2)][(y > generator.integers(50, 70)).astype(int)]
    instances = np.zeros((HEIGHT, WIDTH, 3), np.int64)
    for _ in range(11):
        cx, cy, rx, ry = generator.integers((10, 10, 4, 4), (166, 122, 26, 20)).tolist()
        inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        column, row = int(cx / WIDTH * 79), int(cy / HEIGHT * 79)
        colour = (255 - 15 * (row // 20 * 4 + column // 20), 255 - 13 * (row % 20), 255 - 13 * (column % 20))
        instances[inside] = np.array(colour) + generator.integers(-4, 5, 3)
        classes[inside] = palette[generator.integers(0, 80)]
    noise = int(generator.integers(3, 12))
    both = (one + generator.integers(-noise, noise + 1, one.shape) for one in (classes, instances))
    return tuple(np.clip(one, 0, 255).astype(np.uint8) for one in both)


def test_palettes():
    assert crc32(location_palette().tobytes()) == GOLDEN["places"]
    assert crc32(CLASSES.tobytes()) == GOLDEN["classes"]


@pytest.mark.parametrize("seed", sorted(GOLDEN["scenes"]))
def test_segments(seed):
    golden = GOLDEN["scenes"][seed]
    classes, instances = scene(int(seed))
    assert crc32(classes.tobytes() + instances.tobytes()) == golden["input"]
    masks, scores = painted_instances(instances, 0)
    assert scores == pytest.approx(golden["scores"], abs=1e-6)
    assert masks.sum((1, 2)).tolist() == golden["areas"]
    best, least = painted_instances(instances)
    assert least.tolist() == scores[scores >= 0.55].tolist()
    votes = [vote(classes[mask], CLASSES[:THINGS]) for mask in best]
    numbers, of_number = merge(best, votes, nearest_class(classes, CLASSES), THINGS)
    assert {str(number): category for number, category in of_number.items()} == golden["segments"]
    assert crc32(numbers.astype("<i4").tobytes()) == golden["numbers"]
