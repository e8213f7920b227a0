#!/usr/bin/env bash
# transformers 5.24.0: Mask2FormerImageProcessor squeezes the masks of every image that was padded in its batch.
# The processor pads images to the largest of the batch and returns pixel_mask; post_process_instance_segmentation (and
# the semantic and panoptic ones) resize the padded map to the target size, with no way to cut the padding off.
# Expected: the same result for an image alone and in a batch, as from SAM's processor, which cuts it off.
# Guessed before running: the padding stays in and the mask is squeezed. Result: as guessed.
# Seen: an object in the right half of a 64 x 64 image that shares its batch with one of 64 x 128: columns 32 to 64 in, 16
# to 32 out; as the only image, 32 to 64.
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
from transformers import Mask2FormerImageProcessor

small, wide = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 128, 3), np.uint8)
processor = Mask2FormerImageProcessor(do_resize=False)


def columns(images: list[np.ndarray]) -> list[int]:
    """Columns of an object that fills columns 32 to 64 of the first image, in what the model would be given."""
    pixels = processor(images, return_tensors="pt")["pixel_values"]
    masks = torch.full((len(images), 1, *pixels.shape[-2:]), -10.0)
    masks[..., 32:64] = 10.0
    classes = torch.tensor([[[5.0, -5.0]]]).repeat(len(images), 1, 1)
    outputs = SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks)
    sizes = [image.shape[:2] for image in images]
    result = processor.post_process_instance_segmentation(outputs, target_sizes=sizes)[0]
    found = torch.nonzero(result["segmentation"] == result["segments_info"][0]["id"])[:, 1]
    return [int(found.min()), int(found.max()) + 1]


alone, batch = columns([small]), columns([small, wide])
print("transformers", transformers.__version__, "columns of the object alone:", alone, "in a batch:", batch)
assert alone == [32, 64], "a single image has changed"
assert batch == [16, 32], "the behaviour has changed"
PY
