"""Automatic masks of large images, tile by tile, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.geometry.frame import Frame
from anymask.geometry.tiles import Tile, tiles
from anymask.images.read import ImageSource, read_image
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.generate import automatic
from anymask.inference.mask_generation.stitch import merge
from anymask.inference.promptable.predict import embed
from anymask.models import Progress
from anymask.models.protocol import Promptable
from anymask.types import Masks

__all__ = ["Raster", "automatic_tiled"]

TILE = 1024
"""Side of a tile in pixels."""
OVERLAP = 256
"""Overlap of neighbouring tiles in pixels; smaller objects always lie completely in one tile."""


@runtime_checkable
class Raster(Protocol):
    """An image that can be read in windows, for example from `anymask.images.georaster.open_raster`."""

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels."""

    def read(self, xyxy: Tile) -> NDArray[np.uint8]:
        """A window as (h, w, 3) uint8 RGB."""


def automatic_tiled(
    model: Promptable,
    image: ImageSource | Raster,
    config: AutoConfig | None = None,
    *,
    tile: int = TILE,
    overlap: int = OVERLAP,
    overview: bool = True,
    progress: Progress | None = None,
) -> Masks:
    """Generate masks as `automatic` does, in overlapping tiles, so that small objects keep their full size.

    Masks that tile edges cut are merged (`stitch.merge`). The result is in order of decreasing score and has
    no points and crops. Memory holds one tile, the reduced image and the run lengths of the masks.

    model: a promptable model in evaluation mode.
    image: what `read_image` accepts, or a `Raster`.
    config: settings as for `automatic`. `points` and `roi` are in pixels of the whole image; a grid is laid
        over every tile.
    tile: side of the tiles in pixels.
    overlap: minimum overlap of neighbouring tiles in pixels.
    overview: also segment the whole image, reduced to the model's size. Objects with a side of more than
        `tile - overlap` are taken from it and replace the tiles' masks of the same objects.
    progress: called as `progress(done, total)` in tiles.

    Raises InputError unless 0 < overlap <= tile / 2, and what `automatic` raises.
    """
    source: Raster = image if isinstance(image, Raster) else _ArrayRaster(read_image(image))
    settings = config or AutoConfig()
    places = tiles(source.size_hw, tile, overlap)
    large = _large_masks(model, source, settings, tile - overlap) if overview and len(places) > 1 else None
    return merge(source.size_hw, _parts(model, source, settings, places, progress), large)


class _ArrayRaster:
    """An image in memory as a `Raster`."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels
        self.size_hw = (pixels.shape[0], pixels.shape[1])

    def read(self, xyxy: Tile) -> NDArray[np.uint8]:
        x0, y0, x1, y1 = xyxy
        return self.pixels[y0:y1, x0:x1]


def _parts(
    model: Promptable, source: Raster, config: AutoConfig, places: list[Tile], progress: Progress | None
) -> Iterator[tuple[Tile, Masks]]:
    """The tiles that contain points, with their masks."""
    for done, place in enumerate(places, 1):
        own = _within(config, place)
        if own is not None:
            yield place, automatic(model, source.read(place), own)
        if progress is not None:
            progress(done, len(places))


def _large_masks(model: Promptable, source: Raster, config: AutoConfig, side: int) -> Masks:
    """The masks of the reduced whole image that have a side of more than `side` pixels."""
    shape = model.config
    fit = Frame.fit(source.size_hw, shape.size, square=shape.square, multiple=shape.multiple)
    reduced = embed(model, _reduced(source, fit.scaled_hw))
    whole = replace(reduced, frame=replace(reduced.frame, size_hw=source.size_hw), image=None)
    masks = automatic(model, whole, replace(config, crop_layers=0, pixels_per_point=None))
    boxes = masks.boxes
    return masks[(boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) > side]


def _reduced(source: Raster, hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The whole image reduced to the size `hw`, read window by window."""
    out = np.zeros((*hw, 3), np.uint8)
    full = np.array(source.size_hw)
    count = np.minimum(-(-full // TILE), hw)
    rows, columns = (
        np.linspace(0, side, n + 1).round().astype(int) for side, n in zip(hw, count, strict=True)
    )
    scale = full / hw
    for y0, y1 in pairwise(rows.tolist()):
        for x0, x1 in pairwise(columns.tolist()):
            corners = np.array([x0, y0, x1, y1]) * np.tile(scale[::-1], 2)
            left, top, right, bottom = (int(value) for value in corners.round())
            window = source.read((left, top, max(right, left + 1), max(bottom, top + 1)))
            out[y0:y1, x0:x1] = cv2.resize(window, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return out


def _within(config: AutoConfig, tile: Tile) -> AutoConfig | None:
    """The configuration in a tile's frame, None if no point or no part of the region lies in the tile."""
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
    """A region, box or mask, cropped to a tile; None if it does not overlap the tile."""
    x0, y0, x1, y1 = tile
    if roi.ndim == 2:
        part = roi[y0:y1, x0:x1]
        return part if part.any() else None
    moved = roi - np.array([x0, y0, x0, y0], np.float32)
    return moved if (moved[:2] < (x1 - x0, y1 - y0)).all() and (moved[2:] > 0).all() else None
