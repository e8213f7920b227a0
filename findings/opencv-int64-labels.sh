#!/usr/bin/env bash
# OpenCV 5.0.0 (opencv-python-headless 5.0.0.93): arrays of int64 and uint64 are cut to 32 bits without a word.
# OpenCV 5 brought 64-bit integers (cv2.CV_64S, cv2.CV_64U) and takes such arrays, but the Python bindings copy them to
# int32 first: flip, rotate, resize and others change the type and wrap the numbers. int64 is numpy's default integer,
# and ids of 64 bits are usual for segments in connectomics. Expected: the numbers, or an error.
# Guessed before running: refused, or kept now that version 5 has the type. Result: missed.
# Seen: flip of 2**33 + 5 gives 5 as int32, two different segments become one; uint32 and float64 are kept.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import cv2
import numpy as np

segments = np.array([[5, 2**33 + 5], [7, 2**40]])
functions = {
    "flip": lambda a: cv2.flip(a, 1),
    "rotate": lambda a: cv2.rotate(a, cv2.ROTATE_180),
    "resize": lambda a: cv2.resize(a, (2, 2), interpolation=cv2.INTER_NEAREST),
}
for name, function in functions.items():
    for kind in (np.int64, np.uint64):
        changed = function(segments.astype(kind))
        print("OpenCV", cv2.__version__, name, np.dtype(kind).name, "->", changed.dtype, sorted(changed.ravel().tolist()))
        assert changed.dtype == np.int32 and sorted(changed.ravel().tolist()) == [0, 5, 5, 7], "the behaviour has changed"
    kept = function(segments.astype(np.float64))
    assert kept.dtype == np.float64 and sorted(kept.ravel().tolist()) == sorted(segments.ravel().tolist())
assert function(np.full((2, 2), 2**31 + 5, np.uint32)).max() == 2**31 + 5, "uint32 has changed"
PY
