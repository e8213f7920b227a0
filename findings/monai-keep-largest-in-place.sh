#!/usr/bin/env bash
# monai 1.6.1: KeepLargestConnectedComponent changes the array or tensor it is given.
# Other transforms of the same kind (RemoveSmallObjects, FillHoles, LabelFilter, MapLabelValue) leave their input alone.
# Expected: the result in a new array. A comparison of a prediction before and after the step, or a second step on
# the raw prediction, silently gets the cleaned one.
# Guessed before running: the input stays. Result: missed, found when the input was printed after the call.
# Seen: label 2 has 10 pixels, 9 in its largest part: after the call 9 in the result and 9 in the input as well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check monai==1.6.1 torch==2.13.0 numpy==2.4.6 scikit-image==0.26.0 scipy==1.17.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import monai
import numpy as np
import torch
from monai.transforms import FillHoles, KeepLargestConnectedComponent, LabelFilter, RemoveSmallObjects

labels = np.zeros((1, 10, 20), np.float32)
labels[0, 2:4, 2:4] = 1
labels[0, 6:9, 6:9] = labels[0, 1, 15] = 2


def changed(transform: monai.transforms.Transform, kind: type) -> bool:
    given = torch.from_numpy(labels.copy()) if kind is torch.Tensor else labels.copy()
    transform(given)
    return not np.array_equal(np.asarray(given), labels)


for kind in (np.ndarray, torch.Tensor):
    others = [changed(t, kind) for t in (RemoveSmallObjects(5), FillHoles(), LabelFilter([2]))]
    found = changed(KeepLargestConnectedComponent(), kind)
    print("monai", monai.__version__, kind.__name__, "input changed:", found, "by the others:", others)
    assert not any(others), "the others have changed"
    assert found, "the behaviour has changed"
given = labels.copy()
KeepLargestConnectedComponent()(given)
print("pixels of label 2 before and after:", int((labels == 2).sum()), int((given == 2).sum()))
assert (given == 2).sum() == 9, "the behaviour has changed"
PY
