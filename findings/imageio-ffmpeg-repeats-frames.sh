#!/usr/bin/env bash
# imageio 2.38.1: its FFMPEG and pyav plugins disagree on the number of frames of the same video.
# A video of 10 frames at uneven times (a phone, a screen recording) gives 10 frames with pyav, in order; the FFMPEG
# plugin fills the gaps with copies up to a constant rate, so frame numbers of the two are different images.
# Expected: the frames that are in the file, so that frame numbers of masks mean the same in both.
# Guessed before running: the FFMPEG plugin repeats frames. Result: as guessed.
# Seen: 10 frames of brightness 10, 20, 30, 40, 50 ... by pyav; 48 of 10, 20, 30, 30, 30, 30, 30, 30, 30, 40 ... by FFMPEG.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check imageio==2.38.1 imageio-ffmpeg==0.8.1 av==18.1.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
from fractions import Fraction

import av
import imageio.v3 as iio
import numpy as np

times = [0, 1, 2, 10, 11, 12, 30, 31, 32, 33]  # in tenths of a second
with av.open("uneven.mp4", "w") as file:
    stream = file.add_stream("libx264", rate=10)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 10)
    for number, time in enumerate(times):
        frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 + 10 * number, np.uint8), format="rgb24")
        frame.pts, frame.time_base = time, Fraction(1, 10)
        file.mux(stream.encode(frame))
    file.mux(stream.encode())
frames = {plugin: iio.imread("uneven.mp4", plugin=plugin) for plugin in ("pyav", "FFMPEG")}
for plugin, images in frames.items():
    print(plugin, len(images), "frames, brightness", [int(round(image.mean(), -1)) for image in images[:12]])
assert len(frames["pyav"]) == 10, "pyav's reading has changed"
assert len(frames["FFMPEG"]) > 30 and not np.array_equal(frames["pyav"][5], frames["FFMPEG"][5]), "the behaviour has changed"
PY
