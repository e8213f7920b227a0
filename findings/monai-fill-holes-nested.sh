#!/usr/bin/env bash
# monai 1.6.1: the transform FillHoles erases every object that lies inside another one.
# Documented: "an enclosed hole is defined as a background pixel/voxel which is only enclosed by a single class". Each
# class is filled as a mask of its own, so what it encloses becomes this class, whether it was background or not.
# Expected: a tumour (2) inside an organ (1) stays; only pixels of 0 change. FillHoles is a usual last step after argmax.
# Guessed before running: with applied_labels=[1], label 2 stays. Result: missed, for the default of all labels too.
# Seen: 9 pixels of label 2 inside label 1 before, none after; as the only applied label, 2 keeps its pixels.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check monai==1.6.1 torch==2.13.0 numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import monai
import torch
from monai.transforms import FillHoles

labels = torch.zeros(1, 9, 9, dtype=torch.long)
labels[0, 1:8, 1:8] = 1
labels[0, 3:6, 3:6] = 2
found = {"before": int((labels == 2).sum())}
for applied in (None, [1], [1, 2], [2]):
    found[str(applied)] = int((FillHoles(applied)(labels.clone()) == 2).sum())
print("monai", monai.__version__, "pixels of label 2, by applied_labels:", found)
assert not (labels[0, 1:8, 1:8] == 0).any(), "there is no hole to fill"
assert found == {"before": 9, "None": 0, "[1]": 0, "[1, 2]": 0, "[2]": 9}, "the behaviour has changed"
PY
