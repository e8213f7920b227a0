#!/usr/bin/env bash
# transformers 5.24.0: SamProcessor pads points of different number, but labels by a single value only.
# Documented: point_pad_value is "used for padding input points when batching sequences of different lengths".
# One point less in one image works; two points less raise ValueError, because one label is added, not two.
# Guessed before running: the labels get one value whatever is missing. Result: as guessed.
# Seen: 1 and 2 points: shape (2, 1, 2, 2). 1 and 3 points: "inhomogeneous shape"..
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.24.0 torch==2.13.0 numpy==2.4.6 pillow==12.3.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import transformers
from transformers import SamImageProcessorPil, SamProcessor

processor = SamProcessor(SamImageProcessorPil())
images = [np.zeros((60, 80, 3), np.uint8)] * 2


def shape(second: int) -> str:
    points = [[[10, 10]], [[10, 10 + step] for step in range(second)]]
    labels = [[1], [1] * second]
    try:
        return str(tuple(processor(images, input_points=points, input_labels=labels, return_tensors="pt")["input_labels"].shape))
    except ValueError as error:
        return f"ValueError: {error}"


two, three = shape(2), shape(3)
print("transformers", transformers.__version__, "| 1 and 2 points:", two, "| 1 and 3 points:", three)
assert two == "(2, 1, 2)", "padding by one has changed"
assert three.startswith("ValueError") and "inhomogeneous" in three, "the behaviour has changed"
PY
