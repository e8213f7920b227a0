#!/usr/bin/env bash
# seg-metrics 1.2.8: a prediction without a single pixel has a Hausdorff distance of 0, the best value there is.
# The distance map of an empty mask is set to zeros, so all pixels of the reference count as touched. The same for a
# reference that is empty and a prediction that is not. Expected: infinity, NaN or an error; a mean over a test set gets
# better with each case that is missed altogether.
# Guessed before running: zeros for empty masks, from the code. Result: as guessed, for hd, hd95 and msd.
# Seen: reference of 10 x 10 pixels: hd 3.0 for a copy that is moved by three pixels, 0.0 for an empty prediction.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check seg-metrics==1.2.8 SimpleITK==2.5.7 numpy==2.4.6 pandas==3.1.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
from seg_metrics.seg_metrics import write_metrics

reference = np.zeros((20, 30), np.uint8)
reference[5:15, 5:15] = 1
empty, moved = np.zeros_like(reference), np.roll(reference, 3, axis=1)


def distances(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    found = write_metrics(labels=[1], gdth_img=truth, pred_img=prediction, metrics=["dice", "hd", "hd95", "msd"])
    return {name: float(values[0]) for name, values in found[0].items() if name != "label"}


results = {
    "moved by 3": distances(reference, moved),
    "empty prediction": distances(reference, empty),
    "empty reference": distances(empty, reference),
}
for name, values in results.items():
    print("seg-metrics", name, values)
assert results["moved by 3"]["hd"] == 3, "plain masks have changed"
for name in ("empty prediction", "empty reference"):
    assert results[name] == {"dice": 0, "hd": 0, "hd95": 0, "msd": 0}, "the behaviour has changed"
PY
