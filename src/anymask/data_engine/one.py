"""What is to be made of each picture, and making it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.geometry.label_map import cover
from anymask.images.bands import Bands, read_samples, to_rgb
from anymask.images.overlay import overlay
from anymask.images.raster import GeoImage, open_raster
from anymask.images.read import read_image
from anymask.images.write import encode_jpeg, encode_png
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.edges import edges
from anymask.inference.mask_generation.generate import automatic
from anymask.inference.mask_generation.hierarchy import flatten, tree
from anymask.inference.mask_generation.proposals import PROPOSALS, proposals
from anymask.inference.mask_generation.tiled import OVERLAP, automatic_tiled
from anymask.models import Progress, Sam
from anymask.types import Masks, Record

__all__ = [
    "Picture",
    "Plan",
    "default_auto",
    "find_masks",
    "label_map",
    "make_record",
    "open_picture",
    "pixels_of",
    "products",
]

Pixels: TypeAlias = NDArray[np.uint8]
Picture: TypeAlias = "Pixels | GeoImage"
"""Pixels in memory, or a file that is read by windows."""

MAPS = (".tif", ".tiff")
"""Suffixes of files that are opened as maps where that is asked for."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be made of each picture. Raises InputError for values that do not go together."""

    auto: AutoConfig = field(default_factory=AutoConfig)
    """How masks are found."""
    candidates: int | None = None
    """So many ranked proposals instead, see `anymask.proposals`."""
    tile: int | None = None
    """Side in pixels of the tiles in which a large picture is looked at; None for the whole at once."""
    overlap: int = OVERLAP
    """Pixels that neighbouring tiles share."""
    bands: Bands | None = None
    """How samples of other than 8-bit RGB become a picture."""
    granularity: float | None = None
    """Keep one level of the tree of masks, 0 the wholes, 1 the finest parts; None for all masks."""
    parents: bool = False
    """Note for each mask which other it is a part of."""
    edges: bool = False
    """Make a picture of edges, grey of 16 bits."""
    labelmap: bool = False
    """Make a flat map of the masks' numbers."""
    cover: bool = False
    """Leave no pixel of the map without a number."""
    overlay: bool = False
    """Make a picture of the masks on the photo."""

    def __post_init__(self) -> None:
        """Check what goes together."""
        if self.candidates is not None and self.candidates < 1:
            raise InputError(f"candidates must be 1 or more, got {self.candidates}. The paper takes 1000.")
        if self.candidates is not None and self.tile is not None:
            raise InputError("candidates must be of a whole picture, got a tile too. Leave one out.")
        if self.granularity is not None and not 0 <= self.granularity <= 1:
            raise InputError(f"granularity must be 0 to 1, got {self.granularity}. 0 gives the wholes.")
        if self.tile is not None and not 0 < self.overlap <= self.tile // 2:
            raise InputError(
                f"overlap must be above 0 and at most half of the tile's {self.tile} pixels, got "
                f"{self.overlap}. Take a quarter of the tile, for example."
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form, by which two plans can be compared; regions and long lists of points as a hash."""
        found = _plain(self)
        assert isinstance(found, dict)
        return found


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray):
        small = value.size <= 64 and value.dtype != np.bool_
        return value.tolist() if small else hashlib.sha256(value.tobytes()).hexdigest()
    return list(value) if isinstance(value, tuple) else value


def open_picture(path: Path, plan: Plan, *, as_map: bool = False) -> Picture:
    """Open a file as the plan wants it: TIFFs by windows where tiles or a place on the earth are asked for.

    Without `as_map` a TIFF is opened so only if rasterio is there. Raises ImageError, InputError for a band
    that it has not, MissingExtraError.
    """
    if as_map or (path.suffix.lower() in MAPS and (plan.tile or plan.bands) and _can_open_maps()):
        return open_raster(path, plan.bands)
    return read_image(path) if plan.bands is None else to_rgb(read_samples(path), plan.bands)


def _can_open_maps() -> bool:
    from importlib.util import find_spec

    return find_spec("rasterio") is not None


def pixels_of(picture: Picture) -> Pixels:
    """The whole picture (H, W, 3) uint8 RGB in memory."""
    if isinstance(picture, GeoImage):
        height, width = picture.size_hw
        return picture.read((0, 0, width, height))
    return picture


def find_masks(model: Sam, picture: Picture, plan: Plan, progress: Progress | None = None) -> Masks:
    """The masks of a picture, best first, or the level of their tree that the plan keeps."""
    if plan.tile is not None:
        masks = automatic_tiled(
            model, picture, plan.auto, tile=plan.tile, overlap=plan.overlap, progress=progress
        )
    elif plan.candidates is not None:
        masks = proposals(model, pixels_of(picture), plan.candidates, plan.auto, progress)
    else:
        masks = automatic(model, pixels_of(picture), plan.auto, progress)
    return masks if plan.granularity is None else tree(masks).at(plan.granularity)


def make_record(id: str, file: Path, masks: Masks, plan: Plan) -> Record:
    """What the JSON file of a picture holds; `file` is the picture that it names."""
    meta: dict[str, Any] = {"file_name": file.name}
    if masks.points is not None:
        meta["point_coords"] = [[point] for point in masks.points.tolist()]
    if masks.crops is not None:
        meta["crop_boxes"] = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in masks.crops.tolist()]
    if plan.parents:
        parents = tree(masks).parents
        meta["parents"] = [int(parent) + 1 if parent >= 0 else None for parent in parents]
    return Record(id, file, masks, "auto", meta)


def products(model: Sam, picture: Picture, masks: Masks, plan: Plan) -> dict[str, bytes]:
    """Files beside the JSON by their kind and suffix: "edges.png", "labels.png", "overlay.jpg"."""
    out: dict[str, bytes] = {}
    if plan.edges:
        strength = edges(model, pixels_of(picture))
        out["edges.png"] = encode_png((strength * 65_535).round().astype(np.uint16))
    if plan.labelmap:
        out["labels.png"] = label_map(masks, pixels_of(picture) if plan.cover else None)
    if plan.overlay:
        drawn = overlay(pixels_of(picture), (one.dense()[0] for one in masks))
        out["overlay.jpg"] = encode_jpeg(drawn)
    return out


def label_map(masks: Masks, image: Pixels | None = None) -> bytes:
    """A PNG file of the masks' numbers from 1, 8 or 16 bits; with the picture no pixel is left without."""
    if len(masks) > 65_535:
        raise InputError(f"label map must hold at most 65535 masks, got {len(masks)}. Raise --min-area.")
    labels = flatten(masks) if image is None else cover(flatten(masks), image)
    return encode_png(labels.astype(np.uint16 if len(masks) > 255 else np.uint8))


def default_auto(candidates: int | None, settings: dict[str, Any]) -> AutoConfig:
    """The settings given, over the paper's for proposals where candidates are asked for."""
    if candidates is None:
        return AutoConfig(**settings)
    names = ("points_per_side", "nms", "min_iou", "min_stability")
    return AutoConfig(**{**{name: getattr(PROPOSALS, name) for name in names}, **settings})
