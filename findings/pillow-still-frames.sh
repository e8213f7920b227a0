#!/usr/bin/env bash
# Pillow 12.3.0: of ten masks saved as an animated PNG, GIF or WebP, three are left if the object stands still.
# A frame equal to the one before it is not written; its duration is added. Expected: ten frames, as in TIFF and AVIF, since
# frame numbers tie masks to the frames of a video. imageio's Pillow plugin writes through the same code.
# Guessed before running: equal frames are merged. Result: as guessed, with one more twist: without a duration, PNG keeps
# all ten, and GIF and WebP still merge, so that nothing in the file tells that there were more.
# Seen: masks 0 0 0 1 1 0 0 0 0 0 come back as 0 1 0: the object appears in frame 1 in place of 3.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow==12.3.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import io

import numpy as np
import PIL
from PIL import Image, ImageSequence

shown = [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
frames = [Image.fromarray(np.full((16, 16), 255 * value, np.uint8)) for value in shown]
found = {}
for kind in ("TIFF", "AVIF", "PNG", "GIF", "WEBP"):
    file = io.BytesIO()
    options = {"duration": 100} | ({"lossless": True} if kind == "WEBP" else {})
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], **options)
    with Image.open(file) as film:
        found[kind] = [int(np.asarray(frame.convert("L")).mean() > 127) for frame in ImageSequence.Iterator(film)]
print("Pillow", PIL.__version__, "frames:", found)
assert found["TIFF"] == found["AVIF"] == shown, "the others have changed"
assert found["PNG"] == found["GIF"] == found["WEBP"] == [0, 1, 0], "the behaviour has changed"
PY
