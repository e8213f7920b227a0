#!/usr/bin/env bash
# rasterio 1.4.4: features.shapes takes float64 and merges regions whose numbers differ, because it works in float32.
# float64 is in the list of types that it accepts (int64 is refused). Expected: two regions for two different numbers.
# Guessed before running: float64 is read as float32. Result: as guessed.
# Seen: labels 16777216.0 and 16777217.0 side by side become one region of 16777216.0; as int32 they stay two.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check rasterio==1.4.4 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import rasterio
from rasterio import features

labels = np.repeat([[16777216, 16777217]], 4, axis=0).repeat(3, axis=1)
values = {}
for kind in ("int32", "float64", "int64"):
    try:
        values[kind] = sorted(value for _, value in features.shapes(labels.astype(kind)))
    except ValueError as error:
        values[kind] = str(error)
    print("rasterio", rasterio.__version__, kind, values[kind])
assert values["int32"] == [16777216.0, 16777217.0] and "float64" in values["int64"], "the types have changed"
assert values["float64"] == [16777216.0], "the behaviour has changed"
PY
