#!/usr/bin/env bash
# OpenCV 5.0.0 (opencv-python-headless 5.0.0.93): imwrite to JPEG 2000 without options is lossy, with its documented default not.
# Documented: IMWRITE_JPEG2000_COMPRESSION_X1000 "from 0 to 1000. Default is 1000". With 1000 given, the numbers come back;
# without, the file is smaller and they do not. Expected: the same file in both cases. Masks of 0 and 255 get a
# fringe, labels of uint16 become other labels, images lose most of their detail without a word.
# Guessed before running: no option and the default option are the same. Result: missed.
# Seen: a 64 x 64 mask of blocks of 0 and 255: 1254 wrong pixels without the option and none with 1000; noise of uint8 is off
# by up to 175.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import cv2
import numpy as np

random = np.random.default_rng(0)
blocks = np.kron(random.integers(0, 6, (8, 8)), np.ones((8, 8), int))
images = {
    "mask": (blocks > 2).astype(np.uint8) * 255,
    "labels": blocks.astype(np.uint16) * 1000,
    "noise": random.integers(0, 256, (64, 64)).astype(np.uint8),
}


def wrong(image: np.ndarray, *options: int) -> tuple[int, int]:
    """Number of pixels that differ after writing and reading, and the largest difference."""
    assert cv2.imwrite("image.jp2", image, options)
    back = cv2.imread("image.jp2", cv2.IMREAD_UNCHANGED)
    assert back.dtype == image.dtype, "the type has changed"
    difference = abs(back.astype(int) - image)
    return int((difference > 0).sum()), int(difference.max())


for name, image in images.items():
    plain, given = wrong(image), wrong(image, cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000)
    print("OpenCV", cv2.__version__, name, "wrong pixels and largest difference without option:", plain, "with 1000:", given)
    assert given == (0, 0), "the option has changed"
    assert plain[0] > 1000, "the behaviour has changed"
PY
