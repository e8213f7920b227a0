"""Label Studio's brush masks: run lengths of RGBA samples, packed bit by bit.

32 bits hold the number of samples, 5 the bits of a sample less 1, four times 4 the widths of a length less 1.
Then packets: a bit that says whether one sample is repeated or each is given, 2 bits that choose a width, a
length less 1 of that width, and the sample or samples. A pixel counts by its fourth sample, the alpha.
Source: the format of `rle-pack` in thi.ng/umbrella, which Label Studio uses.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import FormatError
from anymask.files import budget
from anymask.formats.alpha_masks import read_opaque
from anymask.geometry import rle
from anymask.images.read import image_size

__all__ = ["from_bitmask", "from_brush", "to_brush"]

_WIDTHS = (3, 4, 8, 16)  # of a length, those that Label Studio writes
_MOST_PACKETS = 1 << 21  # they are read one by one: about four seconds
_HEAD = 32 + 5 + 4 * 4
_DAMAGED = "rle must be complete run lengths of a brush, got {}. Export it again."


def to_brush(runs: rle.Runs, size: tuple[int, int]) -> list[int]:
    """Pack a mask of `size` (H, W): bytes as whole numbers."""
    flat = rle.decode(runs, size).ravel()
    edges = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1, [flat.size]])
    lengths, values = 4 * np.diff(edges), flat[edges[:-1]].astype(np.int64) * 255
    # the longest length of a packet is 65,536: longer runs take several
    count = -(-lengths // 65_536)
    last = np.cumsum(count) - 1
    lengths_P = np.full(int(count.sum()), 65_536, np.int64)
    lengths_P[last] = lengths - 65_536 * (count - 1)
    values_P = np.repeat(values, count)
    choice = np.searchsorted([8, 16, 256], lengths_P)
    width = np.array(_WIDTHS)[choice]
    packets = (((4 + choice) << width | (lengths_P - 1)) << 8) | values_P
    head = flat.size * 4 << 21 | 7 << 16 | 2 << 12 | 3 << 8 | 7 << 4 | 15
    bits = np.concatenate([_bits(np.array([head]), np.array([_HEAD])), _bits(packets, 3 + width + 8)])
    return [int(byte) for byte in np.packbits(bits)]


def _bits(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Numbers as bits, the highest first, each `widths` bits wide."""
    shift = np.repeat(np.cumsum(widths), widths) - np.arange(widths.sum()) - 1
    return np.asarray(np.repeat(numbers, widths) >> shift & 1, np.uint8)


def from_bitmask(value: Mapping[str, Any], size: tuple[int, int]) -> rle.Runs:
    """The mask of a bitmask: a PNG of `size` (H, W) as a data URL, inside where it is not transparent.

    Raises FormatError, ImageError.
    """
    head, _, text = str(value.get("imageDataURL") or "").partition("base64,")
    if not text or not head.startswith("data:"):
        raise FormatError("imageDataURL must be a PNG as a data URL, got another text. Export it again.")
    data = base64.b64decode(text, validate=True)
    found = image_size(data)
    if found != size:
        raise FormatError(
            f"imageDataURL must have the image size {size[0]} x {size[1]}, got {found[0]} x "
            f"{found[1]}. Export it again."
        )
    return rle.encode(read_opaque(data))


def from_brush(packed: object, size: tuple[int, int]) -> rle.Runs:
    """Unpack a mask of `size` (H, W): a pixel is inside where its alpha is not 0. Raises FormatError."""
    try:
        data = bytes(packed) if isinstance(packed, list) else b""
    except (TypeError, ValueError):
        data = b""
    budget.check("brush", "map pixels", size[0] * size[1])
    if len(data) * 8 < _HEAD:
        raise FormatError(_DAMAGED.format("no list of bytes"))
    if int.from_bytes(data[:4], "big") != size[0] * size[1] * 4:
        raise FormatError(_DAMAGED.format(f"a mask of another size than {size[0]} x {size[1]}"))
    ends, values = list[int](), list[bool]()
    for end, value in _packets(data):
        if len(ends) == _MOST_PACKETS:
            raise FormatError(_DAMAGED.format(f"more than {_MOST_PACKETS} changes"))
        ends.append(end)
        values.append(value)
    pixels = np.array(ends, np.int64) // 4  # whose alpha comes before the end of the packet
    mask = np.repeat(np.array(values, np.bool_), np.diff(pixels, prepend=0))
    return rle.encode(mask.reshape(size))


def _packets(data: bytes) -> Iterator[tuple[int, bool]]:
    """(number of samples up to here, whether the last of them is not 0), where that may change."""
    total = int.from_bytes(data[:4], "big")
    word = (data[4] >> 3) + 1
    bits, widths = _Reader(data, 37), []
    for _ in range(4):
        widths.append(bits.take(4) + 1)
    done = 0
    while done < total:
        repeated = bits.take(1)
        length = bits.take(widths[bits.take(2)]) + 1
        if done + length > total:
            raise FormatError(_DAMAGED.format("more samples than the mask has"))
        for _ in range(1 if repeated else length):
            done += length if repeated else 1
            yield done, bits.take(word) > 0


class _Reader:
    """Takes numbers of some bits from bytes."""

    def __init__(self, data: bytes, place: int) -> None:
        self._data, self._place = data, place

    def take(self, count: int) -> int:
        start, self._place = self._place, self._place + count
        if self._place > 8 * len(self._data):
            raise FormatError(_DAMAGED.format("a list that is cut off"))
        chunk = self._data[start >> 3 : (self._place + 7) >> 3]
        return int.from_bytes(chunk, "big") >> (-self._place & 7) & ((1 << count) - 1)
