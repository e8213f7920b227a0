#!/usr/bin/env bash
# tifffile 2026.3.3 and Pillow 12.3.0: a boolean mask written by the one is inverted when read by the other.
# tifffile.imwrite stores bool as one bit with PhotometricInterpretation WhiteIsZero by default, and reads the bits as
# they are; imageio does too. Pillow applies the interpretation, so True becomes False. Each follows a rule; the mask does
# not survive. Uint8 masks are not concerned (BlackIsZero).
# Guessed before running: all readers agree on a one-bit mask. Result: missed.
# Seen: of 65 pixels, 22 are True for tifffile and imageio, the other 43 for Pillow (and OpenCV: 255 at those 43).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tifffile==2026.3.3 imagecodecs==2026.3.6 imageio==2.38.1 \
  pillow==12.3.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
cd "$work"
"$work/venv/bin/python" - <<'PY'
import cv2
import imageio.v3 as iio
import numpy as np
import tifffile
from PIL import Image

mask = np.arange(65).reshape(5, 13) % 3 == 0
tifffile.imwrite("mask.tif", mask)
with tifffile.TiffFile("mask.tif") as file:
    kind = file.pages[0].photometric.name
read = {
    "tifffile": tifffile.imread("mask.tif"),
    "imageio": iio.imread("mask.tif"),
    "Pillow": np.asarray(Image.open("mask.tif")),
    "OpenCV": cv2.imread("mask.tif", cv2.IMREAD_UNCHANGED) > 0,
}
print("photometric:", kind, "true of", int(mask.sum()), {name: int(array.sum()) for name, array in read.items()})
assert kind == "MINISWHITE", "tifffile's default has changed"
assert np.array_equal(read["tifffile"], mask) and np.array_equal(read["imageio"], mask), "the reading has changed"
assert np.array_equal(read["Pillow"], ~mask) and np.array_equal(read["OpenCV"], ~mask), "the behaviour has changed"
PY
