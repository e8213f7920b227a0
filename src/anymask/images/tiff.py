"""TIFF files: any bit depth, any number of bands, planes of stacks, windows of large files, upright.

Tags and the order of planes come from the package tifffile; strips and tiles are read and decoded here, so
that only those of a window are, and none becomes larger than its header says. JPEG and fax compression is
left to Pillow (`Tiff.by_pillow`).
"""

from __future__ import annotations

import io
import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.errors import ImageError
from anymask.files import budget
from anymask.images.pillow_limit import without_limit
from anymask.images.stored_pixels import (
    Samples,
    check_pixels,
    check_plane,
    reading,
    stored_window,
    turn,
)
from anymask.images.tiff_codecs import COMPRESSIONS, Layout, decode

__all__ = ["MARKS", "Tiff", "open_tiff"]

MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""What TIFF and BigTIFF files begin with."""
Window: TypeAlias = "tuple[int, int, int, int]"

_ORIENTATION = 274
_WHITE_IS_ZERO, _RGB, _PALETTE, _CMYK = 0, 2, 3, 5
_KNOWN_COLOURS = (_WHITE_IS_ZERO, 1, _RGB, _PALETTE, 4, _CMYK)
_COLOURS = {_RGB: 3, _CMYK: 4}
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType: pages that are no images of their own
_SAMPLE = 8  # bytes for each pixel of the budget that may be decoded at once
_STACKS = ("is_ome", "is_imagej", "is_lsm", "is_shaped", "is_stk")

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what is wrong with a file we say ourselves


@contextmanager
def open_tiff(
    source: str | os.PathLike[str] | bytes | BinaryIO, name: str = "", plane: Mapping[str, int] | None = None
) -> Iterator[Tiff]:
    """Open a file, without decoding it; errors while it is open are raised as ImageError.

    `plane` counts from 0 along `Tiff.axes`; of axes that it omits the first plane is used, of channels all.
    Raises InputError for a missing plane.
    """
    import tifffile

    with reading(name, "image file"), _binary(source) as file:
        file.seek(0)
        # what an OME file says of other files is not followed: they may lie anywhere
        with tifffile.TiffFile(file, _multifile=False) as opened:
            yield Tiff(opened, file, name, plane or {})


def _binary(source: Any) -> Any:
    """A context manager of the open file; one that the caller opened stays open."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source)
    return nullcontext(source) if hasattr(source, "read") else open(source, "rb")


@dataclass(frozen=True)
class Tiff:
    """An open file."""

    file: Any
    """A tifffile.TiffFile."""
    raw: BinaryIO
    """What it reads."""
    name: str
    """How messages call it."""
    plane: Mapping[str, int]
    """What was chosen."""

    @cached_property
    def _first(self) -> Any:
        """The page that says how the samples lie."""
        return self._chosen[0][0].keyframe

    @property
    def stored_hw(self) -> tuple[int, int]:
        """(H, W) as stored, before the orientation tag."""
        return int(self._first.imagelength), int(self._first.imagewidth)

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) of the upright image."""
        height, width = self.stored_hw
        return (width, height) if self.orientation >= 5 else (height, width)

    @property
    def orientation(self) -> int:
        """The tag, 1 to 8; 1 where it is missing or holds another value."""
        value = self._tag(_ORIENTATION, 1)
        return int(value) if value in range(1, 9) else 1

    @property
    def by_pillow(self) -> bool:
        """Whether its compression or its colours are left to Pillow."""
        return (
            self._first.compression not in COMPRESSIONS
            or self._first.photometric not in _KNOWN_COLOURS
            or (self._first.photometric == _CMYK and self.bits != 8)
        )

    @property
    def is_one_piece(self) -> bool:
        """Whether a small window needs most of the file: it is compressed in strips of a quarter or more."""
        page = self._first
        if page.compression == 1:
            return False
        return not page.is_tiled and 4 * int(page.rowsperstrip) > int(page.imagelength)

    @property
    def bits(self) -> int:
        """Bits a sample. Raises ImageError where they differ between bands."""
        values = np.atleast_1d(self._tag(258, 1)).tolist()
        if len(set(values)) != 1 or not 1 <= values[0] <= 64:
            raise ImageError(
                f"image must have bands of one depth up to 64 bits, got {values} in {self.name}. Convert."
            )
        return int(values[0])

    def _tag(self, number: int, default: Any) -> Any:
        tag = self._first.tags.get(number)
        return default if tag is None else tag.value

    @cached_property
    def _planes(self) -> tuple[dict[str, int], list[Any], bool]:
        """Axes of the planes, their pages in that order, and whether all lie in the first page."""
        if any(getattr(self.file, kind) for kind in _STACKS):
            series = self.file.series[0]
            page = series.keyframe
            letters, sizes = series.axes, series.shape
            lead = len(letters) - len(page.axes)
            if lead >= 0 and letters[lead:] == page.axes and len(page.axes) <= 3:
                axes = dict(zip(_names(letters[:lead]), map(int, sizes[:lead]), strict=True))
                return axes, list(series.pages), len(series.pages) < math.prod(axes.values())
        every = list(self.file.pages)
        pages = [page for page in every if not page.subfiletype & (_REDUCED | _MASK)] or every[:1]
        return ({"p": len(pages)} if len(pages) > 1 else {}), pages, False

    @property
    def axes(self) -> dict[str, int]:
        """How many planes there are along each axis, from the slowest: "t", "c", "z", or "p" for pages."""
        return {key: size for key, size in self._planes[0].items() if size > 1}

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on automatic choices."""
        return tuple(
            f"{self.name} has {size} {_PLURAL.get(key, key)}; the first is used, choose by [{key}=N]"
            for key, size in self.axes.items()
            if key not in self.plane and key != "c"
        )

    @cached_property
    def _chosen(self) -> list[tuple[Any, int]]:
        """The pages of the plane, each with the number of images before it in the data of that page."""
        axes, pages, packed = self._planes
        check_plane(self.plane, self.axes, self.name)
        index = {key: self.plane.get(key, 0) for key in axes}
        every = range(axes["c"]) if "c" in axes and "c" not in self.plane else (index.get("c", 0),)
        found = []
        for channel in every:
            place = [channel if key == "c" else at for key, at in index.items()]
            number = int(np.ravel_multi_index(place, list(axes.values()))) if axes else 0
            found.append((pages[0], number) if packed else (pages[number], 0))
        if any(page is None for page, _ in found):
            raise ImageError(
                f"image must hold the plane {dict(self.plane)}, got {self.name} without its data."
            )
        return found

    def samples(self, window: Window | None = None, *, indices: bool = False) -> Samples:
        """The samples, or those of a window (upright, half-open pixels).

        With `indices` palettes stay numbers. Raises ImageError for damage and for types that are no numbers.
        """
        box = (0, 0, *self.size_hw[::-1]) if window is None else window
        stored = stored_window(box, self.orientation, self.size_hw)
        self._check_bytes(stored, len(self._chosen) * int(self._first.samplesperpixel))
        if self.by_pillow:
            return self._by_pillow(box)
        layout, handle = self._layout(), self.file.filehandle
        parts = [_read_page(handle, page, layout, stored, skip) for page, skip in self._chosen]
        array = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        return self._as_samples(turn(array, self.orientation), indices=indices)

    def _by_pillow(self, window: Window) -> Samples:
        """A window of what Pillow decodes, the whole image at once; it turns most images itself."""
        with without_limit(), Image.open(self.raw, formats=["TIFF"]) as page:
            page.seek(self._first.index)
            page.load()
            mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(page.mode, "RGB")
            array = np.asarray(page if page.mode == mode else page.convert(mode))
            left = page.getexif().get(_ORIENTATION, 1)
        upright = turn(array, left if left in range(1, 9) else 1)
        x0, y0, x1, y1 = window
        part = upright.reshape(*upright.shape[:2], -1)[y0:y1, x0:x1]
        alpha: Any = "straight" if mode == "RGBA" else None
        return Samples(part, min(part.shape[2], 3), alpha, 255.0, notes=self.notes)

    def _check_bytes(self, window: Window, bands: int) -> None:
        x0, y0, x1, y1 = window
        check_pixels((y1 - y0, x1 - x0), None, self.name)
        if bands < 1:
            raise ImageError(f"image must have a channel, got none in {self.name}. Get the file again.")
        total = (y1 - y0) * (x1 - x0) * bands * -(-self.bits // 8)
        most = _SAMPLE * budget.most("pixels")
        if total > most:
            raise ImageError(
                f"image must have at most {most >> 20} MiB of samples, got {total >> 20} MiB by the "
                f"header of {self.name}. Choose a channel by [c=N], or a smaller image."
            )

    def _layout(self) -> Layout:
        kinds = {1: "u", 2: "i", 3: "f", 4: "u"}
        kind = kinds.get(int(np.atleast_1d(self._tag(339, 1))[0]))
        size = next(size for size in (1, 2, 4, 8) if 8 * size >= self.bits)
        if kind is None or (kind != "u" and (self.bits != 8 * size or (kind == "f" and size == 1))):
            raise ImageError(
                f"image must hold integers or floats, got another type in {self.name}. Convert it."
            )
        return Layout(
            compression=int(self._first.compression),
            predictor=int(self._tag(317, 1)),
            bits=self.bits,
            dtype=np.dtype(f"{kind}{size}"),
            byteorder=self.file.byteorder,
            reversed_bits=self._tag(266, 1) == 2,
        )

    def _as_samples(self, array: NDArray[Any], *, indices: bool) -> Samples:
        """Say what the bands are; palettes and inks become colours."""
        kind, bands = int(self._first.photometric), array.shape[2]
        white = float((1 << self.bits) - 1) if array.dtype.kind == "u" and self.bits <= 16 else None
        if kind == _PALETTE and not indices:
            return Samples(_painted(array[..., 0], self._tag(320, ())), 3, white=255.0, notes=self.notes)
        if kind == _CMYK:
            return Samples(_inked(array), 3, white=255.0, notes=self.notes)
        alpha, colours = self._alpha(bands)
        return Samples(
            array,
            colours,
            alpha,
            white,
            inverted=kind == _WHITE_IS_ZERO,
            inverted_numbers=not self._is_of_numbers,
            nodata=self._nodata(),
            notes=self.notes,
        )

    @property
    def _is_of_numbers(self) -> bool:
        """Whether the writer declares low values bright without meaning that objects have them."""
        return str(self._tag(305, "")).startswith("tifffile") or str(self._tag(270, "")).startswith("ImageJ=")

    def _nodata(self) -> float | None:
        """The sample that GDAL writes where nothing is known."""
        try:
            return float(str(self._tag(42113, "")).strip("\0 "))
        except ValueError:
            return None

    def _alpha(self, bands: int) -> tuple[Any, int]:
        """What the first extra band is, and how many colours come before it."""
        kind = int(self._first.photometric)
        extra = [int(one) for one in np.atleast_1d(self._tag(338, ())).tolist()]
        if kind == _RGB and bands == 4 and not extra:
            extra = [2]  # as others read four bands of which the file says nothing
        colours = _COLOURS.get(kind, bands - len(extra) if extra and extra[0] else bands)
        known = {1: "premultiplied", 2: "straight"}
        alpha = known.get(extra[0]) if extra and bands > colours else None
        return alpha, min(colours, bands)


_PLURAL = {"z": "planes", "t": "times", "p": "pages", "c": "channels"}


def _names(letters: str) -> list[str]:
    """Names of axes: t, c and z as they are, the first other one p."""
    others = [one for one in letters if one not in "TCZ"]
    return ["p" if others and one == others[0] else one.lower() for one in letters]


def _read_page(handle: Any, page: Any, layout: Layout, window: Window, skip: int) -> NDArray[Any]:
    """The samples (h, w, bands) of a window of a page; `skip` images come before it in the page's data."""
    x0, y0, x1, y1 = window
    count = int(page.keyframe.samplesperpixel)
    apart = int(page.keyframe.planarconfig) == 2 and count > 1
    contig = 1 if apart else count
    out = np.zeros((y1 - y0, x1 - x0, count), layout.dtype)
    for index, band, (left, top, width, height) in _segments(page.keyframe, apart=apart):
        rows = max(top, y0), min(top + height, y1)
        columns = max(left, x0), min(left + width, x1)
        if rows[0] >= rows[1] or columns[0] >= columns[1]:
            continue
        part = _read_segment(
            handle, page, layout, index, (width, height, contig), (rows[0] - top, rows[1] - top), skip
        )
        if part is not None:
            bands = slice(band, band + 1) if apart else slice(None)
            out[rows[0] - y0 : rows[1] - y0, columns[0] - x0 : columns[1] - x0, bands] = part[
                :, columns[0] - left : columns[1] - left
            ]
    return out


def _segments(page: Any, *, apart: bool) -> Iterator[tuple[int, int, tuple[int, int, int, int]]]:
    """Number, band and place (left, top, width, height) of every strip or tile; strips end with the image."""
    height, width = int(page.imagelength), int(page.imagewidth)
    if page.is_tiled:
        step_y, step_x = int(page.tilelength), int(page.tilewidth)
    else:
        step_y, step_x = min(int(page.rowsperstrip) or height, height), width
    if step_y < 1 or step_x < 1 or int(getattr(page, "imagedepth", 1)) > 1:
        raise ImageError(f"image must have tiles of a size, got {step_x} x {step_y}. Convert it.")
    check_pixels((step_y, step_x))
    index = 0
    for band in range(int(page.samplesperpixel) if apart else 1):
        for top in range(0, height, step_y):
            rows = step_y if page.is_tiled else min(step_y, height - top)
            for left in range(0, width, step_x):
                yield index, band, (left, top, step_x, rows)
                index += 1


def _read_segment(
    handle: Any,
    page: Any,
    layout: Layout,
    index: int,
    shape: tuple[int, int, int],
    rows: tuple[int, int],
    skip: int,
) -> NDArray[Any] | None:
    """Rows of a strip or tile (h, width, bands), None where the file holds none (all 0).

    handle: where to read.
    page: whose segment.
    layout: how samples lie.
    index: number of the segment.
    shape: its width, height and bands.
    rows: the first and the one behind the last that are wanted.
    skip: images before it in the data of an uncompressed page.
    """
    width, height, bands = shape
    if index >= len(page.dataoffsets) or index >= len(page.databytecounts):
        raise ImageError(
            f"image must be complete, got {handle.name} without strip {index}. Get the file again."
        )
    offset, count = page.dataoffsets[index], page.databytecounts[index]
    if not offset or not count:
        return None
    if layout.compression != 1:
        return decode(_bytes_at(handle, offset, count), layout, (height, width, bands))[rows[0] : rows[1]]
    row = layout.row_bytes(width, bands)
    start = offset + skip * int(page.keyframe.imagelength) * row + rows[0] * row
    return decode(
        _bytes_at(handle, start, (rows[1] - rows[0]) * row), layout, (rows[1] - rows[0], width, bands)
    )


def _bytes_at(handle: Any, offset: int, count: int) -> bytes:
    """Bytes of the file; fewer where it ends. No more than it has are asked for, whatever its tags say."""
    handle.seek(offset)
    return bytes(handle.read(max(0, min(count, handle.size - offset))))


def _painted(indices: NDArray[Any], table: Any) -> NDArray[np.uint8]:
    """(H, W, 3) of a palette of 16 bits; one whose values stay below 256 is taken for 8 bits."""
    table_16 = np.asarray(table, np.uint32).reshape(3, -1).T
    colours: NDArray[Any] = table_16 if table_16.max(initial=0) < 256 else table_16 >> 8
    return np.asarray(colours[np.minimum(indices, len(colours) - 1)], np.uint8)


def _inked(cmyk: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of cyan, magenta, yellow and black, 8 bits each."""
    bright = 255 - cmyk[..., :4].astype(np.uint16)
    return np.asarray((bright[..., :3] * bright[..., 3:] + 127) // 255, np.uint8)
