"""Samples as a file stores them, before they become 8-bit RGB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anymask.errors import AnymaskError, ImageError, InputError
from anymask.files import budget

__all__ = ["MAX_PIXELS", "Samples", "check_pixels", "check_plane", "reading", "stored_window", "turn"]

MAX_PIXELS = budget.most("pixels")
"""Images with more pixels are refused by their header, before they are decoded: 268 megapixels by default."""


@dataclass(frozen=True)
class Samples:
    """The samples of one image, upright."""

    array: NDArray[Any]
    """(H, W, B) in the file's own type and range."""
    colours: int
    """So many bands show something: 3 are red, green and blue, 1 is grey."""
    alpha: Literal["straight", "premultiplied"] | None = None
    """What the band after the colours is."""
    white: float | None = None
    """The value that is white; None where the file does not say, as for floats."""
    limits: tuple[float, float] | None = None
    """Values that become 0 and 255, where the file declares them (the window of a DICOM file)."""
    inverted: bool = False
    """Whether low values are bright."""
    inverted_numbers: bool = True
    """Whether masks are inverted too. Not for files of tifffile and ImageJ, which declare low values bright
    in boolean arrays and inverted views, where an object still has the high value."""
    nodata: float | None = None
    """The sample that stands for nothing."""
    notes: tuple[str, ...] = ()
    """What was chosen without being asked for, such as the first plane of a stack."""

    def numbers(self) -> NDArray[Any]:
        """The samples as numbers of a mask or label map (H, W, B); of one bit as 0 and 255."""
        array = self.array
        if self.inverted and self.inverted_numbers and self.white is not None:
            array = np.asarray(self.white - array, array.dtype)
        return array * np.uint8(255) if self.white == 1 else array


def whole_numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """The numbers of a mask or label map; floats as int32. Raises ImageError unless all are whole and fit."""
    if array.dtype.kind in "iu":
        return array
    numbers = np.asarray(array, np.float64)
    if not (
        np.isfinite(numbers).all() and (numbers == np.rint(numbers)).all() and np.abs(numbers).max() < 2**31
    ):
        raise ImageError(
            f"mask must hold whole numbers, got {name} with fractions, NaN or numbers over 2^31. "
            "Save one integer a region."
        )
    return numbers.astype(np.int32)


@contextmanager
def reading(name: str, kind: str) -> Iterator[None]:
    """Convert any exception that a parser raises on a corrupt file to ImageError."""
    try:
        yield
    except (AnymaskError, MemoryError):
        raise
    except Exception as error:  # they raise nearly anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise ImageError(
            f"image must be a complete {kind}, got {name}, which is corrupt or truncated ({reason}). "
            "Get the file again."
        ) from error


def check_pixels(size_hw: tuple[int, int], most: int | None = None, name: str = "") -> None:
    """Raise ImageError for an image without pixels or with more than `most`, by default the budget's."""
    height, width = size_hw
    most = budget.most("pixels") if most is None else most
    place = f" by the header of {name}" if name else ""
    if width < 1 or height < 1:
        raise ImageError(f"image must have pixels, got {width} x {height}{place}. Give another image.")
    if width * height > most:
        raise ImageError(
            f"image must have at most {most} pixels, got {width} x {height}{place}. Make it smaller first."
        )


def check_plane(plane: Mapping[str, int], axes: Mapping[str, int], name: str) -> None:
    """Raise InputError where a plane [c=1,z=3] is not one of an image with such axes."""
    for key, number in plane.items():
        if key not in axes:
            known = ", ".join(f"{axis}=0 to {size - 1}" for axis, size in axes.items()) or "none"
            raise InputError(
                f"plane must be chosen among {known}, got {key}={number} for {name}. Leave it out."
            )
        if not 0 <= number < axes[key]:
            raise InputError(
                f"plane must have {key} from 0 to {axes[key] - 1}, got {number} for {name}. Choose another."
            )


def turn(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn (H, W) or (H, W, B) upright by an orientation of EXIF or TIFF, 1 to 8."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def stored_window(
    xyxy: tuple[int, int, int, int], orientation: int, upright_hw: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The window of the stored image that `turn` makes the upright window `xyxy` of."""
    x0, y0, x1, y1 = xyxy
    height, width = upright_hw
    if orientation in (3, 4, 7, 8):
        y0, y1 = height - y1, height - y0
    if orientation in (2, 3, 6, 7):
        x0, x1 = width - x1, width - x0
    return (y0, x0, y1, x1) if orientation >= 5 else (x0, y0, x1, y1)
