#!/usr/bin/env bash
# trackeval 1.3.0: the J-Decay and F-Decay of videos with more than 255 frames are wrong.
# The video is cut into four quarters, and the frame numbers where they end are kept as uint8, so they wrap around at 256.
# Expected: the mean of the first quarter less that of the last, whatever the length.
# Guessed before running: wrong above 255 frames. Result: as guessed.
# Seen: masks right for three quarters of a video and half right in the last: 0.49 at 200 frames, 0.0 at 400 and 500 (as if
# nothing got worse), NaN at 300. The decay of DAVIS, BURST or one's own long videos is printed beside J and F.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check trackeval==1.3.0 pycocotools==2.0.11 scikit-image==0.26.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import contextlib
import io
import math
import warnings

import numpy as np
from pycocotools import mask as run_lengths
from trackeval.metrics import JAndF

warnings.simplefilter("ignore")
whole, half = np.zeros((20, 20), np.uint8, order="F"), np.zeros((20, 20), np.uint8, order="F")
whole[5:15, 5:15] = half[5:15, 5:10] = 1
whole, half = run_lengths.encode(whole), run_lengths.encode(half)


def decay(frames: int) -> float:
    """J-Decay of one object whose mask is halved in the last quarter of the video."""
    data = {
        "num_timesteps": frames, "num_gt_ids": 1, "num_tracker_ids": 1,
        "gt_ids": [np.array([0])] * frames, "tracker_ids": [np.array([0])] * frames,
        "gt_dets": [[whole] for _ in range(frames)],
        "tracker_dets": [[half if frame >= frames * 3 // 4 else whole] for frame in range(frames)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        return float(JAndF().eval_sequence(data)["J-Decay"])


found = {frames: decay(frames) for frames in (100, 200, 300, 400, 500)}
print("trackeval, decay by number of frames:", found)
assert all(0.45 < found[frames] < 0.55 for frames in (100, 200)), "short videos have changed"
assert math.isnan(found[300]) and found[400] == found[500] == 0, "the behaviour has changed"
PY
