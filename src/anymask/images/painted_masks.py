"""Hand-painted targets and masks, converted to one mask per object.

Grey between black and white is an edge, not an object of its own; transparent pixels are outside; the colours
that JPEG and WebP scatter around one colour are merged into it. Label maps stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anymask.errors import ImageError
from anymask.files import budget
from anymask.images.planes import read_samples
from anymask.images.read import ImageFile, image_size, name_of, open_image, orientation_of
from anymask.images.stored_pixels import Samples, reading, turn, whole_numbers

__all__ = ["Painting", "read_numbers", "read_painting"]

_BRIGHT = 127  # a lossy grey value above it is inside
_FAINT = 16  # values of less than a 16th of the brightest are taken for the ringing of a filter
_SOFT = 1 / 3  # of the pixels along black: so many must rise inwards in a soft image
_LEAST_LEVELS = 2  # of the values along black in a soft image; one is a border that somebody drew
_NEAR, _NEAR_LOSSY = 32, 64  # distances of colours up to which they are one
_FLAT, _FLAT_LOSSY = 8, 24  # by which neighbours may differ where it is flat
_LEAST_PIXELS, _LEAST_SHARE = 9, 0.02  # of a flat colour: in pixels, and of all that is flat and not black
_SHADE, _LEVEL, _MOST_SHADES = 64, 4, 0.1  # of lossy greys: from the middle, of flat parts, their share
_GREY_CHROMA = 48  # up to which the channels of a lossy grey image differ
_CODES = np.array([1 << 16, 1 << 8, 1])

Array = NDArray[Any]


@dataclass(frozen=True)
class Painting:
    """A target or mask as a map."""

    values: NDArray[np.int64]
    """(H, W): 0 outside all objects, else numbers, or colours as 0xRRGGBB."""
    kind: Literal["numbers", "colours"]


@dataclass(frozen=True)
class _File:
    """What a file holds."""

    pixels: Array
    """(H, W) numbers, or (H, W, 3) colours."""
    alpha: Array | None
    palette: Array | None = None
    """(256, 3) the colours of the numbers, where these are a palette's."""
    is_lossy: bool = False


def read_painting(path: ImageFile) -> Painting:
    """Read a target: (H, W) of numbers or of colours, edges joined to what they are the edge of.

    Palettes count as numbers; their soft edges are joined by colour. Raises ImageError as `images.read_map`
    does for what cannot be read.
    """
    file = _read(path)
    pixels = _opaque(file.pixels, file.alpha)
    if file.palette is not None:
        return Painting(_of_palette(pixels, file), "numbers")
    if pixels.ndim == 3 and _is_grey(pixels, lossy=file.is_lossy):
        pixels = pixels.mean(axis=2).round().astype(np.uint8) if file.is_lossy else pixels[..., 0]
    if pixels.ndim == 2:
        if file.is_lossy:
            return Painting(_black_and_white(pixels, name_of(path)), "numbers")
        return Painting(_settled(pixels[..., None])[..., 0].astype(np.int64), "numbers")
    return Painting(_settled(pixels, lossy=file.is_lossy).astype(np.int64) @ _CODES, "colours")


def read_numbers(path: ImageFile) -> NDArray[np.int64]:
    """Read a mask or a map of numbers (H, W), see `read_painting`. Raises ImageError, for colours too."""
    painting = read_painting(path)
    if painting.kind == "colours":
        raise ImageError(
            f"mask must be a grey or palette image, got {name_of(path)} in colour. Give the mask, "
            "not the photo; a mask in colour is saved in grey."
        )
    return painting.values


def _read(path: ImageFile) -> _File:
    name = name_of(path)
    budget.check(f"map {name}", "map pixels", math.prod(image_size(path)), ImageError)
    stored = read_samples(path, name, None, indices=True)
    if stored is not None:
        return _from_samples(stored, name)
    with open_image(path) as opened, reading(name, "image file"):
        orientation, lossy = orientation_of(opened), _is_lossy(opened)
        opened.load()
        palette = _colours(opened) if opened.mode == "P" else None
        pixels, alpha = _channels(opened)
    upright = None if alpha is None else turn(alpha, orientation)
    return _File(turn(pixels, orientation), upright, palette, lossy)


def _from_samples(stored: Samples, name: str) -> _File:
    array = whole_numbers(stored.numbers(), name)
    if stored.colours not in (1, 3):
        raise ImageError(
            f"mask must have one or three bands, got {stored.colours} in {name}. Save it as a PNG."
        )
    if stored.colours == 3 and array.dtype != np.uint8:
        array = np.rint(array * (255 / (stored.white or 65535.0))).astype(np.uint8)
    alpha = array[..., stored.colours] if stored.alpha is not None else None
    return _File(array[..., 0] if stored.colours == 1 else array[..., :3], alpha)


def _channels(opened: Image.Image) -> tuple[Array, Array | None]:
    """Numbers (H, W) or colours (H, W, 3), and alpha (H, W) where there is one."""
    if opened.mode == "P":
        indices = np.asarray(opened)
        return indices, _palette_alpha(indices, opened.info.get("transparency"))
    if opened.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in opened.info:
        rgba = np.asarray(opened.convert("RGBA"))
        return rgba[..., :3], rgba[..., 3]
    if opened.mode == "1":
        return np.asarray(opened).astype(np.uint8) * np.uint8(255), None
    if opened.mode == "L" or opened.mode.startswith("I"):
        return np.asarray(opened), None
    return np.asarray(opened.convert("RGB")), None


def _colours(opened: Image.Image) -> Array:
    """The colours (256, 3) of a palette, black for numbers without one."""
    known = np.array(opened.getpalette("RGB") or [], np.uint8).reshape(-1, 3)[:256]
    return np.concatenate([known, np.zeros((256 - len(known), 3), np.uint8)])


def _palette_alpha(indices: Array, transparency: Any) -> Array | None:
    """Alpha of a palette, of which one index is transparent or each has an alpha of its own."""
    if transparency is None:
        return None
    table = np.full(256, 255, np.uint8)
    if isinstance(transparency, bytes):
        table[: len(transparency)] = np.frombuffer(transparency, np.uint8)
    else:
        table[int(transparency)] = 0
    return np.asarray(table[indices])


def _is_lossy(opened: Image.Image) -> bool:
    """Whether a file's format scatters colours: JPEG, AVIF, HEIF, and WebP unless it is lossless."""
    if opened.format != "WEBP":
        return opened.format in ("JPEG", "MPO", "AVIF", "HEIF")
    file: Any = getattr(opened, "fp", None)
    if file is None:
        return True
    place = file.tell()
    file.seek(0)
    head = file.read(1 << 16)
    file.seek(place)
    return not _is_lossless_webp(head)


def _is_lossless_webp(head: bytes) -> bool:
    """Whether the first chunk with pixels is VP8L."""
    at = 12
    while at + 8 <= len(head):
        kind, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if kind in (b"VP8L", b"VP8 ", b"ANMF"):
            return kind == b"VP8L"
        at += 8 + size + size % 2
    return False


def _of_palette(numbers: Array, file: _File) -> NDArray[np.int64]:
    """The numbers of a palette image; where its colours have soft edges, those of its flat colours."""
    assert file.palette is not None, "the image has one"
    shown = _opaque(file.palette[file.pixels], file.alpha)
    if not _has_soft_edges(shown):
        return numbers.astype(np.int64)
    codes = _settled(shown).astype(np.int64) @ _CODES
    of_palette, first = np.unique(file.palette.astype(np.int64) @ _CODES, return_index=True)
    found = first[np.searchsorted(of_palette, codes).clip(0, first.size - 1)]
    return np.where(codes == 0, 0, np.maximum(found, 1))


def _opaque(pixels: Array, alpha: Array | None) -> Array:
    """The opaque pixels, 0 elsewhere; black objects on a transparent background become white."""
    if alpha is None:
        return pixels
    opaque = alpha.astype(np.int64) * 2 >= max(1, int(alpha.max(initial=0)))
    if opaque.all():
        return pixels
    seen = np.where(opaque if pixels.ndim == 2 else opaque[..., None], pixels, 0).astype(pixels.dtype)
    return seen if seen.any() else opaque * np.uint8(255)


def _is_grey(pixels: Array, *, lossy: bool) -> bool:
    if not lossy:
        return bool((pixels == pixels[..., :1]).all())
    chroma = pixels.max(axis=2).astype(np.int64) - pixels.min(axis=2)
    return bool(np.percentile(chroma, 99) <= _GREY_CHROMA)


def _black_and_white(pixels: Array, name: str) -> NDArray[np.int64]:
    """255 in the bright parts of a lossy grey image. Raises ImageError for a map, whose numbers are lost."""
    lit = pixels > _FAINT
    shades = lit & (np.abs(pixels - 127.5) < _SHADE) & (_spread(pixels) <= _LEVEL)
    if shades.sum() > _MOST_SHADES * lit.sum() or (pixels.any() and not lit.any()):
        raise ImageError(
            f"mask must be black and white in a lossy file, got shades of grey in {name}. Save it as PNG."
        )
    return (pixels > _BRIGHT) * np.int64(255)


def _settled(pixels: Array, *, lossy: bool = False) -> Array:
    """The image (H, W, C) in its flat colours alone, where it is lossy or its edges are soft.

    A pixel gets the colour of the nearest flat part if it is closer to that than to black.
    """
    if not lossy and not _has_soft_edges(pixels):
        return pixels
    flat = _spread(pixels) <= (_FLAT_LOSSY if lossy else _FLAT)
    colours = _flat_colours(pixels[flat], _NEAR_LOSSY if lossy else _NEAR)
    values = pixels.astype(np.float32)
    if not len(colours):
        return pixels
    every = np.concatenate([np.zeros((1, pixels.shape[2]), np.float32), colours])
    distances = np.stack([np.square(values - colour).sum(axis=2) for colour in every])
    near = _nearest(np.where(flat, distances.argmin(axis=0), 0))
    own = np.take_along_axis(distances, near[None], axis=0)[0]
    return np.where((own <= distances[0])[..., None], every[near], 0).astype(pixels.dtype)


def _has_soft_edges(pixels: Array) -> bool:
    """Whether objects are flat except for ramps along black, in values that are flat nowhere.

    A label map has no such ramps: its objects have their number up to the edge.
    """
    light = pixels.astype(np.int64).sum(axis=2)
    if len(np.unique(light)) < 4:
        return False
    lit = light * _FAINT > light.max()
    codes = pixels.astype(np.int64) @ _CODES[-pixels.shape[2] :]
    uniform = _spread(pixels) == 0
    flat = np.isin(codes, np.unique(codes[uniform & lit]))
    share = (flat & lit).sum() / lit.sum()
    if share < 1 / 2 and (share < 1 / 10 or not _is_ramp(light, lit & ~flat)):
        return False
    edge = lit & (cv2.erode(lit.view(np.uint8), _CROSS, borderType=cv2.BORDER_REPLICATE) == 0)
    higher = cv2.dilate(light.astype(np.float32), _SQUARE) > light
    rising = edge & higher & ~flat
    return len(np.unique(codes[rising])) >= _LEAST_LEVELS and bool(rising.sum() >= _SOFT * edge.sum())


def _is_ramp(light: Array, where: Array) -> bool:
    """Whether nearly all pixels there have a brighter and a darker neighbour."""
    values = light.astype(np.float32)
    between = (cv2.dilate(values, _SQUARE) > values) & (cv2.erode(values, _SQUARE) < values)
    return bool((between & where).sum() >= 0.8 * where.sum())


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_SQUARE = np.ones((3, 3), np.uint8)


def _spread(pixels: Array) -> NDArray[np.float32]:
    """The most by which a channel differs among a pixel and its eight neighbours: (H, W)."""
    values = np.ascontiguousarray(pixels, np.float32)
    spread = cv2.dilate(values, _SQUARE) - cv2.erode(values, _SQUARE)
    return np.asarray(spread if spread.ndim == 2 else spread.max(axis=2), np.float32)


def _flat_colours(pixels: Array, near: float) -> NDArray[np.float32]:
    """The colours (K, C) of flat pixels (N, C) but for black, the most frequent of those that are alike."""
    known, counts = np.unique(pixels, axis=0, return_counts=True)
    lit = np.square(known.astype(np.float64)).sum(axis=1) > near**2
    known, counts = known[lit], counts[lit]
    left = np.ones(len(known), np.bool_)
    found: list[Array] = []
    least = max(_LEAST_PIXELS, _LEAST_SHARE * counts.sum())
    for at in np.argsort(-counts, kind="stable").tolist():
        if left[at]:
            alike = left & (np.square(known - known[at].astype(np.float64)).sum(axis=1) <= near**2)
            left &= ~alike
            if counts[alike].sum() >= least:
                found.append(known[at])
    return np.array(found, np.float32).reshape(-1, pixels.shape[1])


def _nearest(classes: Array) -> NDArray[np.int64]:
    """For every pixel the class of the nearest pixel that has one, 0 if none has."""
    if not classes.any():
        return np.zeros(classes.shape, np.int64)
    unknown = (classes == 0).astype(np.uint8)
    _, place = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros(int(place.max()) + 1, np.int64)
    table[place[classes > 0]] = classes[classes > 0]
    return np.asarray(table[place])
