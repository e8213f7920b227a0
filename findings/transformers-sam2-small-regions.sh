#!/usr/bin/env bash
# transformers 5.24.0: Sam2ImageProcessor.post_process_masks takes max_hole_area and max_sprinkle_area and does nothing.
# Documented: "the maximum area of a hole to fill" and "the maximum area of a sprinkle to fill". The values are never
# used, and no warning says so. Expected: a hole of 16 pixels is filled at max_hole_area=100.
# Guessed before running: the arguments are ignored. Result: as guessed.
# Seen: the mask keeps its hole of 16 and its speck of 9 pixels, equal to the one without the arguments.
# (torchvision's compiled operators want a CUDA build of torch; none is used here, so two names are declared in their place.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.24.0 torch==2.13.0 numpy==2.4.6 pillow==12.3.0
"$work/venv/bin/pip" install -q --disable-pip-version-check --no-deps torchvision==0.28.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import warnings

import torch

operators = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import transformers
from transformers import Sam2ImageProcessor

logits = torch.full((1, 1, 256, 256), -5.0)
logits[..., 40:200, 40:200] = 5.0
logits[..., 100:104, 100:104] = -5.0  # a hole of 16 pixels
logits[..., 230:233, 230:233] = 5.0  # a speck of 9 pixels
processor = Sam2ImageProcessor()
plain = processor.post_process_masks([logits], [(256, 256)])[0]
with warnings.catch_warnings():
    warnings.simplefilter("error")
    cleaned = processor.post_process_masks([logits], [(256, 256)], max_hole_area=100, max_sprinkle_area=100)[0]
print("transformers", transformers.__version__, "area without and with:", int(plain.sum()), int(cleaned.sum()))
assert int(plain.sum()) == 160 * 160 - 16 + 9, "the mask has changed"
assert torch.equal(plain, cleaned), "the behaviour has changed"
PY
