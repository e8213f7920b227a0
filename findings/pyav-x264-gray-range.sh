#!/usr/bin/env bash
# PyAV 18.1.0: labels 1 to 16 of a video written without loss by libx264 in "gray" are 0 when it is read as gray.
# The stream holds the bytes that went in, without a mark for their range; the decoder calls the frames yuv420p, and
# to_ndarray(format="gray") (and "rgb24") stretches 16 to 235 over 0 to 255. Expected: the bytes, as from FFV1 in "gray" or
# libx264 in "yuvj420p", or the range marked by whoever writes full-range gray.
# Guessed before running: lossless is lossless. Result: missed; to_ndarray() without a format gives the bytes.
# Seen at qp=0: 1, 5, 16, 17, 40, 128, 235 come back as 0, 0, 0, 1, 28, 130, 255.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
from fractions import Fraction

import av
import numpy as np

values = [0, 1, 5, 16, 17, 40, 128, 235]
labels = np.array(values, np.uint8).repeat(8)[None].repeat(64, axis=0)


def back(codec: str, pixels: str) -> list[int]:
    path = f"{codec}-{pixels}.mkv"
    with av.open(path, "w") as file:
        stream = file.add_stream(codec, rate=Fraction(10), options={"qp": "0"} if codec == "libx264" else {})
        stream.height, stream.width = labels.shape
        stream.pix_fmt = pixels
        file.mux(stream.encode(av.VideoFrame.from_ndarray(labels, format="gray")))
        file.mux(stream.encode())
    with av.open(path) as file:
        frame = next(file.decode(video=0))
        stored = frame.to_ndarray()[:64]
        assert np.array_equal(stored, labels), "the stored bytes have changed"
        return frame.to_ndarray(format="gray")[30, ::8].tolist()


found = {name: back(*name.split()) for name in ("ffv1 gray", "libx264 yuvj420p", "libx264 gray")}
print("PyAV", av.__version__, "written:", values, "read as gray:", found)
assert found["ffv1 gray"] == found["libx264 yuvj420p"] == values, "the other ways have changed"
assert found["libx264 gray"][:4] == [0, 0, 0, 0] and found["libx264 gray"][-1] == 255, "the behaviour has changed"
PY
