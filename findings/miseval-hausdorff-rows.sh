#!/usr/bin/env bash
# miseval 1.3.0: the metric "HD" (Hausdorff distance) is no distance between the two segments.
# The masks are handed to a library for point sets, which takes each row of pixels as one point. Which row it is does not
# matter then: an object that is moved down has distance 0. Expected: the largest distance from a pixel of the one to the
# nearest of the other; that is what "AHD" gives, which is documented as the average Hausdorff distance.
# Guessed before running: "HD" agrees with SciPy. Result: missed; found by comparing all metrics of the package for two squares.
# Seen: moved by 10, 20 and 40 pixels to the right 2.236 each time, moved down 0.0 each time, the best value there is.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check miseval==1.3.0 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version

import numpy as np
from miseval import evaluate
from scipy.spatial.distance import directed_hausdorff


def square(row: int, column: int) -> np.ndarray:
    mask = np.zeros((60, 60), int)
    mask[row : row + 5, column : column + 5] = 1
    return mask


truth = square(5, 5)
found = {}
for step in (10, 20, 40):
    for way, mask in (("right", square(5, 5 + step)), ("down", square(5 + step, 5))):
        right = directed_hausdorff(np.argwhere(truth), np.argwhere(mask))[0]
        values = (float(evaluate(truth, mask, metric=name)) for name in ("HD", "AHD"))
        found[way, step] = [round(value, 3) for value in (*values, right)]
print("miseval", version("miseval"), "HD, AHD, SciPy's Hausdorff distance:", found)
for (way, step), (simple, average, right) in found.items():
    assert average == right == step, "AHD has changed"
    assert simple == (2.236 if way == "right" else 0.0), "the behaviour has changed"
PY
