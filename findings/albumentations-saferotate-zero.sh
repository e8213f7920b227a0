#!/usr/bin/env bash
# albumentations 2.0.8: SafeRotate by 0 degrees moves the image by half a pixel, and leaves mask and boxes where they are.
# Expected: nothing changes, as with Rotate and Affine. At 180 degrees the mask is then one pixel off its own box.
# Guessed before running: flips, turns and resizes keep image, mask, box and keypoint together. Result: they do in 30 of
# 36 transforms tried; SafeRotate is one that does not.
# Seen at 0: a bright rectangle with sides 30, 10, 50, 20 covers 30, 10, 51, 21 in the image (edges at half strength),
# 30, 10, 50, 20 in mask and boxes. At 180: mask 15, 29, 35, 39, box 14, 28, 34, 38.
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
box = [30, 10, 50, 20]


def sides(array: np.ndarray) -> list[int]:
    y, x = np.nonzero(array)
    return [int(v) for v in (x.min(), y.min(), x.max() + 1, y.max() + 1)]


def turned(transform: type, angle: int) -> dict[str, list[int]]:
    compose = A.Compose([transform((angle, angle), p=1)], bbox_params=A.BboxParams(format="pascal_voc", label_fields=["n"]))
    result = compose(image=image, mask=mask, bboxes=[box], n=[1])
    return {"image": sides(result["image"][..., 0]), "mask": sides(result["mask"]),
            "box": [round(float(v)) for v in result["bboxes"][0]]}


for transform in (A.Rotate, A.SafeRotate):
    for angle in (0, 180):
        print("albumentations", A.__version__, transform.__name__, angle, turned(transform, angle))
assert set(map(tuple, turned(A.Rotate, 0).values())) == {tuple(box)}, "Rotate has changed"
zero, half = turned(A.SafeRotate, 0), turned(A.SafeRotate, 180)
assert zero["image"] == [30, 10, 51, 21] and zero["mask"] == zero["box"] == box, "the behaviour has changed"
assert half["mask"] == [15, 29, 35, 39] and half["box"] == [14, 28, 34, 38], "the behaviour has changed"
PY
