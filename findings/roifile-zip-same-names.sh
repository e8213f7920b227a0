#!/usr/bin/env bash
# roifile 2026.2.10 (the latest for Python 3.11): of two ImageJ ROIs with one name in a ZIP file, roiread returns the last one twice.
# roiwrite stores both (Python's zipfile warns of the double name); roiread asks for each by its name, which finds the
# later one each time. Expected: the two regions, as they were written, or an error. Objects that are named by their class
# ("cell") are lost without a word, and the number of objects stays right.
# Guessed before running: names are made unique, or both come back. Result: missed.
# Seen: polygons at (1, 1) and (11, 11), both named "cell", come back as two polygons at (11, 11).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check roifile==2026.2.10 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import warnings
import zipfile

import numpy as np
import roifile

triangle = np.array([[1, 1], [5, 1], [5, 5]])


def back(path: str, names: list[str]) -> list[list[int]]:
    """First corner of each region after writing and reading."""
    regions = [roifile.ImagejRoi.frompoints(triangle + 10 * n, name=name) for n, name in enumerate(names)]
    roifile.roiwrite(path, regions)
    return [region.coordinates()[0].tolist() for region in roifile.roiread(path)]


different = back("different.zip", ["cell 1", "cell 2"])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    same = back("same.zip", ["cell", "cell"])
with zipfile.ZipFile("same.zip") as archive:
    stored = [archive.read(entry) for entry in archive.infolist()]
print("roifile", roifile.__version__, "different names:", different, "same name:", same)
assert different == [[1, 1], [11, 11]], "different names have changed"
assert len(stored) == 2 and stored[0] != stored[1], "writing has changed"
assert same == [[11, 11], [11, 11]], "the behaviour has changed"
PY
