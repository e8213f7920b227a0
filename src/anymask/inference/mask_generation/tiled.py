"""Masks of everything in a large image, tile by tile, in bounded memory."""

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
from anymask.models import Progress, Sam
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
    overview: bool = True,
    progress: Progress | None = None,
) -> Masks:
    """Find the masks of everything as `automatic` does, in tiles of `tile` x `tile` pixels of the image.

    So small things of a large image are seen at full size. What a tile's edge cuts off is joined with the
    neighbour's view, see `mosaic.merge`; masks come best score first and do not tell their points and crops.
    With `overview` the whole image is looked at too, reduced to the model's size: things with a side of more
    than `tile - overlap` are taken from there, and what the tiles made of the same thing goes.
    Points and the region of interest of `config` are of the whole image, a grid is laid over every tile.
    Memory holds one tile, the reduced image and the run lengths of the masks. `progress(done, total)` counts
    tiles. Raises InputError unless 0 < overlap <= tile / 2, and what `automatic` raises.
    """
    source: Raster = image if isinstance(image, Raster) else _Whole(read_image(image))
    settings = config or AutoConfig()
    places = tiles(source.size_hw, tile, overlap)
    large = _large(model, source, settings, tile - overlap) if overview and len(places) > 1 else None
    return merge(source.size_hw, _parts(model, source, settings, places, progress), large)


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


def _large(model: Sam, source: Raster, config: AutoConfig, side: int) -> Masks:
    """The masks of the whole image that have a side of more than `side` pixels."""
    shape = model.config
    fit = Frame.fit(source.size_hw, shape.size, square=shape.square, multiple=shape.multiple)
    seen = embed(model, _reduced(source, fit.scaled_hw))
    whole = replace(seen, frame=replace(seen.frame, size_hw=source.size_hw), image=None)
    masks = automatic(model, whole, replace(config, crop_layers=0, pixels_per_point=None))
    boxes = masks.boxes
    return masks[(boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) > side]


def _reduced(source: Raster, hw: tuple[int, int]) -> NDArray[np.uint8]:
    """The whole picture at the size `hw`, read by windows: each gives the pixels that lie in it."""
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
