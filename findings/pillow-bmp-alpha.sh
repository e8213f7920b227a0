#!/usr/bin/env bash
# Pillow 13.0.0: a mask in the alpha channel goes into a BMP file and does not come out again.
# save("x.bmp") of an RGBA image writes 32 bits for each pixel, the alpha values among them; open() reads the file as RGB.
# JPEG refuses an RGBA image; here nothing is said on either side.
# Guessed before running: an error, or RGBA. Result: missed.
# Seen: the four bytes of each pixel are in the file, the mode that comes back is RGB.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==13.0.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import io

import numpy as np
import PIL
from PIL import Image

pixels = np.zeros((2, 2, 4), np.uint8)
pixels[..., 0] = 200
pixels[..., 3] = [[11, 22], [33, 44]]
file = io.BytesIO()
Image.fromarray(pixels).save(file, "BMP")
stored = np.frombuffer(file.getvalue()[-16:], np.uint8).reshape(2, 2, 4)[::-1]
mode = Image.open(file).mode
print("Pillow", PIL.__version__, "alpha in the file:", stored[..., 3].tolist(), "mode read:", mode)
assert np.array_equal(stored[..., 3], pixels[..., 3]), "the file has changed"
assert mode == "RGB", "the behaviour has changed"
PY
