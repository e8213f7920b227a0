"""The bytes of one strip or tile of a TIFF file to samples: decompression, bit depth and predictor.

Sources: TIFF 6.0 (Adobe 1992), sections 9, 13 and 14; predictor 3 is Adobe's Technical Note 3 of 2005.
Deflate is Python's own; LZW, PackBits, Zstandard and LZMA are decoded by the libtiff inside Pillow.
"""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.images.pillow_limit import without_limit

__all__ = ["COMPRESSIONS", "Layout", "decode"]

_NONE, _LZW, _PACKBITS, _LZMA, _ZSTD = 1, 5, 32773, 34925, 50000
_DEFLATE = (8, 32946)
COMPRESSIONS = (_NONE, _LZW, *_DEFLATE, _PACKBITS, _LZMA, _ZSTD)
"""Numbers of the compressions that `decode` knows."""
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_MOST_FREE = 1 << 26  # bytes up to which Pillow's limit does not matter
_CHUNK = 1 << 20  # samples that are unpacked from bits at a time


@dataclass(frozen=True)
class Layout:
    """How samples lie in the strips or tiles of one page."""

    compression: int
    predictor: int
    bits: int
    """Bits a sample, 1 to 64."""
    dtype: np.dtype[Any]
    """The samples' type in the byte order of the machine."""
    byteorder: Literal["<", ">"]
    """"<" or ">", that of the file."""
    reversed_bits: bool
    """Whether the lowest bit of a byte comes first."""

    def row_bytes(self, width: int, samples: int) -> int:
        """Bytes of a row of so many pixels; rows begin at whole bytes."""
        return -(-width * samples * self.bits // 8)


def decode(data: bytes, layout: Layout, shape: tuple[int, int, int]) -> NDArray[Any]:
    """The samples (h, w, s) of a strip or tile. Raises ValueError where bytes are missing."""
    height, width, samples = shape
    count = height * layout.row_bytes(width, samples)
    if layout.reversed_bits:
        data = data.translate(_REVERSED)
    raw = _decompressed(data, layout.compression, count, height)
    if len(raw) < count:
        raise ValueError(f"{count - len(raw)} of {count} bytes are missing")
    if layout.predictor == 3:
        return _from_bytes_apart(raw[:count], layout, shape)
    out = _unpacked(raw[:count], layout, shape)
    if layout.predictor == 2:
        whole = out.view(f"u{out.dtype.itemsize}")
        return np.cumsum(whole, axis=1, dtype=whole.dtype).view(out.dtype)
    return out


def _decompressed(data: bytes, compression: int, count: int, rows: int) -> bytes:
    """At most `count` bytes, whatever the data claims to hold."""
    if compression == _NONE:
        return data
    if compression in _DEFLATE:
        engine = zlib.decompressobj()
        found = engine.decompress(data, count)
        engine.decompress(engine.unconsumed_tail, 1)  # on to the checksum
        return found
    file = io.BytesIO(_as_grey_tiff(data, compression, count // rows, rows))
    with without_limit() if count > _MOST_FREE else nullcontext(), Image.open(file) as grey:
        return grey.tobytes()


def _as_grey_tiff(data: bytes, compression: int, width: int, height: int) -> bytes:
    """A file in which the compressed bytes are a grey image of 8 bits, one sample for each byte."""
    tags = (
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, compression),
        (262, 3, 1),
        (273, 4, 8 + 2 + 8 * 12 + 4),
        (278, 4, height),
        (279, 4, len(data)),
    )
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1)
        + struct.pack("<HH" if kind == 3 else "<I", *((value, 0)[: 5 - kind]))
        for tag, kind, value in tags
    )
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + data


def _unpacked(raw: bytes, layout: Layout, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Samples of whole bytes, or of bits that lie side by side."""
    if layout.bits == 8 * layout.dtype.itemsize:
        stored = np.frombuffer(raw, layout.dtype.newbyteorder(layout.byteorder))
        return stored.reshape(shape).astype(layout.dtype, copy=False)
    height, width, samples = shape
    rows = np.frombuffer(raw, np.uint8).reshape(height, -1)
    powers = (1 << np.arange(layout.bits - 1, -1, -1, dtype=np.int64)).astype(np.int64)
    out = np.empty((height, width * samples), layout.dtype)
    step = max(1, _CHUNK // max(1, width * samples))
    for top in range(0, height, step):
        bits = np.unpackbits(rows[top : top + step], axis=1)[:, : width * samples * layout.bits]
        out[top : top + step] = bits.reshape(len(bits), -1, layout.bits) @ powers
    return out.reshape(shape)


def _from_bytes_apart(raw: bytes, layout: Layout, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Floats whose bytes lie apart in each row, the highest first, each as the difference to the last."""
    height, width, samples = shape
    size = layout.dtype.itemsize
    steps = np.frombuffer(raw, np.uint8).reshape(height, -1, samples)
    parts = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(height, size, width * samples)
    joined = np.ascontiguousarray(parts.swapaxes(1, 2)).view(layout.dtype.newbyteorder(">"))
    return joined.reshape(shape).astype(layout.dtype)
