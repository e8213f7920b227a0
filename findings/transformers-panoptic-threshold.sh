#!/usr/bin/env bash
# transformers 5.24.0: post_process_panoptic_segmentation gives every pixel to a segment, however low its probability.
# Expected: a pixel whose mask probability is below mask_threshold (0.5 by default; "threshold to use when turning the
# predicted masks into binary values") belongs to no segment and stays 0, as in the published Mask2Former code and as
# post_process_instance_segmentation of the same class does. One query of 20 x 50 pixels, all else at a logit of -10.
# Guessed before running: yes, from compute_segments, which assigns by argmax alone. Result: as guessed.
# Seen: the whole image of 9216 pixels is segment 1; with two queries not one pixel is left to the background.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.24.0 torch==2.13.0 numpy==2.4.6 pillow==12.3.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
from types import SimpleNamespace

import torch
import transformers
from transformers import Mask2FormerImageProcessorPil

processor = Mask2FormerImageProcessorPil()
masks = torch.full((1, 1, 96, 96), -10.0)
masks[0, 0, 10:30, 20:70] = 10.0  # probability 0.99995 inside, 0.00005 outside
classes = torch.tensor([[[10.0, -10.0, -10.0]]])  # class 0, not class 1, not "no object"
outputs = SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks)
panoptic = processor.post_process_panoptic_segmentation(outputs, target_sizes=[(96, 96)], label_ids_to_fuse=set())[0]
instance = processor.post_process_instance_segmentation(outputs, target_sizes=[(96, 96)])[0]
filled = int((panoptic["segmentation"] == 1).sum())
kept = int((instance["segmentation"] == 0).sum())
print("transformers", transformers.__version__, "panoptic segment:", filled, "of 9216 pixels; the same mask as an instance:", kept)
assert 950 <= kept <= 1050, "the instance mask has changed"
assert filled == 96 * 96, "the behaviour has changed"
PY
