#!/usr/bin/env bash
# scikit-image 0.26.0: segmentation.join_segmentations merges regions when its label maps are uint8 or uint16.
# Documented: "a pixel's label in the joined segmentation is unique to the combination of both". The labels of the
# combination are computed in the type of the input, so they wrap around at 256 (or 65536) and different combinations
# share a label. Expected: as many labels as combinations, in whatever type holds them, or an error.
# Guessed before running: small integer types overflow. Result: as guessed, and without a warning.
# Seen: 40 stripes across 40 stripes make 1600 combinations: 1600 labels for int64, 256 for uint8.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check scikit-image==0.26.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W error::RuntimeWarning - <<'PY'
import numpy as np
import skimage
from skimage.segmentation import join_segmentations

rows = np.repeat(np.arange(1, 41)[:, None], 40, axis=1)
found = {}
for kind in (np.int64, np.uint16, np.uint8):
    joined = join_segmentations(rows.astype(kind), rows.T.astype(kind))
    found[kind.__name__] = len(np.unique(joined))
pairs = len({(int(a), int(b)) for a, b in zip(rows.ravel(), rows.T.ravel())})
print("scikit-image", skimage.__version__, "combinations:", pairs, "labels:", found)
assert pairs == found["int64"] == found["uint16"] == 1600, "the other types have changed"
assert found["uint8"] == 256, "the behaviour has changed"
PY
