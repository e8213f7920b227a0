"""Masks of everything in a large image, tile by tile, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anymask.automatic import AutoConfig, automatic
from anymask.images import ImageSource, read_image
from anymask.models import Progress, Sam
from anymask.mosaic import Tile, merge, tiles
from anymask.types import Masks

__all__ = ["Raster", "automatic_tiled"]

TILE = 1024
"""Pixels of a tile's side."""
OVERLAP = 256
"""Pixels that neighbouring tiles share: the size of things that one of them sees whole."""


@runtime_checkable
class Raster(Protocol):
    """A picture that can be read by windows, such as `geo.open_raster` gives."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels."""

    def read(self, xyxy: Tile) -> NDArray[np.uint8]:
        """A window as (h, w, 3) uint8 RGB."""


def automatic_tiled(
    model: Sam,
    image: ImageSource | Raster,
    config: AutoConfig | None = None,
    *,
    tile: int = TILE,
    overlap: int = OVERLAP,
    progress: Progress | None = None,
) -> Masks:
    """Find the masks of everything as `automatic` does, in tiles of `tile` x `tile` pixels of the image.

    So small things of a large image are seen at full size. What a tile's edge cuts off is joined with the
    neighbour's view, see `mosaic.merge`; masks come best score first and do not tell their points and crops.
    Points and the region of interest of `config` are of the whole image, a grid is laid over every tile.
    Memory holds one tile, and the run lengths of the masks. `progress(done, total)` counts tiles.
    Raises InputError unless 0 < overlap <= tile / 2, and what `automatic` raises.
    """
    source: Raster = image if isinstance(image, Raster) else _Whole(read_image(image))
    settings = config or AutoConfig()
    places = tiles(source.size_hw, tile, overlap)
    return merge(source.size_hw, _parts(model, source, settings, places, progress))


class _Whole:
    """An image in memory, read by windows."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.size_hw = (pixels.shape[0], pixels.shape[1])

    def read(self, xyxy: Tile) -> NDArray[np.uint8]:
        x0, y0, x1, y1 = xyxy
        return self.pixels[y0:y1, x0:x1]


def _parts(
    model: Sam, source: Raster, config: AutoConfig, places: list[Tile], progress: Progress | None
) -> Iterator[tuple[Tile, Masks]]:
    """The tiles in which there is something to ask, with their masks."""
    for done, place in enumerate(places, 1):
        own = _within(config, place)
        if own is not None:
            yield place, automatic(model, source.read(place), own)
        if progress is not None:
            progress(done, len(places))


def _within(config: AutoConfig, tile: Tile) -> AutoConfig | None:
    """The configuration in a tile's frame, None where no point or no region lies in the tile."""
    changes: dict[str, Any] = {}
    corner, end = np.array(tile[:2], np.float32), np.array(tile[2:], np.float32)
    if config.points is not None:
        points = np.asarray(config.points, np.float32)
        inside = ((points >= corner) & (points <= end)).all(axis=1)
        if not inside.any():
            return None
        changes["points"] = points[inside] - corner
    if config.roi is not None:
        roi = _region(np.asarray(config.roi), tile)
        if roi is None:
            return None
        changes["roi"] = roi
    return replace(config, **changes)


def _region(roi: NDArray[Any], tile: Tile) -> NDArray[Any] | None:
    """The part of a region, box or mask, in a tile, None where there is none."""
    x0, y0, x1, y1 = tile
    if roi.ndim == 2:
        part = roi[y0:y1, x0:x1]
        return part if part.any() else None
    moved = roi - np.array([x0, y0, x0, y0], np.float32)
    return moved if (moved[:2] < (x1 - x0, y1 - y0)).all() and (moved[2:] > 0).all() else None
