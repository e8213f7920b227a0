#!/usr/bin/env bash
# SimpleITK 2.5.7 and pydicom 3.0.2: a DICOM segmentation of one bit holds 1 for the one and 255 for the other.
# A binary segmentation stores each pixel as a bit, 0 or 1. Expected: the value that is stored, since SimpleITK gives
# stored numbers for all other depths; code that asks for label 1 finds nothing.
# Guessed before running: SimpleITK gives 0 and 1, or refuses one bit. Result: missed.
# Seen: 12 voxels of 1 by pydicom and highdicom, the same 12 of 255 by SimpleITK.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check highdicom==0.28.2 pydicom==3.0.2 SimpleITK==2.5.7 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY' 2>/dev/null
import highdicom
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

meta = FileMetaDataset()
meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
meta.MediaStorageSOPInstanceUID = generate_uid()
ct = FileDataset("ct.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
ct.SOPClassUID, ct.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID = generate_uid(), generate_uid(), generate_uid()
ct.PatientID = ct.PatientName = "a"
ct.PatientBirthDate = ct.PatientSex = ct.AccessionNumber = ct.StudyID = ct.ReferringPhysicianName = ""
ct.PositionReferenceIndicator = ct.Laterality = ""
ct.StudyDate, ct.StudyTime, ct.Modality, ct.InstanceNumber, ct.SeriesNumber = "20200101", "000000", "CT", 1, 1
ct.ImagePositionPatient, ct.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
ct.PixelSpacing, ct.SliceThickness = [1, 1], 1
ct.Rows, ct.Columns, ct.SamplesPerPixel, ct.PhotometricInterpretation = 8, 16, 1, "MONOCHROME2"
ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.PixelRepresentation = 16, 16, 15, 1
ct.PixelData = np.zeros((8, 16), np.int16).tobytes()

mask = np.zeros((1, 8, 16), np.uint8)
mask[0, 2:5, 3:7] = 1
what = highdicom.seg.SegmentDescription(
    segment_number=1, segment_label="liver", segmented_property_category=codes.SCT.Organ,
    segmented_property_type=codes.SCT.Liver, algorithm_type="MANUAL")
highdicom.seg.Segmentation([ct], mask, "BINARY", [what], generate_uid(), 2, generate_uid(), 1, "m", "n", "v", "1").save_as("seg.dcm")

by_pydicom = pydicom.dcmread("seg.dcm").pixel_array
by_sitk = sitk.GetArrayFromImage(sitk.ReadImage("seg.dcm"))
print("pydicom:", np.unique(by_pydicom, return_counts=True), "SimpleITK:", np.unique(by_sitk, return_counts=True))
assert np.array_equal(by_pydicom.reshape(mask.shape), mask), "pydicom's reading has changed"
assert np.array_equal(by_sitk.reshape(mask.shape), mask * np.uint8(255)), "the behaviour has changed"
PY
