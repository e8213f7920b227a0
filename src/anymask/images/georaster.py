"""Georeferenced images, read by windows: GeoTIFF and whatever else GDAL opens.

Needs the extra `geo` (rasterio).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anymask.errors import ImageError, MissingExtraError
from anymask.images.bands import Bands, Limits, find_limits, to_rgb

__all__ = ["GeoImage", "load_rasterio", "open_raster"]

OVERVIEW = 1024
"""Longest side of the subsampled image from which the stretch is computed."""


def load_rasterio() -> Any:
    """Import rasterio with the submodules that are used here."""
    try:
        import rasterio
        import rasterio.warp
        import rasterio.windows
    except ImportError:
        raise MissingExtraError("reading and writing maps", "geo") from None
    return rasterio


@contextmanager
def _open(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Open the file; a missing georeference is left to the caller."""
    rasterio = load_rasterio()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            yield file


@dataclass(frozen=True, eq=False)
class GeoImage:
    """A georeferenced image on disk; `read` returns windows of it as RGB."""

    path: Path
    """The file; it is opened anew for every window, so that threads may share this."""
    size_hw: tuple[int, int]
    """(H, W) in pixels."""
    bands: Bands
    """Which bands are shown and how."""
    limits: Limits
    """Samples that become 0 and 255, the same in every window."""
    nodata: float | None
    """The sample that stands for nothing."""
    transform: tuple[float, float, float, float, float, float]
    """(a, b, c, d, e, f): the pixel corner (x, y) lies at (a x + b y + c, d x + e y + f) in `crs`."""
    crs: str | None
    """The coordinate system as well-known text (WKT 1), None where the file has none."""

    def read(self, xyxy: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        """A window, half-open pixels, as (h, w, 3) uint8 RGB. Raises ImageError where the file is damaged."""
        rasterio, (x0, y0, x1, y1) = load_rasterio(), xyxy
        window = rasterio.windows.Window(x0, y0, x1 - x0, y1 - y0)
        try:
            with _open(self.path) as file:
                samples = file.read(self.bands.order, window=window)
        except rasterio.errors.RasterioError as error:
            raise _damaged(self.path, error) from error
        chosen = Bands(tuple(range(1, len(samples) + 1)), self.bands.stretch, self.bands.limits)
        return to_rgb(np.moveaxis(samples, 0, -1), chosen, self.limits, nodata=self.nodata)


def open_raster(path: str | os.PathLike[str], bands: Bands | None = None) -> GeoImage:
    """Open a GeoTIFF or whatever else GDAL reads, without decoding it all.

    Without `bands` the first three, or the first alone where there are fewer; samples of 8 bits are taken as
    they are, others stretched. Raises ImageError, InputError for a missing band, MissingExtraError.
    """
    rasterio = load_rasterio()
    try:
        with _open(path) as file:
            chosen = (bands or _usual_bands(file.dtypes)).among(file.count)
            order = chosen.numbers(file.count)
            small = max(1.0, max(file.shape) / OVERVIEW)
            shape = (len(order), *(max(1, round(side / small)) for side in file.shape))
            thinned = np.moveaxis(file.read(order, out_shape=shape), 0, -1)
            own = Bands(tuple(range(1, thinned.shape[2] + 1)), chosen.stretch, chosen.limits)
            return GeoImage(
                Path(path),
                file.shape,
                chosen,
                find_limits(thinned, own, nodata=file.nodata),
                file.nodata,
                tuple(file.transform)[:6],
                file.crs.to_wkt(version="WKT1_GDAL") if file.crs else None,
            )
    except rasterio.errors.RasterioError as error:
        raise _damaged(path, error) from error


def _damaged(path: str | os.PathLike[str], error: Exception) -> ImageError:
    return ImageError(
        f"image must be a complete file that GDAL reads, got {path} ({' '.join(str(error).split())[:120]}). "
        "Check the name, or get the file again."
    )


def _usual_bands(kinds: Sequence[str]) -> Bands:
    return Bands(limits=(0, 255) if set(kinds) == {"uint8"} else None)
