#!/usr/bin/env bash
# Pillow 12.3.0: a grey TIFF with WhiteIsZero is inverted when it has 1 or 8 bits, and not when it has 16.
# Expected: one rule for all depths. The file says that 0 is white, whatever the number of bits.
# Guessed before running: 16 bits are treated like 8. Result: missed.
# Seen: the smallest stored number is the brightest of 8 bits, but the darkest of 16: a film (X-ray) of 16 bits appears
# as its negative, and nothing in mode or info tells.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check tifffile==2026.3.3 pillow==12.3.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import PIL
import tifffile
from PIL import Image

inverted = {}
for kind in (np.uint8, np.uint16):
    stored = (np.arange(64).reshape(8, 8) * (np.iinfo(kind).max // 64)).astype(kind)
    tifffile.imwrite("film.tif", stored, photometric="miniswhite")
    with Image.open("film.tif") as image:
        tag, read = image.tag_v2[262], np.asarray(image)
    inverted[kind.__name__] = bool(np.array_equal(read, np.iinfo(kind).max - stored))
    print("Pillow", PIL.__version__, kind.__name__, "tag 262:", tag, "first and last:", read[0, 0], read[-1, -1])
    assert tag == 0 and (inverted[kind.__name__] or np.array_equal(read, stored)), "the file has changed"
assert inverted == {"uint8": True, "uint16": False}, "the behaviour has changed"
PY
