#!/usr/bin/env bash
# Pillow 13.0.0: a TIFF file of signed bytes opens as unsigned ones, so -1 becomes 255.
# The file says that its samples are signed. Expected: the numbers in a mode that holds them (as for 16 and 32 bits, which
# open as I), or an error as for other kinds it has no mode for. -1 for "not labelled" turns into class 255.
# Guessed before running: refused, or widened. Result: missed.
# Seen: -1, -50, 0, 7 open as 255, 206, 0, 7 in mode L; int16 gives -1 and -50.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import PIL
import tifffile
from PIL import Image

labels = np.array([[-1, -50, 0, 7]])
found = {}
for kind in ("int8", "int16", "int32"):
    tifffile.imwrite(f"{kind}.tif", labels.astype(kind))
    assert np.array_equal(tifffile.imread(f"{kind}.tif").ravel(), labels.ravel()), "tifffile has changed"
    with Image.open(f"{kind}.tif") as image:
        found[kind] = (image.mode, np.asarray(image).ravel().tolist())
print("Pillow", PIL.__version__, found)
assert found["int32"][1] == [-1, -50, 0, 7], "int32 has changed"
assert found["int16"][1] == [-1, -50, 0, 7], "int16 has changed"
assert found["int8"] == ("L", [255, 206, 0, 7]), "the behaviour has changed"
PY
