#!/usr/bin/env bash
# SciPy 1.17.1: ndimage.distance_transform_edt of a mask that fills the array measures to a point outside of it, (-1, 0).
# There is no background, so expected: infinity (as "edt" gives) or an error. The numbers look like those of any other
# mask: a crop filled by its object, or an empty target inverted for a surface distance, gets a slope from one corner.
# Guessed before running: infinity. Result: missed.
# Seen: a full 4 x 5 mask has 1.0 at its first and 5.66 at its last pixel; mirroring the mask mirrors nothing.
# (Reported for years; neither the documentation nor a warning says so.)
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check scipy==1.17.1 edt==3.1.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W error - <<'PY'
import edt
import numpy as np
import scipy
from scipy.ndimage import distance_transform_edt

full = np.ones((4, 5), bool)
distances, nearest = distance_transform_edt(full, return_indices=True)
others = edt.edt(full)
print("SciPy", scipy.__version__, distances.round(2).tolist(), "edt:", others[0, 0], others[-1, -1])
assert np.isinf(others).all(), "edt has changed"
assert distances[0, 0] == 1 and round(float(distances[-1, -1]), 2) == 5.66, "the behaviour has changed"
assert (nearest[0] == -1).all() and (nearest[1] == 0).all(), "the behaviour has changed"
PY
