#!/usr/bin/env bash
# jax 0.10.2: jnp.cumsum of a uint8 array stays uint8 and wraps at 256, while jnp.sum of it does not.
# NumPy, which jax.numpy follows, widens small integers in both. Expected: the same here, as jnp.sum and jnp.prod do; the
# last element of a cumulative sum is the sum. Integral images, areas along an axis and positions from run lengths of
# uint8 masks and label maps are wrong from 256 on.
# Guessed before running: both widen or both wrap. Result: missed.
# Seen: 300 ones: sum 300 (uint32), cumsum ends at 44 (uint8); NumPy 300 and 300. Of bool, cumsum is right (int32).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import jax
import jax.numpy as jnp
import numpy as np

found = {}
for kind in (np.uint8, np.int8, np.bool_):
    ones = np.ones(300, kind)
    sums = [np.sum(ones), np.cumsum(ones)[-1], jnp.sum(jnp.asarray(ones)), jnp.cumsum(jnp.asarray(ones))[-1]]
    found[kind.__name__] = [(int(value), value.dtype.name) for value in sums]
    print("jax", jax.__version__, kind.__name__, "NumPy's sum and cumsum, jax's sum and cumsum:", found[kind.__name__])
for name, values in found.items():
    assert [value for value, _ in values[:3]] == [300, 300, 300], "NumPy or jnp.sum has changed"
assert found["uint8"][3] == (44, "uint8") and found["int8"][3] == (44, "int8"), "the behaviour has changed"
assert found["bool"][3][0] == 300, "bool has changed"
PY
