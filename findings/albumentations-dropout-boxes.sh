#!/usr/bin/env bash
# albumentations 2.0.8: CoarseDropout moves boxes that no hole touches by a pixel, upwards.
# Boxes are to be cut where holes cover them. The only hole is 4 x 4 pixels and at least four pixels away from the box.
# Expected: the box as it was, as for the mask.
# Guessed before running: untouched boxes stay. Result: missed; tall boxes move, flat ones stay, fractions are cut off.
# Seen: (30, 10, 50, 20) becomes (30, 9, 50, 19), the mask stays at 30, 10, 50, 20.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check albumentations==2.0.8 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
NO_ALBUMENTATIONS_UPDATE=1 "$work/venv/bin/python" - <<'PY'
import albumentations as A
import numpy as np

mask = np.zeros((48, 64), np.uint8)
mask[10:20, 30:50] = 1
image = np.full((48, 64, 3), 200, np.uint8)
drop = A.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(4, 4), hole_width_range=(4, 4), fill=0, p=1)
compose = A.Compose([drop], bbox_params=A.BboxParams(format="pascal_voc", label_fields=["n"]), seed=0)
checked = 0
for _ in range(40):
    result = compose(image=image, mask=mask, bboxes=[[30, 10, 50, 20]], n=[1])
    rows, columns = np.nonzero(result["image"][..., 0] == 0)
    apart = columns.max() < 26 or columns.min() > 53 or rows.max() < 6 or rows.min() > 23
    if not apart:
        continue
    checked += 1
    assert np.array_equal(result["mask"], mask), "the mask has changed"
    assert [float(v) for v in result["bboxes"][0]] == [30, 9, 50, 19], "the behaviour has changed"
print("albumentations", A.__version__, "holes that do not touch the box:", checked, "box (30, 10, 50, 20) ->", result["bboxes"][0])
assert checked >= 10
PY
