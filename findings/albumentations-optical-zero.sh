#!/usr/bin/env bash
# albumentations 2.0.8: OpticalDistortion with a distortion of zero moves image and mask by a pixel, up and left.
# Expected: nothing changes, as with GridDistortion, ElasticTransform and ThinPlateSpline of zero (their masks stay).
# In training it shifts every object against labels that are transformed elsewhere.
# Guessed before running: zero distortion is the identity. Result: missed.
# Seen: a mask with sides 30, 10, 50, 20 comes back at 29, 9, 49, 19.
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
image = np.repeat(mask[..., None] * 255, 3, axis=2)
transforms = {
    "elastic": A.ElasticTransform(alpha=0, p=1),
    "grid": A.GridDistortion(distort_limit=(0, 0), p=1),
    "spline": A.ThinPlateSpline(scale_range=(0, 0), p=1),
    "optical": A.OpticalDistortion(distort_limit=(0, 0), p=1),
}
found = {}
for name, transform in transforms.items():
    y, x = np.nonzero(A.Compose([transform])(image=image, mask=mask)["mask"])
    found[name] = [int(v) for v in (x.min(), y.min(), x.max() + 1, y.max() + 1)]
print("albumentations", A.__version__, "the mask at 30, 10, 50, 20 after a distortion of zero:", found)
assert all(found[name] == [30, 10, 50, 20] for name in ("elastic", "grid", "spline")), "the others have changed"
assert found["optical"] == [29, 9, 49, 19], "the behaviour has changed"
PY
