#!/usr/bin/env bash
# transformers 5.24.0: boxes that DetrImageProcessor prepares in a batch are not those its own post-processing reads.
# In a batch of two sizes, the smaller image's boxes are made relative to the padded image; post_process_object_detection
# multiplies by target_sizes, documented as the "target size (height, width) of each image", so relative to the image alone.
# Expected: one frame for both, as in the published DETR code (the image alone): labels handed back as predictions are the
# annotated boxes. A model trained on padded batches is off by the share of padding wherever it is used.
# Guessed before running: the box comes back squeezed. Result: as guessed.
# Seen: (10, 10, 50, 30) in 64 x 64 pixels comes back as itself alone, and as (5, 10, 25, 30) beside an image of 64 x 128.
# (torchvision's compiled operators want a CUDA build of torch; none is used here, so two names are declared in their place.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.24.0 torch==2.13.0 numpy==2.4.6 pillow==12.3.0
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps torchvision==0.28.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import torch

operators = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from types import SimpleNamespace

import numpy as np
import transformers
from transformers import DetrImageProcessor

small, wide = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 128, 3), np.uint8)
processor = DetrImageProcessor(do_resize=False)


def back(images: list[np.ndarray]) -> list[float]:
    """The first image's box after preparing and reading back, in pixels of the image."""
    box = {"bbox": [10, 10, 40, 20], "area": 800, "category_id": 1, "iscrowd": 0}
    annotations = [{"image_id": n, "annotations": [dict(box)]} for n in range(len(images))]
    boxes = processor(images, annotations=annotations, return_tensors="pt")["labels"][0]["boxes"]
    outputs = SimpleNamespace(logits=torch.tensor([[[-5.0, 9.0, -5.0]]]), pred_boxes=boxes[None])
    result = processor.post_process_object_detection(outputs, target_sizes=[(64, 64)])[0]
    return [round(float(v), 2) for v in result["boxes"][0]]


alone, batch = back([small]), back([small, wide])
print("transformers", transformers.__version__, "the box alone:", alone, "in a batch:", batch)
assert alone == [10, 10, 50, 30], "a single image has changed"
assert batch == [5, 10, 25, 30], "the behaviour has changed"
PY
