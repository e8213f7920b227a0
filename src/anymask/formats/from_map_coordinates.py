"""Convert map coordinates to image pixels, by the georeference of the image (a GeoTIFF).

RFC 7946 says that GeoJSON is in longitude and latitude; image tools write pixels into it. Which of
them a file holds is detected from its `crs`, the image and the values.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anymask.errors import FormatError, MissingExtraError
from anymask.formats.polygons.rings import Ring, as_ring
from anymask.geometry.affine import affine_xy, inverse_affine

__all__ = ["find"]

_GEOGRAPHIC = "EPSG:4326"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def find(
    image_path: Path, crs: object, corners: Ring, size: tuple[int, int]
) -> Callable[[Ring], Ring] | None:
    """The conversion of coordinates to pixels of an image of `size` (H, W); None if they are already pixels.

    crs: the file's member of this name, if it has one. corners: (N, 2) all coordinates. Raises FormatError
    where
    they are those of a map and the image has no place on the earth, MissingExtraError without rasterio.
    """
    named = _crs_name(crs)
    if named is None and not _is_map(image_path, corners, size):
        return None
    place = _place(image_path)
    if place is None:
        raise FormatError(
            f"coordinates must be pixels of {image_path.name}, got those of a map, as {_shown(corners)}. "
            "Give the image as a georeferenced GeoTIFF (--images)."
        )
    system, transform = place
    back = inverse_affine(transform)

    def change(ring: Ring) -> Ring:
        return affine_xy(_warped(ring, named or _GEOGRAPHIC, system), back)

    return change


def _is_map(image_path: Path, corners: Ring, size: tuple[int, int]) -> bool:
    """Whether coordinates without a `crs` are of a map: off the image, or longitudes and latitudes."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    if (low >= size[::-1]).any() or (high <= 0).any():
        return True
    if (low < (-180, -90)).any() or (high > (180, 90)).any():
        return False
    fine = bool((corners != corners.round(3)).any())  # finer than anybody draws
    small = bool((high - low < 1).all())  # everything within a pixel
    return (fine and small) or ((fine or small) and _covers(image_path, low, high))


def _covers(image_path: Path, low: Ring, high: Ring) -> bool:
    """Whether an image lies on the earth where longitudes and latitudes say."""
    place = _place(image_path)
    if place is None:
        return False
    system, transform = place
    corners = as_ring([low[0], low[1], high[0], low[1], high[0], high[1], low[0], high[1]])
    pixels = affine_xy(_warped(corners, _GEOGRAPHIC, system), inverse_affine(transform))
    return bool(np.isfinite(pixels).all() and (pixels.max(axis=0) > -1).all() and abs(pixels).max() < 1e6)


def _crs_name(crs: object) -> str | None:
    """A system other than pixels that a file names, such as urn:ogc:def:crs:EPSG::32633."""
    told = crs.get("properties") if isinstance(crs, Mapping) else None
    name = str(told.get("name", "")) if isinstance(told, Mapping) else ""
    if re.search(r"CRS84|WGS ?84", name):
        return _GEOGRAPHIC
    code = re.search(r"EPSG:(?:[\d.]*:)?(\d+)$", name)
    return f"EPSG:{code[1]}" if code else None


def _shown(corners: Ring) -> str:
    x, y = corners[0].tolist()
    return f"({x:.6g}, {y:.6g})"


def _place(image_path: Path) -> tuple[str, tuple[float, ...]] | None:
    """The coordinate system of an image and its affine transform from pixels; None where it has none."""
    try:
        with image_path.open("rb") as file:
            if file.read(4) not in _TIFF:
                return None
    except OSError:
        return None
    rasterio = _rasterio()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(image_path) as file:
                return None if file.crs is None else (file.crs.to_wkt(), tuple(file.transform)[:6])
    except rasterio.errors.RasterioError:
        return None


def _warped(ring: Ring, source: str, target: str) -> Ring:
    """Coordinates in another system."""
    rasterio = _rasterio()
    try:
        xs, ys = rasterio.warp.transform(source, target, ring[:, 0].tolist(), ring[:, 1].tolist())
    except rasterio.errors.RasterioError as error:
        raise FormatError(f"crs must be a known system, got {source} ({error}). Write pixels.") from None
    return np.stack([np.asarray(xs, np.float64), np.asarray(ys, np.float64)], axis=1)


def _rasterio() -> Any:
    try:
        import rasterio
        import rasterio.warp
    except ImportError:
        raise MissingExtraError("reading coordinates of a map", "geo") from None
    return rasterio
