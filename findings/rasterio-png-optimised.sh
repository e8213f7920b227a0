#!/usr/bin/env bash
# rasterio 1.4.4 and pyoxipng 9.1.1: a PNG mask of 0 and 255 is 0 and 1 for rasterio after lossless optimisation.
# An optimiser stores 0 and 255 in one bit, and four evenly spaced greys in two. The PNG standard has readers scale such
# numbers to the whole range; OpenCV and SimpleITK do, rasterio gives the stored ones (with a tag, NBITS). Expected: the same
# pixels before and after, as "lossless" says: code that compares with 255 finds no object any more.
# Guessed before running: readers agree on masks of 1, 2 and 4 bits. Result: missed.
# Seen: 0, 255 is read as 0, 1 and 0, 85, 170, 255 as 0, 1, 2, 3; OpenCV and SimpleITK give the same numbers as before.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check rasterio==1.4.4 pyoxipng==9.1.1 opencv-python-headless==5.0.0.93 \
  simpleitk==2.5.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import cv2
import numpy as np
import oxipng
import rasterio
import SimpleITK


def read(path: str) -> dict[str, list[int]]:
    with rasterio.open(path) as file:
        numbers = {"rasterio": file.read(1)}
    numbers["OpenCV"] = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    numbers["SimpleITK"] = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))
    return {name: np.unique(pixels).tolist() for name, pixels in numbers.items()}


for values, stored in (([0, 255], [0, 1]), ([0, 85, 170, 255], [0, 1, 2, 3])):
    cv2.imwrite("mask.png", np.repeat(np.array(values, np.uint8), 10)[None].repeat(40, axis=0))
    oxipng.optimize("mask.png", "small.png", level=2)
    before, after = read("mask.png"), read("small.png")
    print("rasterio", rasterio.__version__, "before:", before, "after:", after)
    assert all(numbers == values for numbers in before.values()), "plain files have changed"
    assert after["OpenCV"] == after["SimpleITK"] == values, "the others have changed"
    assert after["rasterio"] == stored, "the behaviour has changed"
PY
