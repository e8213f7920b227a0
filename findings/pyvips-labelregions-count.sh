#!/usr/bin/env bash
# pyvips 3.2.0 (libvips 8.18.7): labelregions reports one segment more than it labels.
# "segments" is documented as the number of discrete contiguous areas. Labels start from 1, and what is reported is
# the highest label plus one. Expected: the number of labels in the map it returns. Counts of cells taken from it are one too high.
# Guessed before running: as many as there are labels, the background included. Result: missed.
# Seen: an image of one value has label 1 only and "segments" is 2; with two single pixels set there are three labels and
# "segments" is 4.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pyvips==3.2.0 pyvips-binary==8.18.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import pyvips

found = {}
for objects in range(4):
    pixels = np.zeros((4, 12), np.uint8)
    pixels[1, [1, 4, 7][:objects]] = 255
    labels, values = pyvips.Image.new_from_array(pixels).labelregions(segments=True)
    found[objects] = (np.unique(labels.numpy()).tolist(), values["segments"])
print("libvips", [pyvips.version(part) for part in range(3)], "labels and segments by number of objects:", found)
for objects, (labels, segments) in found.items():
    assert labels == list(range(1, objects + 2)), "the labels have changed"
    assert segments == len(labels) + 1, "the behaviour has changed"
PY
