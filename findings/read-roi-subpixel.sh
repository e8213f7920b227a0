#!/usr/bin/env bash
# read-roi 1.6.0: outlines that ImageJ stores with fractions come back in whole pixels if any other option is set.
# An ImageJ outline with subpixel resolution is stored twice, as integers and as floats, and one bit of its options says
# so. read-roi compares the whole options with that bit, so a second one (as for labels of overlays, which roifile sets by
# default) hides it. Expected: the floats, as roifile and ImageJ read them. Masks drawn from it are up to half a pixel off.
# Guessed before running: floats. Result: missed.
# Seen: (10.5, 5.25), (30.5, 5.25), (30.5, 15.75) come back as (10, 5), (30, 5), (30, 16); as they are with that bit alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check read-roi==1.6.0 roifile==2026.2.10 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import numpy as np
import roifile
from read_roi import read_roi_file

corners = np.array([[10.5, 5.25], [30.5, 5.25], [30.5, 15.75], [10.5, 15.75]])


def back(region: roifile.ImagejRoi) -> list[list[float]]:
    region.tofile("cell.roi")
    assert roifile.roiread("cell.roi").coordinates().tolist() == corners.tolist(), "roifile has changed"
    read = read_roi_file("cell.roi")["cell"]
    return [[float(v) for v in pair] for pair in zip(read["x"], read["y"])]


region = roifile.ImagejRoi.frompoints(corners)
region.roitype = roifile.ROI_TYPE.POLYGON
options = int(region.options)
several = back(region)
region.options = roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
alone = back(region)
print("roifile", roifile.__version__, "options", options, several, "options", int(region.options), alone)
assert options & 128 and options != 128, "roifile's options have changed"
assert alone == corners.tolist(), "the one option alone has changed"
assert several == [[10, 5], [30, 5], [30, 16], [10, 16]], "the behaviour has changed"
PY
