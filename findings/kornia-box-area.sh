#!/usr/bin/env bash
# kornia 0.9.0: Boxes.compute_area says 171 for a box of 20 x 10.
# The area is computed from the stored corners, which are one less than the sides in the modes "xyxy" and "xywh", and
# without the one that width and height get. Expected: 200, the product of get_boxes_shape, and the number of pixels that
# to_mask draws. Small boxes suffer most: filtering by filter_boxes_by_area drops every box one pixel wide, as its area is 0.
# Guessed before running: modes agree with each other. Result: missed.
# Seen: height 10, width 20, 200 pixels drawn, area 171; a box of 30 x 1 has area 0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check kornia==0.9.0 torch==2.13.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import kornia
import torch
from kornia.geometry.boxes import Boxes

found = {}
for mode, numbers in {"xyxy": [30, 10, 50, 20], "xywh": [30, 10, 20, 10], "thin xywh": [30, 10, 30, 1]}.items():
    boxes = Boxes.from_tensor(torch.tensor([numbers], dtype=torch.float32), mode=mode.split()[-1])
    height, width = (int(side) for side in boxes.get_boxes_shape())
    kept = boxes.filter_boxes_by_area(min_area=1, inplace=False).data.abs().sum() > 0
    drawn = int(boxes.to_mask(48, 64).sum())
    found[mode] = (height, width, drawn, int(boxes.compute_area()), bool(kept))
print("kornia", kornia.__version__, "height, width, pixels drawn, area, kept at min_area=1:", found)
assert found["xyxy"] == found["xywh"] == (10, 20, 200, 171, True), "the behaviour has changed"
assert found["thin xywh"] == (1, 30, 30, 0, False), "the behaviour has changed"
PY
