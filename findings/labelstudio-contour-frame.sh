#!/usr/bin/env bash
# label-studio-sdk 2.1.2: converter.brush.contour2rle draws into a frame of the wrong shape for every non-square image.
# Its arguments are documented as "image shape width" and "image shape height"; it allocates zeros((width, height, 4)),
# although the first axis of an image is its height. decode_rle and decode_from_annotation of the same module reshape to
# (height, width, 4).
# Guessed before running: for 40 x 20 pixels the shape is moved, or cut off. Result: as guessed, both.
# Seen: a rectangle at columns 5 to 15, rows 5 to 10 lies at columns 5 to 35, rows 2 to 5 after decoding; one at
# columns 25 to 35 is lost.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check label-studio-sdk==2.1.2 opencv-python-headless==4.12.0.88
cd "$work"
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import numpy as np
from label_studio_sdk.converter import brush

width, height = 40, 20


def decoded(left: int) -> np.ndarray:
    corners = [[left, 5], [left + 10, 5], [left + 10, 10], [left, 10]]
    contour = np.array(corners, np.int32).reshape(-1, 1, 2)
    pixels = brush.decode_rle(brush.contour2rle([contour], 0, width, height))
    return pixels.reshape(height, width, 4)[:, :, 3] > 0


near, far = decoded(5), decoded(25)
rows, columns = np.nonzero(near)
print("drawn at rows 5..10, columns 5..15; found at rows", f"{rows.min()}..{rows.max()}, columns {columns.min()}..{columns.max()}")
print("drawn at columns 25..35; pixels found:", int(far.sum()), "of 66")
assert near.sum() == 66 and (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 5, 35), "the behaviour has changed"
assert far.sum() == 0, "the behaviour has changed"
PY
