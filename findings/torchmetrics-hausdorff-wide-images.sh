#!/usr/bin/env bash
# torchmetrics 1.9.0: segmentation.HausdorffDistance is wrong for images that are wider than high.
# The distances are written into a flat copy of the image at row * height + column in place of row * width + column, so
# they land on other pixels. Expected: a distance that does not depend on the empty space around the two objects.
# Guessed before running: the same values as SciPy's distance transform, with any spacing. Result: missed for most
# random masks of 12 x 20 pixels; the reason was found afterwards.
# Seen: two squares of 5 x 5 pixels, 10 columns apart: 10.0 in an image of 30 x 30, 16.8 in one of 20 x 30 (height x width)
# without a warning (higher than wide: IndexError).
# (torchvision's compiled operators want a CUDA build of torch; torchvision is not installed here.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import torch
import torchmetrics
from scipy.ndimage import distance_transform_edt
from torchmetrics.segmentation import HausdorffDistance


def measured(height: int, width: int) -> tuple[float, float]:
    one, other = torch.zeros(2, height, width, dtype=torch.long)
    one[5:10, 5:10] = 1
    other[5:10, 15:20] = 1
    metric = HausdorffDistance(num_classes=2, include_background=False, input_format="index")
    there = distance_transform_edt(other.numpy() == 0)[one.numpy() == 1].max()
    back = distance_transform_edt(one.numpy() == 0)[other.numpy() == 1].max()
    return round(float(metric(one[None], other[None])), 1), float(max(there, back))


found = {(height, width): measured(height, width) for height, width in ((30, 30), (40, 40), (20, 30), (20, 60))}
print("torchmetrics", torchmetrics.__version__, "(height, width): torchmetrics, SciPy:", found)
assert found[30, 30] == found[40, 40] == (10.0, 10.0), "square images have changed"
assert all(right == 10.0 for _, right in found.values())
assert found[20, 30][0] == 16.8 and found[20, 60][0] != 10.0, "the behaviour has changed"
PY
