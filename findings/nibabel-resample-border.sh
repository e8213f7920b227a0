#!/usr/bin/env bash
# nibabel 5.4.2: processing.resample_from_to with order=0 (nearest) sets voxels to 0 that lie inside the image.
# A voxel reaches half its size to each side of its centre. Points between the centre of the outermost voxels and their
# edge count as outside, and get cval. Expected: the label of the voxel that holds the point, as in SimpleITK; labels that
# touch the border of a crop or a scan (brain stem, lungs) otherwise lose a layer, and volumes shrink.
# Guessed before running: nearest neighbours keep all of it. Result: missed.
# Seen: a full block of 4 x 4 x 4, on a grid of half the size over the same space: 216 of 512 voxels, 512 in SimpleITK; moved
# by 0.3 voxels: 27 of 64, 64 in SimpleITK.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check nibabel==5.4.2 simpleitk==2.5.7 scipy==1.17.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" -W error - <<'PY'
import nibabel
import numpy as np
import SimpleITK
from nibabel.processing import resample_from_to

block = np.ones((4, 4, 4), np.uint8)


def kept(size: int, start: float, step: float) -> tuple[int, int]:
    grid = np.diag([step, step, step, 1.0])
    grid[:3, 3] = start
    one = resample_from_to(nibabel.Nifti1Image(block, np.eye(4)), ((size,) * 3, grid), order=0)
    other = SimpleITK.Resample(
        SimpleITK.GetImageFromArray(block),
        [size] * 3,
        SimpleITK.Transform(),
        SimpleITK.sitkNearestNeighbor,
        [start] * 3,
        [step] * 3,
    )
    return int(np.count_nonzero(np.asarray(one.dataobj))), int(np.count_nonzero(SimpleITK.GetArrayFromImage(other)))


found = {"same grid": kept(4, 0, 1), "half the size": kept(8, -0.25, 0.5), "moved": kept(4, 0.3, 1)}
print("nibabel", nibabel.__version__, "voxels kept by nibabel, SimpleITK:", found)
assert found["same grid"] == (64, 64), "the identity has changed"
assert found["half the size"] == (216, 512) and found["moved"] == (27, 64), "the behaviour has changed"
PY
