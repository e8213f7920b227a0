#!/usr/bin/env bash
# transformers 5.24.0: Mask2FormerImageProcessor pads binary masks with 255 when a batch has images of two sizes.
# mask_labels are masks of 0 and 1, and the smaller image's are filled up to the batch's size with ignore_index, the number
# that stands for "no class" in a label map. Expected: 0 (or the padding marked somewhere else): the loss compares
# probabilities with these masks, and a target of 255 has no meaning for it.
# Guessed before running: the padding is 0. Result: missed, for both backends; MaskFormer's code is the same.
# Seen: images of 64 x 64 and 64 x 128, ignore_index=255: the first image's masks hold 0, 1 and 255 (half of their pixels);
# alone in its batch, it has 0 and 1.
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

import numpy as np
import transformers
from transformers import Mask2FormerImageProcessor

small, wide = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 128, 3), np.uint8)
small_map, wide_map = np.zeros((64, 64), np.uint8), np.zeros((64, 128), np.uint8)
small_map[:32, :32] = wide_map[:32, :32] = 1
processor = Mask2FormerImageProcessor(do_resize=False, ignore_index=255)
alone = processor([small], segmentation_maps=[small_map], return_tensors="pt")
batch = processor([small, wide], segmentation_maps=[small_map, wide_map], return_tensors="pt")
values = {"alone": alone["mask_labels"][0].unique().tolist(), "in a batch": batch["mask_labels"][0].unique().tolist()}
print("transformers", transformers.__version__, "values of the first image's binary masks:", values)
loss = torch.nn.functional.binary_cross_entropy_with_logits
perfect = [20 * (2 * b["mask_labels"][0].clamp(max=1) - 1) for b in (alone, batch)]
print("mask loss of a confident prediction:", [round(float(loss(p, b["mask_labels"][0])), 3) for p, b in zip(perfect, (alone, batch))])
assert values["alone"] == [0, 1], "a single image has changed"
assert values["in a batch"] == [0, 1, 255], "the behaviour has changed"
assert int((batch["mask_labels"][0][:, :, 64:] == 255).all()), "the behaviour has changed"
PY
