#!/usr/bin/env bash
# imagecodecs 2026.3.6: the lossless codec JPEG-LS refuses images that do not compress.
# jpegls_encode gives the encoder a buffer of about the size of the image. Noise needs a little more, and the call fails:
# "The destination buffer is too small". Expected: any array that it takes is encoded; the other lossless codecs (JPEG XL,
# JPEG 2000, PNG, LERC) store the same noise. Noise is what deep 16-bit micrographs end with.
# Guessed before running: all lossless codecs give back what they got, or refuse a type. Result: missed.
# Seen: 64 x 64 grey noise works, 512 x 512 grey noise and 64 x 64 RGB noise fail; a flat image of the same size works.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import imagecodecs
import numpy as np

rng = np.random.default_rng(0)
seen = {}
for name, shape, high in (
    ("flat", (512, 512), 1), ("small noise", (64, 64), 256), ("noise", (512, 512), 256), ("RGB noise", (64, 64, 3), 256)
):
    image = rng.integers(0, high, shape).astype(np.uint8)
    assert np.array_equal(imagecodecs.jpegxl_decode(imagecodecs.jpegxl_encode(image, lossless=True)), image)
    try:
        seen[name] = "same" if np.array_equal(imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(image)), image) else "changed"
    except imagecodecs.JpeglsError as error:
        seen[name] = "too small" if "too small" in str(error) else str(error)
print("imagecodecs", imagecodecs.__version__, "JPEG-LS:", seen)
assert seen["flat"] == seen["small noise"] == "same", "the codec has changed"
assert seen["noise"] == seen["RGB noise"] == "too small", "the behaviour has changed"
PY
