"""TIFF of every kind equals tifffile plus the orientation tag, by path and from memory."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from anymask.errors import ImageError, InputError
from anymask.images import read as images
from anymask.images.tiff import open_tiff
from anymask.images.tiff_codecs import Layout, decode

TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
LAYOUTS = {"one strip": {}, "strips": {"rowsperstrip": 7}, "tiles": {"tile": (16, 16)}}


def stored(rng: np.random.Generator, bits: int, bands: int) -> np.ndarray:
    """Samples (21, 37) or (21, 37, bands) over the whole range."""
    kind = np.uint8 if bits == 8 else np.uint16
    shape = (21, 37) if bands == 1 else (21, 37, bands)
    return rng.integers(0, 1 << bits, shape).astype(kind)


def read(path: Path | bytes) -> np.ndarray:
    """The samples (H, W, B)."""
    with open_tiff(path) as file:
        found = file.samples().array
        assert found.shape[:2] == file.size_hw
        return found


def save(path: Path, array: np.ndarray, orientation: int = 1, **options) -> Path:
    """Write by tifffile with the tag."""
    tifffile.imwrite(path, array, extratags=[(274, 3, 1, orientation, True)], metadata=None, **options)
    return path


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(("bits", "bands"), [(8, 1), (8, 3), (16, 1), (16, 3)])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_orientation(tmp_path, rng, orientation, bits, bands, compression, layout):
    array = stored(rng, bits, bands)
    path = save(tmp_path / "a.tif", array, orientation, compression=compression, **LAYOUTS[layout])
    expected = TURNS[orientation](tifffile.imread(path))
    rgb = expected if bits == 8 else np.rint(expected / 257).astype(np.uint8)
    rgb = np.stack([rgb] * 3, axis=-1) if bands == 1 else rgb
    for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
        assert np.array_equal(images.read_image(source), rgb)
    with path.open("rb") as file, Image.open(path) as opened:
        assert np.array_equal(images.read_image(file), rgb)
        assert np.array_equal(images.read_image(opened), rgb)
    assert images.image_size(path) == expected.shape[:2]
    assert images.image_size(path.read_bytes()) == expected.shape[:2]
    if bands == 1:
        assert np.array_equal(images.read_map(path), expected)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "zstd", "lzma", "tiff_deflate"])
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "F"])
def test_compressions_that_libtiff_writes(tmp_path, rng, compression, mode):
    kinds = {"L": np.uint8, "RGB": np.uint8, "I;16": np.uint16, "F": np.float32}
    array = (rng.random((40, 30, 3) if mode == "RGB" else (40, 30)) * 200).astype(kinds[mode])
    try:
        Image.fromarray(array).save(tmp_path / "a.tif", compression=compression)
    except OSError:
        pytest.skip("Pillow's libtiff has no such encoder here")
    assert np.array_equal(read(tmp_path / "a.tif").squeeze(), array)
    if compression in ("tiff_lzw", "zstd") and mode != "F":  # with the predictor of whole numbers
        Image.fromarray(array).save(tmp_path / "p.tif", compression=compression, tiffinfo={317: 2})
        assert np.array_equal(read(tmp_path / "p.tif").squeeze(), array)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"compression": "zlib", "predictor": 2}])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2", "i2", "u4", "f2", "f4", "f8"])
def test_types_and_byte_orders(tmp_path, rng, options, byteorder, bigtiff, kind):
    if kind[0] == "f" and "predictor" in options:
        pytest.skip("differences of floats are predictor 3")
    array = (rng.random((21, 37)) * 200 - (100 if kind[0] in "if" else 0)).astype(kind)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, byteorder=byteorder, bigtiff=bigtiff, rowsperstrip=5, **options)
    found = read(path)
    assert found.dtype == array.dtype
    assert np.array_equal(found[..., 0], array)
    assert np.array_equal(read(path.read_bytes())[..., 0], array)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("bits", "bands"), [(8, 2), (8, 3), (8, 4), (16, 2), (16, 3), (16, 7)])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planar_configuration(tmp_path, rng, layout, bits, bands, compression):
    array = np.moveaxis(stored(rng, bits, bands), -1, 0)
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        array,
        planarconfig="separate",
        photometric="rgb" if bands == 3 else "minisblack",
        compression=compression,
        metadata=None,
        **LAYOUTS[layout],
    )
    assert np.array_equal(read(path), np.moveaxis(tifffile.imread(path), 0, -1))
    if bands == 3:
        expected = np.moveaxis(array, 0, -1)
        rgb = expected if bits == 8 else np.rint(expected / 257).astype(np.uint8)
        assert np.array_equal(images.read_image(path), rgb)


@pytest.mark.parametrize("bits", [8, 16])
def test_white_is_zero(tmp_path, rng, bits):
    array = stored(rng, bits, 1)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="miniswhite")
    white = (1 << bits) - 1
    assert np.array_equal(read(tmp_path / "a.tif")[..., 0], array), "samples are the file's"
    expected = 255 - np.rint(array * (255 / white)).astype(int)
    assert np.abs(images.read_image(tmp_path / "a.tif")[..., 1] - expected).max() <= 1
    assert np.array_equal(images.read_map(tmp_path / "a.tif"), array), "tifffile stores numbers"
    tifffile.imwrite(tmp_path / "b.tif", array, photometric="miniswhite", software=False)
    assert np.array_equal(images.read_map(tmp_path / "b.tif"), white - array)


def test_boolean_masks_of_tifffile_are_as_they_were_written(tmp_path):
    mask = np.zeros((20, 30), np.bool_)
    mask[3:9, 4:12] = True
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    assert np.array_equal(images.read_map(tmp_path / "mask.tif"), mask * 255)


def test_signed_bytes_are_not_black(tmp_path):
    array = np.arange(120, dtype=np.int8).reshape(10, 12)
    tifffile.imwrite(tmp_path / "a.tif", array)
    assert images.read_image(tmp_path / "a.tif").max() == round(119 * 255 / 127)


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
def test_bits_side_by_side(rng, bits):
    array = rng.integers(0, 1 << bits, (5, 9, 1))
    rows = [
        np.packbits([int(bit) for value in row.ravel() for bit in f"{value:0{bits}b}"]).tobytes()
        for row in array
    ]
    layout = Layout(8, 1, bits, np.dtype("u2" if bits > 8 else "u1"), "<", False)
    assert np.array_equal(decode(zlib.compress(b"".join(rows)), layout, (5, 9, 1)), array)
    assert np.array_equal(
        images.read_image(tiff_of(rows, bits, 9))[..., 0], np.rint(array[..., 0] * (255 / (2**bits - 1)))
    )


def tiff_of(rows: list[bytes], bits: int, width: int) -> bytes:
    """A grey TIFF file of packed rows."""
    data = b"".join(rows)
    tags = [
        (256, width),
        (257, len(rows)),
        (258, bits),
        (259, 1),
        (262, 1),
        (273, 8 + 2 + 8 * 12 + 4),
        (278, len(rows)),
        (279, len(data)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + data


def test_predictor_3_of_floats(rng):
    array = rng.normal(0, 100, (4, 6, 2)).astype(np.float32)
    apart = array.astype(">f4").view(np.uint8).reshape(4, 12, 4).swapaxes(1, 2).reshape(4, -1, 2)
    steps = np.diff(apart, axis=1, prepend=np.zeros((4, 1, 2), np.uint8)).astype(np.uint8)
    layout = Layout(8, 3, 32, np.dtype("f4"), "<", False)
    assert np.array_equal(decode(zlib.compress(steps.tobytes()), layout, (4, 6, 2)), array)


def test_alpha_kinds(tmp_path):
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0], pixels[1] = (100, 50, 0, 128), (0, 0, 0, 0)
    shown = {"unassalpha": [177, 152, 127], "assocalpha": [227, 177, 127], "unspecified": [100, 50, 0]}
    for kind, expected in shown.items():
        tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=[kind])
        found = images.read_image(tmp_path / "a.tif")
        assert found[0, 0].tolist() == expected
        assert found[1, 1].tolist() == ([0, 0, 0] if kind == "unspecified" else [255, 255, 255])
    grey = np.array([[[1000, 65535], [1000, 0]]], np.uint16)
    tifffile.imwrite(
        tmp_path / "g.tif", grey, photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]
    )
    assert images.read_image(tmp_path / "g.tif")[0, :, 0].tolist() == [4, 255]


def test_palette_and_ink(tmp_path):
    indices = np.array([[0, 1, 2, 1]], np.uint8)
    table = np.zeros((3, 256), np.uint16)
    table[:, 1], table[:, 2] = (65535, 0, 0), (0, 32768, 65535)
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=table)
    assert images.read_image(tmp_path / "a.tif")[0].tolist() == [
        [0, 0, 0],
        [255, 0, 0],
        [0, 128, 255],
        [255, 0, 0],
    ]
    assert images.read_map(tmp_path / "a.tif").tolist() == [[0, 1, 2, 1]]
    Image.new("CMYK", (3, 2), (0, 255, 128, 64)).save(tmp_path / "c.tif")
    expected = np.asarray(Image.open(tmp_path / "c.tif").convert("RGB")).astype(int)
    assert np.abs(images.read_image(tmp_path / "c.tif") - expected).max() <= 1


@pytest.mark.parametrize("orientation", TURNS)
def test_what_pillow_decodes_is_turned_once(tmp_path, rng, orientation):
    smooth = np.add.outer(np.arange(24), np.arange(40)).astype(np.uint8)
    for compression, tolerance in (("jpeg", 3), ("group4", 0)):
        plain, turned = tmp_path / "p.tif", tmp_path / "t.tif"
        image = Image.fromarray(smooth if compression == "jpeg" else smooth % 5 > 2)
        options = {"quality": 95} if compression == "jpeg" else {}
        image.save(plain, compression=compression, **options)
        image.save(turned, compression=compression, tiffinfo={274: orientation}, **options)
        expected = TURNS[orientation](images.read_image(plain).astype(int))
        for source in (turned, turned.read_bytes()):
            found = images.read_image(source)
            assert found.shape == expected.shape == (*images.image_size(source), 3)
            assert np.abs(found - expected).max() <= tolerance


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_windows_are_parts_of_the_whole(tmp_path, rng, orientation, layout, compression):
    path = save(
        tmp_path / "a.tif", stored(rng, 16, 3), orientation, compression=compression, **LAYOUTS[layout]
    )
    with open_tiff(path) as file:
        whole = file.samples().array
        height, width = file.size_hw
        for x0, y0, x1, y1 in ((0, 0, width, height), (3, 5, 4, 6), (width - 9, 2, width, height)):
            assert np.array_equal(file.samples((x0, y0, x1, y1)).array, whole[y0:y1, x0:x1])


def test_gaps_are_zero(tmp_path, rng):
    """GDAL leaves out tiles that are empty."""
    array = stored(rng, 16, 1) | 1
    path = save(tmp_path / "a.tif", array, rowsperstrip=7)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags[279].overwrite((518, 0, 518))
    found = read(path)[..., 0]
    assert (found[7:14] == 0).all()
    assert np.array_equal(found[14:], array[14:])


OME = {"axes": "TCZYX"}


def test_planes_of_ome(tmp_path, rng):
    stack = rng.integers(0, 65536, (2, 3, 4, 10, 12)).astype(np.uint16)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, metadata=OME, photometric="minisblack", compression="zlib")
    with open_tiff(path, "a", {"t": 1, "z": 2}) as file:
        assert file.axes == {"t": 2, "c": 3, "z": 4}
        assert file.notes == ()
        assert np.array_equal(np.moveaxis(file.samples().array, -1, 0), stack[1, :, 2])
    with open_tiff(path, "a.ome.tif", {"c": 2}) as file:
        assert np.array_equal(file.samples().array[..., 0], stack[0, 2, 0])
        assert file.notes == (
            "a.ome.tif has 2 times; the first is used, choose by [t=N]",
            "a.ome.tif has 4 planes; the first is used, choose by [z=N]",
        )
    shown = images.read_image(f"{path}[c=1,z=3,t=1]")
    assert np.array_equal(shown[..., 0], np.rint(stack[1, 1, 3] / 257).astype(np.uint8))
    for plane, message in {
        "z=4": r"plane must have z from 0 to 3, got 4 for .*a\.ome\.tif",
        "q=0": r"plane must be chosen among t=0 to 1, c=0 to 2, z=0 to 3, got q=0",
        "z": r"plane must be chosen as \[c=1,z=3\], got \[z\]",
    }.items():
        with pytest.raises(InputError, match=message):
            images.read_image(f"{path}[{plane}]")


@pytest.mark.parametrize("options", [{"imagej": True}, {}, {"metadata": None}, {"truncate": True}])
def test_pages(tmp_path, rng, options):
    stack = rng.integers(0, 65536, (4, 10, 12)).astype(np.uint16)
    path = tmp_path / "a.tif"
    given = options | ({"metadata": {"axes": "ZYX"}} if "imagej" in options else {})
    tifffile.imwrite(path, stack, photometric="minisblack", **given)
    with open_tiff(path) as file:
        ((key, count),) = file.axes.items()
    assert key == ("z" if "imagej" in options else "p")
    assert count == 4
    for number in range(4):
        with open_tiff(path, "a", {key: number}) as file:
            assert np.array_equal(file.samples().array[..., 0], stack[number])


def test_pages_of_different_sizes(tmp_path, rng):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for side in (8, 12):
            file.write(np.full((side, side), side, np.uint8), metadata=None)
    assert images.image_size(tmp_path / "a.tif") == (8, 8)
    assert images.image_size(f"{tmp_path}/a.tif[p=1]") == (12, 12)
    assert (images.read_image(f"{tmp_path}/a.tif[p=1]") == 12).all()


def test_other_files_of_an_ome_set_are_not_opened(tmp_path):
    secret = tmp_path / "secret.tif"
    tifffile.imwrite(secret, np.full((6, 6), 77, np.uint8))
    xml = tifffile.OmeXml()
    xml.addimage("uint8", (2, 6, 6), (2, 1, 1, 6, 6, 1), axes="ZYX")
    text = xml.tostring().replace(
        "<TiffData",
        '<TiffData FirstZ="1" IFD="0"><UUID FileName="secret.tif">urn:uuid:1</UUID></TiffData><TiffData',
        1,
    )
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 6), np.uint8), description=text, metadata=None)
    with open_tiff(tmp_path / "a.tif") as file:
        assert (file.samples().array == 0).all()
        assert file.axes == {}


def test_damage_is_told(tmp_path, rng):
    path = save(tmp_path / "a.tif", stored(rng, 16, 3), rowsperstrip=7, compression="zlib")
    data = path.read_bytes()
    for cut in (0.2, 0.6, 0.95):
        with pytest.raises(ImageError, match=r"image must be (an image file|a complete image file), got"):
            images.read_image(data[: int(len(data) * cut)])
    with pytest.raises(ImageError, match="corrupt or truncated"):
        images.read_image(data[:-100] + bytes(50) + data[-50:])


def test_declared_sizes_are_bounded_before_memory_is_taken():
    def header(width, height, samples=1):
        tags = [
            (256, width),
            (257, height),
            (258, 16),
            (259, 1),
            (262, 1),
            (273, 200),
            (277, samples),
            (278, height),
            (279, 10),
        ]
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(200)

    with pytest.raises(ImageError, match="at most 268435456 pixels, got 65536 x 65536 by the header"):
        images.read_image(header(65536, 65536))
    with pytest.raises(ImageError, match="at most 2048 MiB of samples, got"):
        images.read_image(header(10000, 10000, 60000))
    with pytest.raises(ImageError, match="image must have a channel, got none"):
        images.read_map(header(5, 5, 0))
    with pytest.raises(ImageError, match="image must have pixels, got 0 x 5"):
        images.read_image(header(0, 5))
    bomb = Layout(8, 1, 8, np.dtype("u1"), "<", False)
    assert decode(zlib.compress(bytes(1 << 24)), bomb, (2, 3, 1)).shape == (2, 3, 1)


def test_nothing_reaches_the_terminal(tmp_path, capfd):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        np.zeros((9, 9, 3), np.uint16),
        photometric="rgb",
        extratags=[(33550, 12, 3, (1.0, 1.0, 0.0), True)],
    )
    images.read_image(path)
    images.image_size(path)
    assert capfd.readouterr() == ("", "")
