#!/usr/bin/env bash
# OpenCV 5.0.0 (opencv-python-headless 5.0.0.93): watershed sets the outermost pixels of the image to -1, whatever they were.
# Documented: -1 "at boundaries between the regions". There is one region here, and its marker covers the whole image.
# Expected: all pixels keep their label, as in scikit-image's watershed. Every object that touches the image's border loses a
# row of pixels, and in tiles that are joined afterwards a line of two pixels without label runs along each seam.
# Guessed before running: the frame is -1. Result: as guessed; markers set there by the user are lost as well.
# Seen: of 80 pixels marked 1, 48 are 1 afterwards and 32 are -1; scikit-image leaves all 80.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 scikit-image==0.26.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import cv2
import numpy as np
from skimage.segmentation import watershed

markers = np.ones((8, 10), np.int32)
found = {
    "OpenCV": cv2.watershed(np.zeros((8, 10, 3), np.uint8), markers.copy()),
    "scikit-image": watershed(np.zeros((8, 10)), markers),
}
counts = {name: {int(v): int((labels == v).sum()) for v in np.unique(labels)} for name, labels in found.items()}
print("OpenCV", cv2.__version__, "pixels by label:", counts)
assert counts["scikit-image"] == {1: 80}, "scikit-image has changed"
assert counts["OpenCV"] == {-1: 32, 1: 48}, "the behaviour has changed"
assert (found["OpenCV"][1:-1, 1:-1] == 1).all(), "the behaviour has changed"
PY
