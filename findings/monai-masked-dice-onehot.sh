#!/usr/bin/env bash
# monai 1.6.1: MaskedDiceLoss with to_onehot_y=True punishes a prediction that is perfect inside the mask.
# Documented: "only the masked region contributes to the loss computation". The label map is set to 0 outside the mask and
# then turned into classes, so all pixels outside become background, while the prediction is 0 there in all classes.
# Expected: 0, as for the same prediction cut to the masked part, or with classes that were made before.
# Guessed before running: nothing outside the mask counts. Result: missed.
# Seen: right in the left half, which is the mask: loss 0.25 instead of 0; the smaller the mask, the larger the loss.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check monai==1.6.1 torch==2.13.0 numpy==2.4.6 scikit-image==0.26.0 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import monai
import torch
from monai.losses import DiceLoss, MaskedDiceLoss
from monai.networks.utils import one_hot

labels = torch.zeros(1, 1, 8, 8)
labels[..., :4, :] = 1
mask = torch.zeros(1, 1, 8, 8)
mask[..., :4] = 1
logits = 40 * (one_hot(labels, 2) - 0.5)
options = {"softmax": True, "smooth_nr": 0.0, "smooth_dr": 1e-6}
cut = float(DiceLoss(to_onehot_y=True, **options)(logits[..., :4], labels[..., :4]))
before = float(MaskedDiceLoss(**options)(logits, one_hot(labels, 2), mask=mask))
found = float(MaskedDiceLoss(to_onehot_y=True, **options)(logits, labels, mask=mask))
print("monai", monai.__version__, f"cut {cut:.3f}, classes made before {before:.3f}, to_onehot_y {found:.3f}")
assert abs(cut) < 1e-4 and abs(before) < 1e-4, "the reference has changed"
assert found > 0.2, "the behaviour has changed"
PY
