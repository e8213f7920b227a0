#!/usr/bin/env bash
# rasterstats 0.21.0: zonal_stats fails on every uint8 raster (a mask, a land cover map) under NumPy 2.
# Without a nodata value it fills with -999, which NumPy 2 no longer wraps into uint8. NumPy 2 satisfies the package's own
# requirements. Expected: the statistics, as for int16 and float64.
# Guessed before running: counts of classes inside a polygon. Result: missed.
# Seen: OverflowError: Python integer -999 out of bounds for uint8; with nodata=255, 9 pixels are counted.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check rasterstats==0.21.0 rasterio==1.4.4 shapely==2.2.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import numpy as np
import rasterstats
from rasterio.transform import from_origin

classes = (np.arange(100).reshape(10, 10) > 22).astype(np.uint8)
zone = {"type": "Polygon", "coordinates": [[[2, 5], [5, 5], [5, 8], [2, 8], [2, 5]]]}


def count(kind: type, **options: int) -> str:
    try:
        return str(rasterstats.zonal_stats(zone, classes.astype(kind), affine=from_origin(0, 10, 1, 1), stats="count", **options)[0]["count"])
    except OverflowError as error:
        return str(error)


seen = {"int16": count(np.int16), "uint8": count(np.uint8), "uint8, nodata 255": count(np.uint8, nodata=255)}
print("rasterstats", rasterstats.__version__, seen)
assert seen["int16"] == seen["uint8, nodata 255"] == "9", "the statistics have changed"
assert "out of bounds for uint8" in seen["uint8"], "the behaviour has changed"
PY
