#!/usr/bin/env bash
# torch 2.13.0 (CPU): torch.histc of float32 stops counting at 16,777,216 per thread, without a warning.
# The counts are kept in the type of the input, and 2**24 + 1 is 2**24 in float32. The usual confusion matrix of semantic
# segmentation is built with histc over class numbers, converted to float as integers are not taken; one image of more
# than 4096 x 4096 pixels, counted in a data loader's worker (one thread), reaches the limit. Expected: the number of pixels.
# Guessed before running: counts saturate at 2**24. Result: as guessed with one thread; two threads reach twice as far, so
# the same data give different counts on different machines.
# Seen: 20,000,000 pixels of one class give 16777216; torch.bincount and numpy.histogram give 20000000.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import torch

torch.set_num_threads(1)
classes = torch.zeros(20_000_000)
counted = {
    "histc": int(torch.histc(classes, bins=2, min=0, max=1)[0]),
    "histc of float64": int(torch.histc(classes.double(), bins=2, min=0, max=1)[0]),
    "bincount": int(torch.bincount(classes.long())[0]),
    "numpy": int(np.histogram(classes.numpy(), bins=2, range=(0, 1))[0][0]),
}
print("torch", torch.__version__, counted)
assert counted.pop("histc") == 16_777_216, "the behaviour has changed"
assert set(counted.values()) == {20_000_000}, "the others have changed"
PY
