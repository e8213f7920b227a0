"""Planes of DICOM, NIfTI and Zarr images, HEIC photos, and what is said where their packages are missing."""

from __future__ import annotations

import base64
import io
import sys

import numpy as np
import pytest

from anymask.errors import ImageError, ImageWarning, InputError, MissingExtraError
from anymask.images import read as images
from anymask.images.bands import Bands
from anymask.images.display import read_display
from anymask.images.planes import read_samples, split_plane
from anymask.images.write import encode_png

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAVZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABegABAAAAAAAAAIQAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA1mlwcnAAAAC3aXBjbwAAAHhodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQArQgEBA3AAAAMAkAAAAwAAAwAeoDCBBZbqSSmubgIaDAgAAAMAyAAAAwAIQGIAAQAHRAHBcrAiQAAAABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABgAAAAQAAAABBwaXhpAAAAAAMICAgAAAAXaXBtYQAAAAAAAAABAAEEgQIDBAAAAIxtZGF0AAAAgCgBrwng4wucuq///fXP//5QC5D94jakglP/57/p38Fjf/96TBrFlbGjvL7/A+znFSBDUIZcuyYrsq5V6I0Z+6MB463RD41b3yJcn//4D0QH8qeXf/KMTRahgcnoe+jHFacGsfkF7gAJglz3fJXkuTG/SmZihk4G1+rHa8hOCf8s"
)
"""96 x 64 pixels, blue with the upper left quarter red; written by pillow-heif 1.8.1."""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.tif", ("a.tif", {})),
        ("a.tif[c=1,z=3]", ("a.tif", {"c": 1, "z": 3})),
        ("b/a[1].zarr[ t = 2 ]", ("b/a[1].zarr", {"t": 2})),
        ("a.jpg[1]", ("a.jpg[1]", {})),
    ],
)
def test_names_with_planes(name, found):
    assert split_plane(name) == found


def test_a_file_of_the_whole_name_goes_first(tmp_path):
    (tmp_path / "a.png[c=1]").write_bytes(encode_png(np.zeros((3, 4), np.uint8)))
    assert images.image_size(tmp_path / "a.png[c=1]") == (3, 4)


def test_planes_of_other_files_are_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(encode_png(np.zeros((3, 4), np.uint8)))
    with pytest.raises(
        InputError, match=r"plane must be of a TIFF, Zarr, DICOM or NIfTI image, got .*a\.png\[c=1\]"
    ):
        images.read_image(f"{tmp_path}/a.png[c=1]")
    with pytest.raises(ImageError, match=r"image must be a file that exists, got .*no\.tif"):
        images.read_image(f"{tmp_path}/no.tif[c=1]")


def dicom(array: np.ndarray, **tags) -> bytes:
    """A DICOM file of (H, W), or (frames, H, W), int16 or uint8."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = pydicom.Dataset()
    data.file_meta = meta
    data.Rows, data.Columns = array.shape[-2:]
    data.BitsAllocated = data.BitsStored = 8 * array.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(array.dtype.kind == "i")
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    if array.ndim == 3:
        data.NumberOfFrames = len(array)
    data.PixelData = array.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    file = io.BytesIO()
    pydicom.dcmwrite(file, data, enforce_file_format=True)
    return file.getvalue()


HOUNSFIELD = np.linspace(0, 2000, 48).reshape(6, 8).astype(np.int16)
WINDOW = {"WindowCenter": 40, "WindowWidth": 400, "RescaleSlope": 1, "RescaleIntercept": -1000}


def test_dicom_in_its_window(tmp_path):
    data = dicom(HOUNSFIELD, **WINDOW)
    (tmp_path / "a.dcm").write_bytes(data)
    units = HOUNSFIELD - 1000.0
    # PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5) * 255
    expected = np.clip(((units - 39.5) / 399 + 0.5) * 255, 0, 255)
    for source in (data, tmp_path / "a.dcm", io.BytesIO(data)):
        for read in (images.read_image, read_display):
            assert np.abs(read(source)[..., 0] - expected).max() <= 0.51
    assert images.image_size(tmp_path / "a.dcm") == (6, 8)
    assert np.array_equal(read_samples(data, "a", 1 << 20).array[..., 0], units), "in Hounsfield units"
    wide = read_display(data, Bands(limits=(-1000, 1000)))
    assert np.abs(wide[..., 0] - (units + 1000) * (255 / 2000)).max() <= 0.51


@pytest.mark.parametrize("curve", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_dicom_in_the_curve_of_its_window(curve):
    data = dicom(HOUNSFIELD, **WINDOW, VOILUTFunction=curve)
    pixels = pytest.importorskip("pydicom.pixels")
    header = pytest.importorskip("pydicom").dcmread(io.BytesIO(data))
    units = pixels.apply_modality_lut(header.pixel_array, header)
    shown = pixels.apply_voi_lut(units, header)
    low, high = pixels.apply_voi_lut(np.array([-(1 << 15), (1 << 15) - 1]), header)
    wanted = (shown - low) / (high - low) * 255
    assert np.abs(read_display(data)[..., 0] - wanted).max() <= 1


def test_dicom_of_8_bits_without_a_window_is_unchanged():
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert np.array_equal(read_display(dicom(grey))[..., 0], grey)


def test_dicom_without_a_window_is_stretched_and_monochrome_1_turned_over():
    with pytest.warns(ImageWarning, match="without a declared white"):
        up = read_display(dicom(HOUNSFIELD))
    with pytest.warns(ImageWarning, match="without a declared white"):
        down = read_display(dicom(HOUNSFIELD, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(up, 255 - down)


def test_frames_of_dicom(tmp_path):
    frames = np.stack([np.full((6, 8), value, np.uint8) for value in (10, 20, 30)])
    (tmp_path / "a.dcm").write_bytes(dicom(frames, WindowCenter=128, WindowWidth=256))
    with pytest.warns(ImageWarning, match=r"has 3 frames; the first is used, choose by \[p=N\]"):
        assert (read_display(tmp_path / "a.dcm") == 10).all()
    assert (read_display(f"{tmp_path}/a.dcm[p=2]") == 30).all()
    with pytest.raises(InputError, match="plane must have p from 0 to 2, got 3"):
        images.read_image(f"{tmp_path}/a.dcm[p=3]")


def test_damaged_dicom():
    data = dicom(HOUNSFIELD, **WINDOW)
    with pytest.raises(ImageError, match="image must be a complete DICOM file"):
        images.read_image(data[:-40])
    with pytest.raises(ImageError, match="image must hold pixels"):
        images.image_size(dicom(HOUNSFIELD, Rows=0))
    with pytest.raises(ImageError, match="at most 268435456 pixels, got 60000 x 60000"):
        images.read_image(dicom(HOUNSFIELD, Rows=60000, Columns=60000))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_slices_of_nifti(tmp_path, rng, suffix):
    nibabel = pytest.importorskip("nibabel")
    voxels = rng.integers(-500, 1500, (7, 9, 5)).astype(np.int16)
    path = tmp_path / f"a{suffix}"
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    assert np.array_equal(read_samples(f"{path}[z=3]", "a", 999).array[..., 0], voxels[:, :, 3].T)
    assert np.array_equal(read_samples(f"{path}[y=8]", "a", 999).array[..., 0], voxels[:, 8].T)
    assert np.array_equal(read_samples(f"{path}[x=0]", "a", 999).array[..., 0], voxels[0].T)
    assert images.image_size(f"{path}[x=0]") == (5, 9)
    assert images.image_size(path) == (9, 7)
    for source in (path.read_bytes(), io.BytesIO(path.read_bytes())):  # as uploads are
        assert images.image_size(source) == (9, 7)
        assert np.array_equal(read_samples(source, "a", 999).array[..., 0], voxels[:, :, 2].T)
    with pytest.warns(ImageWarning, match=r"has 5 slices; z=2 is used"):
        middle = read_display(path, Bands(limits=(-500, 1500)))
    assert np.abs(middle[..., 0] - (voxels[:, :, 2].T + 500) * (255 / 2000)).max() <= 0.51
    with pytest.raises(InputError, match=r"across one of x, y and z, got x and y"):
        images.read_image(f"{path}[x=1,y=1]")
    with pytest.raises(InputError, match=r"z from 0 to 4, got 5"):
        images.read_image(f"{path}[z=5]")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ImageError, match="image must be a complete NIfTI file"):
        images.read_image(path)


def ome_zarr(folder, stack: np.ndarray, axes: str):
    """An OME-Zarr image of version 0.4 with one level."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(folder), mode="w", zarr_format=2)
    group.create_array("0", data=stack, chunks=(1,) * (stack.ndim - 2) + stack.shape[-2:])
    group.attrs["multiscales"] = [
        {"version": "0.4", "axes": [{"name": axis} for axis in axes], "datasets": [{"path": "0"}]}
    ]
    return folder


def test_planes_of_zarr(tmp_path, rng):
    stack = rng.integers(0, 65536, (2, 3, 4, 10, 12)).astype(np.uint16)
    path = ome_zarr(tmp_path / "a.zarr", stack, "tczyx")
    assert images.image_size(path) == (10, 12)
    found = read_samples(f"{path}[t=1,z=2]", "a", 999)
    assert np.array_equal(np.moveaxis(found.array, -1, 0), stack[1, :, 2])
    shown = images.read_image(f"{path}[c=2,z=3]")
    assert np.array_equal(shown[..., 0], np.rint(stack[0, 2, 3] / 257).astype(np.uint8))
    with pytest.warns(ImageWarning, match=r"has 4 planes along z; the first is used"):
        read_display(f"{path}[t=0]")
    with pytest.raises(InputError, match=r"plane must have c from 0 to 2, got 3"):
        images.read_image(f"{path}[c=3]")
    (path / "0" / ".zarray").write_text("{}")
    with pytest.raises(ImageError, match="image must be a complete Zarr image"):
        images.read_image(path)


def test_heic():
    pytest.importorskip("pi_heif")
    found = images.read_image(HEIC)
    assert images.image_size(HEIC) == found.shape[:2] == (64, 96)
    assert np.abs(found[8, 8].astype(int) - (220, 40, 30)).max() < 9
    assert np.abs(found[50, 80].astype(int) - (30, 60, 200)).max() < 9


@pytest.mark.parametrize(
    ("package", "make", "message"),
    [
        ("pi_heif", lambda folder: HEIC, r"reading HEIC photos .* pip install .*\[heic\]'"),
        ("pydicom", lambda folder: bytes(128) + b"DICM", r"reading DICOM files .*\[medical\]'"),
        ("nibabel", lambda folder: touched(folder / "a.nii"), r"reading NIfTI files .*\[medical\]'"),
        (
            "zarr",
            lambda folder: touched(folder / "a.zarr" / ".zgroup").parent,
            r"Zarr images .*\[zarr\]'",
        ),
    ],
)
def test_missing_packages_are_named(tmp_path, monkeypatch, package, make, message):
    source = make(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    for read in (images.read_image, images.image_size, read_display):
        with pytest.raises(MissingExtraError, match=message):
            read(source)


def touched(path):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"{}")
    return path
