#!/usr/bin/env bash
# Pillow 13.0.0: a 16-bit label map saved as lossless WebP is cut to 8 bits, with no error and no warning.
# save(..., lossless=True) converts the image to RGB first, whatever its mode; JPEG refuses a mode that it cannot write, and
# so does Pillow's JPEG XL plugin. Every label above 255 comes back as 255: objects 300 and 1000 are one object.
# Guessed before running: an error ("cannot write mode I;16 as WEBP"). Result: missed; GIF and AVIF do the same.
# Seen: labels 7, 300, 1000 come back as 7, 255, 255.
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

labels = np.array([[7, 300, 1000]], np.uint16)
file = io.BytesIO()
Image.fromarray(labels).save(file, "WEBP", lossless=True)
read = np.asarray(Image.open(file).convert("RGB"))
try:
    Image.fromarray(labels).save(io.BytesIO(), "JPEG")
    raise SystemExit("JPEG has changed")
except OSError as error:
    print("JPEG:", error)
print("Pillow", PIL.__version__, "WebP:", read[0, :, 0].tolist())
assert read[0, :, 0].tolist() == [7, 255, 255], "the behaviour has changed"
PY
