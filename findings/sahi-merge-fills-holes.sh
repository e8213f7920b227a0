#!/usr/bin/env bash
# sahi 0.12.8: merging the masks of two slices fills the hole of the object, even one that both slices saw whole.
# The union is made of polygons and only the outer ring of the result is kept. A mask that is in one slice keeps its hole.
# Expected: the union of the pixels, as the same ring has in one piece.
# Guessed before running: a hole that is whole in both slices survives. Result: missed.
# Seen: a ring of 1200 pixels has 1200 alone, and 1600 after its two halves, which overlap, were merged (GREEDYNMM and NMM).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check sahi==0.12.8 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from sahi.postprocess.combine import GreedyNMMPostprocess, NMMPostprocess
from sahi.prediction import ObjectPrediction
from sahi.utils.cv import get_coco_segmentation_from_bool_mask

ring = np.zeros((60, 60), bool)
ring[10:50, 10:50] = True
ring[20:40, 20:40] = False


def seen(first: int, last: int, score: float) -> ObjectPrediction:
    mask = np.zeros_like(ring)
    mask[:, first:last] = ring[:, first:last]
    polygons = get_coco_segmentation_from_bool_mask(mask)
    return ObjectPrediction(
        segmentation=polygons, category_id=0, category_name="ring", score=score, full_shape=[60, 60]
    )


def pixels(kind: type, *parts: ObjectPrediction) -> list[int]:
    return [int(one.mask.bool_mask.sum()) for one in kind(match_threshold=0.05, match_metric="IOU")(list(parts))]


found = {
    "alone": pixels(GreedyNMMPostprocess, seen(0, 60, 0.9)),
    "GREEDYNMM": pixels(GreedyNMMPostprocess, seen(0, 36, 0.9), seen(24, 60, 0.8)),
    "NMM": pixels(NMMPostprocess, seen(0, 36, 0.9), seen(24, 60, 0.8)),
    "whole hole in both": pixels(NMMPostprocess, seen(0, 48, 0.9), seen(12, 60, 0.8)),
}
print("sahi", version("sahi"), "pixels of a ring of", int(ring.sum()), found)
assert found.pop("alone") == [1200], "single masks have changed"
assert all(count == [1600] for count in found.values()), "the behaviour has changed"
PY
