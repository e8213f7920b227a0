"""Images from files of every common format, bytes and arrays: (H, W, 3) uint8 RGB, and maps of numbers."""

from __future__ import annotations

import io
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from anymask.errors import AnymaskError, ImageError
from anymask.images.eight_bits import array_samples, from_samples
from anymask.images.folder import is_video
from anymask.images.heif import is_heif, register_heif
from anymask.images.pillow_limit import without_limit
from anymask.images.planes import path_of, plane_size, read_samples
from anymask.images.stored_pixels import MAX_PIXELS, Samples, check_pixels, turn, whole_numbers

__all__ = [
    "MAX_PIXELS",
    "ImageFile",
    "ImageSource",
    "image_size",
    "is_deep",
    "name_of",
    "open_image",
    "orientation_of",
    "read_image",
    "read_map",
    "read_stored",
    "refuse_video",
]

ADDRESS = re.compile(r"(?i)(?:https?|ftp|s3|gs):/")
"""How an address in the network begins; a Path keeps one slash only."""

ImageFile: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO"


ImageSource: TypeAlias = "ImageFile | Image.Image | NDArray[Any]"


Pixels: TypeAlias = NDArray[np.uint8]

_ORIENTATION = 0x0112  # the EXIF tag


_ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


def read_image(image: ImageSource, *, max_pixels: int | None = None, white: float | None = None) -> Pixels:
    """Read an image as (H, W, 3) uint8 RGB.

    `image` is a file name, the bytes of a file, an open file, a Pillow image or an array (H, W), (H, W, 1),
    (H, W, 3) or (H, W, 4) of uint8 or uint16. The name may choose a plane, `stack.ome.tif[c=1,z=3]`, see
    `planes`. Orientations of EXIF and TIFF are applied, alpha is composited over white, and of an animation
    or stack
    the first frame is used. `white` is the sample value that becomes 255 in images of more than 8 bits:
    65535 if not given, needed for larger integers and for floats (`display.read_display` finds one). Raises
    ImageError for anything that is not a complete image, or has more than `max_pixels` pixels,
    by default those of the budget.
    """
    return from_samples(read_stored(image, max_pixels=max_pixels), white)


def read_stored(image: ImageSource, *, max_pixels: int | None = None) -> Samples:
    """The samples of whatever `read_image` takes, upright, in the depth of the file. Raises as it does."""
    if isinstance(image, np.ndarray):
        return array_samples(image)
    source = _unread_tiff(image) if isinstance(image, Image.Image) else image
    stored = None if isinstance(source, Image.Image) else read_samples(source, name_of(image), max_pixels)
    if stored is not None:
        return stored
    opened = source if isinstance(source, Image.Image) else open_image(source)
    check_pixels(opened.size[::-1], max_pixels)
    try:
        return replace(_decode(opened), notes=_animation(opened, name_of(image)))
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise _damaged(image, error) from error
    finally:
        if opened is not image:
            opened.close()


def _unread_tiff(opened: Image.Image) -> Image.Image | bytes:
    """The bytes of a TIFF that is not decoded yet: Pillow decodes some of them wrongly."""
    untouched = opened.format == "TIFF" and bool(getattr(opened, "tile", None)) and opened.tell() == 0
    return (_file_bytes(opened) if untouched else b"") or opened


def read_map(path: ImageFile) -> NDArray[Any]:
    """Read an image of numbers, such as a mask: (H, W) integers, palettes as their indices.

    Floats that hold whole numbers become int32. Raises ImageError where `read_image` does, for a colour image
    whose channels differ, and for fractions.
    """
    stored = read_samples(path, name_of(path), None, indices=True)
    array = _decode_map(path) if stored is None else _map_of(stored)
    if array.ndim == 3 and (array[..., :3] == array[..., :1]).all():
        array = array[..., 0]
    if array.ndim != 2:
        raise ImageError(
            f"mask must be a grey or palette image, got {name_of(path)} in colour. Save it in grey."
        )
    return whole_numbers(array, name_of(path))


def _decode_map(path: ImageFile) -> NDArray[Any]:
    """The numbers of what Pillow reads, (H, W) or (H, W, B), upright."""
    with open_image(path) as opened:
        check_pixels(opened.size[::-1])
        try:
            array = np.asarray(opened)
        except Exception as error:  # decoders raise nearly anything on damaged files
            raise _damaged(path, error) from error
        array = turn(array, orientation_of(opened))
    return (array.view(np.uint8) != 0) * np.uint8(255) if array.dtype == np.bool_ else array


def _map_of(stored: Samples) -> NDArray[Any]:
    """The numbers of samples, (H, W) if there is one band."""
    array = stored.numbers()
    return array[..., 0] if array.shape[2] == 1 else array


def _damaged(image: object, error: Exception) -> ImageError:
    """The error for a file that a decoder could not finish."""
    return ImageError(
        f"image must be a complete image file, got {name_of(image)}, which is corrupt or truncated "
        f"({_reason(error)}). Get the file again."
    )


def image_size(image: ImageFile) -> tuple[int, int]:
    """Read (H, W) from the header, EXIF orientation applied. Raises ImageError as `read_image` does."""
    size = plane_size(image, name_of(image))
    if size is not None:
        return size
    with open_image(image) as opened:
        check_pixels(opened.size[::-1], None, name_of(image))
        width, height = opened.size
        return (width, height) if orientation_of(opened) >= 5 else (height, width)


def refuse_video(image: object) -> None:
    """Raise ImageError for the path of a video."""
    if isinstance(image, str | os.PathLike) and is_video(Path(image)):
        raise ImageError(
            f"image must be an image file, got the video {name_of(image)}. Find objects in it by an example "
            "with anymask like, or track them in the app: anymask serve FOLDER"
        )


def open_image(image: object) -> Image.Image:
    """Open a file by Pillow without decoding it. Raises ImageError as `read_image`."""
    source = _file_of(image)
    try:
        if is_heif(source):
            register_heif()
        with without_limit():
            opened = _opened(source)
    except AnymaskError:
        raise
    except UnidentifiedImageError:
        refuse_video(source)
        raise ImageError(
            f"image must be an image file, got {name_of(image)}, which is none. "
            "Give a JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, DICOM or NIfTI file."
        ) from None
    except Exception as error:  # decoders raise nearly anything on damaged headers
        raise ImageError(
            f"image must be an image file, got {name_of(image)}, which cannot be opened ({_reason(error)}). "
            "Get the file again."
        ) from error
    try:
        check_pixels(opened.size[::-1], None, name_of(image))
    except ImageError:
        opened.close()
        raise
    return opened


_COMMON = ("JPEG", "PNG", "BMP", "GIF", "PPM")
"""The formats whose decoders Pillow imports at once."""
_FORMATS = (*_COMMON, "WEBP", "TIFF", "AVIF", "HEIF", "JPEG2000")


def _opened(source: Any) -> Image.Image:
    """Open one of the formats that are read; EPS, for one, would start Ghostscript.

    Importing all decoders takes 0.1 s, so the common ones are tried first.
    """
    Image.preinit()
    try:
        return Image.open(source, formats=_COMMON)
    except UnidentifiedImageError:
        Image.init()
        return Image.open(source, formats=[name for name in _FORMATS if name in Image.OPEN])


def _file_of(image: object) -> Any:
    """The source that Pillow opens. Raises ImageError if it is missing, empty or not a file."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        if len(image) == 0:
            raise ImageError("image must be an image file, got no bytes at all. Get the file again.")
        return io.BytesIO(image)
    if hasattr(image, "read"):
        return image
    if not isinstance(image, (str, os.PathLike)):
        raise ImageError(
            f"image must be a file name, bytes, an open file, a Pillow image or an array, got "
            f"{type(image).__name__}. Convert it with numpy.asarray."
        )
    path = Path(path_of(image))
    if ADDRESS.match(str(path)):
        raise ImageError(f"image must be a file, got the address {image}. Download it first.")
    if path.is_dir():
        raise ImageError(f"image must be a file, got the folder {path}. Name one image in it.")
    if not path.exists():
        raise ImageError(f"image must be a file that exists, got {path}. Check the name.")
    if not path.is_file():
        raise ImageError(f"image must be a regular file, got {path}, a pipe or device. Save it to a file.")
    if path.stat().st_size == 0:
        raise ImageError(f"image must be an image file, got {path}, which is empty. Get the file again.")
    return path


def name_of(image: object) -> str:
    """The name of the image in messages."""
    if isinstance(image, (str, os.PathLike)):
        return str(image)
    return f"{len(image)} bytes" if isinstance(image, (bytes, bytearray)) else type(image).__name__


def _reason(error: Exception) -> str:
    """The message of a decoder in one short line."""
    lines = str(error).strip().splitlines()
    return lines[0][:100] if lines else type(error).__name__


def orientation_of(opened: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 if it is missing or corrupt."""
    if opened.format == "PNG" and "exif" not in opened.info:
        return 1  # getexif would decode the whole file to look behind the pixels
    try:
        value = opened.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF is no reason to refuse the pixels
        return 1
    return value if value in range(1, 9) else 1


def _decode(opened: Image.Image) -> Samples:
    """Decode, convert and turn an image."""
    if getattr(opened, "is_animated", False):
        opened.seek(0)
    array = _decode_by_opencv(opened)
    if array is None:
        opened.load()
        array = _unpacked(opened)
    return array_samples(np.ascontiguousarray(turn(array, orientation_of(opened))))


def _animation(opened: Image.Image, name: str) -> tuple[str, ...]:
    """A note where there is more than one frame; MPO is a photo with its preview."""
    animated = bool(getattr(opened, "is_animated", False)) and opened.format != "MPO"
    return (f"{name} is animated; its first frame is used",) if animated else ()


def _decode_by_opencv(opened: Image.Image) -> NDArray[Any] | None:
    """Samples (H, W, 3 or 4) of the files that OpenCV reads better, None for all others.

    Those are colour of 16 bits a sample, which Pillow cuts to 8, and whole JPEGs, which OpenCV decodes to the
    same pixels in half the time. A JPEG without its end mark is left to Pillow, which sees it is cut off.
    """
    deep = opened.mode in ("RGB", "RGBA") and is_deep(opened)
    jpeg = opened.format == "JPEG" and opened.mode in ("RGB", "L") and bool(getattr(opened, "tile", None))
    data = _file_bytes(opened) if deep or jpeg else b""
    if not data or (jpeg and data[-2:] != b"\xff\xd9"):
        return None
    how = cv2.IMREAD_UNCHANGED if deep else cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    found = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    if found is None or found.shape[:2] != opened.size[::-1] or (deep and found.dtype != np.uint16):
        return None
    if not deep:
        return np.asarray(found)
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA if found.shape[2] == 4 else cv2.COLOR_BGR2RGB))


def is_deep(opened: Image.Image) -> bool:
    """Whether an opened image that is not decoded yet has more than 8 bits a sample."""
    tiles = getattr(opened, "tile", None) or []
    return opened.mode[:1] in ("I", "F") or (bool(tiles) and ";16" in str(tiles[0][3]))


def _file_bytes(opened: Image.Image) -> bytes:
    """The file that an image was opened from, nothing where it is closed."""
    file = getattr(opened, "fp", None)
    if file is None:
        return b""
    place = file.tell()
    file.seek(0)
    data = bytes(file.read())
    file.seek(place)
    return data


def _unpacked(opened: Image.Image) -> NDArray[Any]:
    """The samples (H, W), (H, W, 3) or (H, W, 4) of a loaded Pillow image, whatever its mode."""
    if opened.mode.startswith("I") or opened.mode == "F":
        return np.asarray(opened)
    if opened.mode in _ALPHA_MODES or "transparency" in opened.info:
        return np.asarray(opened.convert("RGBA"))
    return np.asarray(opened if opened.mode == "RGB" else opened.convert("RGB"))
