#!/usr/bin/env bash
# safetensors 0.8.0: safetensors.numpy.save_file stores a transposed array with the right shape and the wrong numbers.
# It writes the memory of the array in its order there, not the array in C order, without an error or a warning.
# safetensors.torch refuses tensors that are not contiguous. Expected: the array, or that refusal. A transposed weight
# is what every conversion between linear layers and convolutions, or from other frameworks, makes.
# Guessed before running: arrays that are not contiguous are copied first. Result: missed.
# Seen: [[0, 4, 8], [1, 5, 9], ...] is read back as [[0, 1, 2], [3, 4, 5], ...]; np.ascontiguousarray mends it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import warnings

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

warnings.simplefilter("error")
weight = np.arange(12, dtype=np.float32).reshape(3, 4).T
read = {}
for name, array in {"transposed": weight, "copied": np.ascontiguousarray(weight)}.items():
    save_file({"weight": array}, "w.safetensors")
    read[name] = load_file("w.safetensors")["weight"]
print("safetensors", safetensors.__version__, "saved:", weight.tolist(), "read:", read["transposed"].tolist())
assert np.array_equal(read["copied"], weight), "saving of contiguous arrays has changed"
assert read["transposed"].shape == (4, 3) and not np.array_equal(read["transposed"], weight), "the behaviour has changed"
assert np.array_equal(read["transposed"].ravel(), np.arange(12)), "the behaviour has changed"
PY
