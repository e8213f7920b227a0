#!/usr/bin/env bash
# transformers 5.24.0: with do_reduce_labels, Mask2FormerImageProcessor makes a class 254 of the pixels marked 255.
# 255 is ignore_index, so pixels of 255 in the label map are to be ignored; all labels are lowered by one and 255 becomes
# 254, a class that no model has. Expected: 255 stays ignored, as in SegFormer's and BEiT's do_reduce_labels.
# Guessed before running: the ignored pixels turn into class 254. Result: as guessed (the code of both backends,
# MaskFormer and EoMT is alike).
# Seen: labels 0, 1, 2 and 255 give class_labels 0, 1 and 254; without do_reduce_labels 0, 1 and 2.
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
from transformers import Mask2FormerImageProcessor, SegformerImageProcessor

image, labels = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
labels[:10], labels[10:20], labels[20:30] = 1, 2, 255


def classes(**options: bool) -> list[int]:
    processor = Mask2FormerImageProcessor(do_resize=False, ignore_index=255, **options)
    return processor([image], segmentation_maps=[labels], return_tensors="pt")["class_labels"][0].tolist()


segformer = SegformerImageProcessor(do_resize=False, do_reduce_labels=True)
reference = segformer([image], segmentation_maps=[labels], return_tensors="pt")["labels"].unique().tolist()
print("transformers", transformers.__version__, "classes:", classes(), "reduced:", classes(do_reduce_labels=True))
print("SegFormer's reduced label map:", reference)
assert classes() == [0, 1, 2], "the plain labels have changed"
assert reference == [0, 1, 255], "SegFormer has changed"
assert classes(do_reduce_labels=True) == [0, 1, 254], "the behaviour has changed"
PY
