#!/usr/bin/env bash
# nibabel 5.4.2 and SimpleITK 2.5.7: a mask saved as uint8 is 1.00000006 in nibabel and 1.0 in SimpleITK.
# get_fdata gives float64; saved again with the header of the file (uint8), nibabel stretches the values over 0 to 255
# with scl_slope, which is a float32: 1 / 255 times 255 is no longer 1. Expected: uint8 holds 0 and 1, so they are stored
# as they are. Guessed before running: labels 1, 2, 3 come back inexact. Result: as guessed, even for a mask of 0 and 1.
# Seen: (get_fdata() == 1) finds 0 of 100 voxels, in the same file SimpleITK finds 100; 255 is stored, no warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check nibabel==5.4.2 SimpleITK==2.5.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import nibabel as nib
import numpy as np
import SimpleITK as sitk

mask = np.zeros((10, 10, 4), np.uint8)
mask[2:7, 2:7] = 1
nib.save(nib.Nifti1Image(mask, np.eye(4)), "first.nii.gz")
first = nib.load("first.nii.gz")
nib.save(nib.Nifti1Image(first.get_fdata(), first.affine, first.header), "second.nii.gz")  # read, written, nothing changed
second = nib.load("second.nii.gz")
by_nibabel = second.get_fdata()
by_sitk = sitk.GetArrayFromImage(sitk.ReadImage("second.nii.gz"))
stored = np.unique(second.dataobj.get_unscaled()).tolist()
print("type on disk:", second.get_data_dtype(), "numbers on disk:", stored)
print("voxels equal to 1: nibabel", int((by_nibabel == 1).sum()), "SimpleITK", int((by_sitk == 1).sum()), "of", int(mask.sum()))
print("nibabel's value:", repr(float(by_nibabel.max())))
assert (by_sitk == 1).sum() == 100, "SimpleITK's reading has changed"
assert second.get_data_dtype() == np.uint8 and stored == [0, 255], "the behaviour has changed"
assert (by_nibabel == 1).sum() == 0 and abs(by_nibabel.max() - 1) < 1e-6, "the behaviour has changed"
PY
