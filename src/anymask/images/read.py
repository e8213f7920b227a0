"""Pictures in and out: every common file as (H, W, 3) uint8 RGB, PNG files, and the overlay of masks."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from anymask.errors import ImageError

__all__ = ["MAX_PIXELS", "ImageFile", "ImageSource", "image_size", "read_image", "read_map"]

ImageFile: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO"


ImageSource: TypeAlias = "ImageFile | Image.Image | NDArray[Any]"


Pixels: TypeAlias = NDArray[np.uint8]


MAX_PIXELS = 178_956_970
"""Larger pictures are refused by their header, before they are decoded: Pillow's own limit."""


_ORIENTATION = 0x0112  # the EXIF tag


_ALPHA_MODES = ("RGBA", "LA", "PA", "RGBa", "La")


def read_image(image: ImageSource, *, max_pixels: int = MAX_PIXELS, white: float | None = None) -> Pixels:
    """Read a picture as (H, W, 3) uint8 RGB.

    `image` is a file name, the bytes of a file, an open file, a Pillow image or an array (H, W), (H, W, 1),
    (H, W, 3) or (H, W, 4) of uint8 or uint16. EXIF orientation is applied, alpha is laid over white, of an
    animation the first frame is taken. `white` is the sample value that becomes 255 in pictures of more than
    8 bits: 65535 if not given, needed for larger integers and for floats. Raises ImageError for anything that
    is not a whole picture, or has more than `max_pixels` pixels.
    """
    if isinstance(image, np.ndarray):
        return _from_array(image, white)
    picture = image if isinstance(image, Image.Image) else _open(image)
    _check_pixels(picture.size, max_pixels)
    try:
        return _decode(picture, white)
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything on damaged files
        raise _damaged(image, error) from error
    finally:
        if picture is not image:
            picture.close()


def read_map(path: ImageFile) -> NDArray[Any]:
    """Read a picture of numbers, such as a mask: (H, W) uint8, uint16 or int32, palettes as their indices.

    Raises ImageError where `read_image` does, and for a colour picture whose channels differ.
    """
    with _open(path) as picture:
        _check_pixels(picture.size, MAX_PIXELS)
        try:
            array = np.asarray(picture)
        except Exception as error:  # decoders raise nearly anything on damaged files
            raise _damaged(path, error) from error
    if array.dtype == np.bool_:
        array = (array.view(np.uint8) != 0) * np.uint8(255)
    if array.ndim == 3 and (array[..., :3] == array[..., :1]).all():
        array = array[..., 0]
    if array.ndim != 2 or array.dtype.kind not in "iu":
        raise ImageError(
            f"mask must be a grey or palette picture, got {_name(path)} in colour. Save it in grey."
        )
    return array


def _damaged(image: object, error: Exception) -> ImageError:
    """The error for a file that a decoder gave up on."""
    return ImageError(
        f"image must be a whole picture, got {_name(image)}, which is damaged or cut off ({_reason(error)}). "
        "Get the file again."
    )


def image_size(image: ImageFile) -> tuple[int, int]:
    """Read (H, W) from the header, EXIF orientation applied. Raises ImageError as `read_image` does."""
    with _open(image) as picture:
        width, height = picture.size
        return (width, height) if _orientation(picture) >= 5 else (height, width)


def _open(image: object) -> Image.Image:
    """Open a file without decoding it."""
    source = _file_of(image)
    try:
        return Image.open(source)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = re.search(r"\d+", str(error))
        raise ImageError(
            f"image must have at most {MAX_PIXELS} pixels, got {found.group() if found else 'more'} by the "
            f"header of {_name(image)}. Make it smaller first."
        ) from None
    except UnidentifiedImageError:
        raise ImageError(
            f"image must be a picture, got {_name(image)}, which no decoder knows. "
            "Give a JPEG, PNG, WebP, TIFF, BMP or GIF file."
        ) from None
    except Exception as error:  # decoders raise nearly anything on damaged headers
        raise ImageError(
            f"image must be a picture, got {_name(image)}, which cannot be opened ({_reason(error)}). "
            "Get the file again."
        ) from error


def _file_of(image: object) -> Any:
    """What Pillow opens; ImageError for what is missing, empty or no file."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        if len(image) == 0:
            raise ImageError("image must be a picture, got no bytes at all. Get the file again.")
        return io.BytesIO(image)
    if hasattr(image, "read"):
        return image
    if not isinstance(image, (str, os.PathLike)):
        raise ImageError(
            f"image must be a file name, bytes, an open file, a Pillow image or an array, got "
            f"{type(image).__name__}. Convert it with numpy.asarray."
        )
    path = Path(image)
    if path.is_dir():
        raise ImageError(f"image must be a file, got the folder {path}. Name one picture in it.")
    if not path.exists():
        raise ImageError(f"image must be a file that exists, got {path}. Check the name.")
    if path.is_file() and path.stat().st_size == 0:
        raise ImageError(f"image must be a picture, got {path}, which is empty. Get the file again.")
    return path


def _name(image: object) -> str:
    """How messages call the picture."""
    if isinstance(image, (str, os.PathLike)):
        return str(image)
    return f"{len(image)} bytes" if isinstance(image, (bytes, bytearray)) else type(image).__name__


def _reason(error: Exception) -> str:
    """A decoder's complaint in one short line."""
    lines = str(error).strip().splitlines()
    return lines[0][:100] if lines else type(error).__name__


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Refuse pictures without pixels or with too many."""
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"image must have pixels, got {width} x {height}. Give another picture.")
    if width * height > max_pixels:
        raise ImageError(
            f"image must have at most {max_pixels} pixels, got {width} x {height}. Make it smaller first."
        )


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or it is damaged."""
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1  # getexif would decode the whole file to look behind the pixels
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF is no reason to refuse the pixels
        return 1
    return value if value in range(1, 9) else 1


def _decode(picture: Image.Image, white: float | None) -> Pixels:
    """Decode, convert and turn a picture."""
    if getattr(picture, "is_animated", False):
        picture.seek(0)
    samples = _decode_by_opencv(picture)
    if samples is not None:
        pixels = _from_array(samples, white)
    else:
        picture.load()
        pixels = _to_rgb(picture, white)
    return np.ascontiguousarray(_turn(pixels, _orientation(picture)))


def _decode_by_opencv(picture: Image.Image) -> NDArray[Any] | None:
    """Samples (H, W, 3 or 4) of the files that OpenCV reads better, None for all others.

    Those are colour of 16 bits a sample, which Pillow cuts to 8, and whole JPEGs, which OpenCV decodes to the
    same pixels in half the time. A JPEG without its end mark is left to Pillow, which sees it is cut off.
    """
    tiles = getattr(picture, "tile", None) or []
    deep = picture.mode in ("RGB", "RGBA") and bool(tiles) and ";16" in str(tiles[0][3])
    jpeg = picture.format == "JPEG" and picture.mode in ("RGB", "L") and bool(tiles)
    data = _file_bytes(picture) if deep or jpeg else b""
    if not data or (jpeg and data[-2:] != b"\xff\xd9"):
        return None
    how = cv2.IMREAD_UNCHANGED if deep else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    found = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    if found is None or found.shape[:2] != picture.size[::-1] or (deep and found.dtype != np.uint16):
        return None
    code = cv2.COLOR_BGRA2RGBA if found.shape[2] == 4 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(found, code, dst=found))


def _file_bytes(picture: Image.Image) -> bytes:
    """The file that a picture was opened from, nothing where it is closed."""
    file = getattr(picture, "fp", None)
    if file is None:
        return b""
    place = file.tell()
    file.seek(0)
    data = bytes(file.read())
    file.seek(place)
    return data


def _to_rgb(picture: Image.Image, white: float | None) -> Pixels:
    """Pixels of a loaded Pillow image, whatever its mode."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _from_array(np.asarray(picture), white)
    if picture.mode in _ALPHA_MODES or "transparency" in picture.info:
        return _over_white(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _from_array(array: NDArray[Any], white: float | None) -> Pixels:
    """Pixels of an array of samples."""
    samples = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if samples.ndim != 2 and not (samples.ndim == 3 and samples.shape[2] in (3, 4)):
        raise ImageError(f"image must have shape (H, W), (H, W, 3 or 4), got {array.shape}. Move axes.")
    _check_pixels((samples.shape[1], samples.shape[0]), 1 << 62)
    if samples.dtype == np.bool_:
        samples = (samples.view(np.uint8) != 0) * np.uint8(255)
    pixels = samples if samples.dtype == np.uint8 else _to_8_bits(samples, white)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return _over_white(pixels) if pixels.shape[2] == 4 else np.ascontiguousarray(pixels)


def _to_8_bits(samples: NDArray[Any], white: float | None) -> Pixels:
    """Scale samples so that `white` becomes 255, rounded and clipped."""
    if samples.dtype.kind not in "iuf":
        raise ImageError(f"image must hold numbers, got {samples.dtype}. Convert it to uint8.")
    if white is None:
        fits = samples.dtype.kind in "iu" and samples.min() >= 0 and samples.max() <= 65535
        if not fits:
            raise ImageError(
                f"image must be of 8 or 16 bits a sample, got {samples.dtype}. Give white=, the white value."
            )
        white = 65535.0
    if not white > 0:
        raise ImageError(f"white must be above 0, got {white}. Give the largest sample value.")
    scaled = np.nan_to_num(samples.astype(np.float32)) * np.float32(255 / white)
    return np.asarray(np.clip(np.rint(scaled), 0, 255)).astype(np.uint8)


def _over_white(rgba: Pixels) -> Pixels:
    """Lay (H, W, 4) with straight alpha over white."""
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + np.uint16(255) * (255 - alpha)
    return np.asarray((mixed + 127) // 255).astype(np.uint8)


def _turn(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels
