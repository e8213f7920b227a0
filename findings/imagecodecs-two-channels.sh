#!/usr/bin/env bash
# imagecodecs 2026.3.6: an image of two channels changes its shape in tiff_encode and htj2k_encode.
# Two channels (a mask with its confidence, or gray with alpha) go through png, webp, jpegxl, jpegls and jpeg2k unchanged. As
# TIFF each row becomes a page, and tiff_decode reads the first: one row is left. HTJ2K puts the channels first.
# Guessed before running: unchanged or refused. Result: missed for these two.
# Seen: (24, 32, 2) comes back as (32, 2) from TIFF and as (2, 24, 32) from HTJ2K; three channels keep their shape.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import imagecodecs
import numpy as np

generator = np.random.default_rng(0)
found = {}
for name in ("png", "jpegxl", "jpeg2k", "tiff", "htj2k"):
    encode, decode = getattr(imagecodecs, f"{name}_encode"), getattr(imagecodecs, f"{name}_decode")
    for channels in (2, 3):
        image = generator.integers(0, 256, (24, 32, channels), dtype=np.uint8)
        found[name, channels] = decode(encode(image)).shape
print("imagecodecs", imagecodecs.__version__, found)
assert found.pop(("tiff", 2)) == (32, 2), "TIFF has changed"
assert found.pop(("htj2k", 2)) == (2, 24, 32), "HTJ2K has changed"
assert all(shape == (24, 32, channels) for (_, channels), shape in found.items()), "the others have changed"
PY
