#!/usr/bin/env bash
# SimpleITK 2.5.7: a grey TIFF of 8 bits becomes a colour image of four components if it is stored in tiles.
# The same numbers in strips are read as they are. Expected: how a file is cut up does not change the image.
# Guessed before running: tiles are read like strips. Result: missed.
# Seen: (300, 300) in strips, (300, 300, 4) in tiles, the last component 255; filters on labels then refuse it.
# (With 16 bits, tiles also lose the low byte, which a message on the error output admits.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tifffile==2026.3.3 SimpleITK==2.5.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import SimpleITK as sitk
import tifffile

labels = (np.arange(300 * 300).reshape(300, 300) // 4500).astype(np.uint8)
read = {}
for name, options in {"strips": {"rowsperstrip": 16}, "tiles": {"tile": (128, 128)}}.items():
    tifffile.imwrite("labels.tif", labels, **options)
    assert np.array_equal(tifffile.imread("labels.tif"), labels)
    read[name] = sitk.GetArrayFromImage(sitk.ReadImage("labels.tif"))
    print(name, read[name].shape, read[name].dtype)
assert np.array_equal(read["strips"], labels), "the reading of strips has changed"
assert read["tiles"].shape == (300, 300, 4) and (read["tiles"][..., 3] == 255).all(), "the behaviour has changed"
PY
