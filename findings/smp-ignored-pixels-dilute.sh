#!/usr/bin/env bash
# segmentation-models-pytorch 0.6.0: SoftCrossEntropyLoss with ignore_index averages over the ignored pixels too.
# Their loss is set to 0, but they stay in the number that the sum is divided by. Documented: a "drop-in replacement for
# torch.nn.CrossEntropyLoss with label_smoothing", which divides by the pixels that count. Expected: the loss of the
# pixels that count, as from DiceLoss, FocalLoss, LovaszLoss and TverskyLoss of the same package.
# Guessed before running: the loss is that of the image without its ignored part. Result: missed (SoftBCEWithLogitsLoss too).
# Seen: with half of the pixels ignored, half the loss of torch.nn.CrossEntropyLoss; the less of an image is labelled, the
# less it counts in training.
# (torchvision's compiled operators want a CUDA build of torch; none is used here, so two names are declared in their place.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
pip=("$work/venv/bin/pip" install -q --disable-pip-version-check)
"${pip[@]}" torch==2.13.0 numpy==2.4.6 timm==1.0.31 segmentation-models-pytorch==0.6.0 torchvision==0.28.0 --no-deps
"${pip[@]}" torch==2.13.0 pillow==12.3.0 huggingface-hub==2.4.0 safetensors==0.8.0 tqdm==4.70.1 pyyaml==6.0.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import torch

operators = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import segmentation_models_pytorch as smp

torch.manual_seed(0)
logits = torch.randn(2, 3, 8, 8)
labels = torch.randint(0, 3, (2, 8, 8))
labels[:, :, :4] = 255
found = {}
for name, loss in {
    "SoftCrossEntropyLoss": smp.losses.SoftCrossEntropyLoss(smooth_factor=0.1, ignore_index=255),
    "CrossEntropyLoss of torch": torch.nn.CrossEntropyLoss(label_smoothing=0.1, ignore_index=255),
    "DiceLoss": smp.losses.DiceLoss("multiclass", ignore_index=255),
    "FocalLoss": smp.losses.FocalLoss("multiclass", ignore_index=255),
}.items():
    whole, counted = loss(logits, labels), loss(logits[..., 4:].contiguous(), labels[..., 4:].contiguous())
    found[name] = round(float(whole / counted), 3)
print("segmentation-models-pytorch", smp.__version__, "loss with half ignored / loss of the other half:", found)
assert found.pop("SoftCrossEntropyLoss") == 0.5, "the behaviour has changed"
assert set(found.values()) == {1.0}, "the others have changed"
PY
