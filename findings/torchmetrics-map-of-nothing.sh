#!/usr/bin/env bash
# torchmetrics 1.9.0: the mean average precision of a model that detects nothing is -1, and a false detection makes it 0.
# -1 is COCO's mark for "no such objects". Here there is one object and it is missed, so expected: 0, as for a data set
# where another image has any detection. As it is, training that starts with no detections logs -1, and the mean over
# runs or folds falls below zero.
# Guessed before running: 0. Result: missed.
# Seen: -1 without detections, 0 with one in the wrong place, 0 for an empty and a wrong image together.
# (torchvision's compiled operators want a CUDA build of torch; none is used here, so two names are declared in their place.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6 pillow==12.3.0 \
  pycocotools==2.0.11
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps torchvision==0.28.0
cd "$work"
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import torch

operators = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import torchmetrics
from torchmetrics.detection import MeanAveragePrecision


def mask(left: int) -> torch.Tensor:
    one = torch.zeros(64, 64, dtype=torch.bool)
    one[10:30, left : left + 20] = True
    return one


def score(*images: list[int]) -> float:
    """The segm mAP; each image has one object at column 5 and a detection at each given column."""
    metric = MeanAveragePrecision(iou_type="segm", backend="pycocotools")
    for columns in images:
        found = torch.stack([mask(left) for left in columns]) if columns else torch.zeros(0, 64, 64, dtype=torch.bool)
        labels = torch.zeros(len(columns), dtype=torch.long)
        metric.update([{"masks": found, "scores": torch.full((len(columns),), 0.9), "labels": labels}],
                      [{"masks": mask(5)[None], "labels": torch.zeros(1, dtype=torch.long)}])
    return metric.compute()["map"].item()


seen = {"right": score([5]), "wrong": score([40]), "nothing": score([]), "nothing and wrong": score([], [40])}
print("torchmetrics", torchmetrics.__version__, "mAP:", {name: round(value, 3) for name, value in seen.items()})
assert abs(seen["right"] - 1) < 1e-6 and seen["wrong"] == 0 and seen["nothing and wrong"] == 0, "the metric has changed"
assert seen["nothing"] == -1, "the behaviour has changed"
PY
