"""What to make of an image, and the one function that makes it: its record and its files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path, PurePath
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError
from anymask.files import budget
from anymask.formats import sa1b
from anymask.formats.to_map_coordinates import geojson, geopackage
from anymask.geometry.label_map import cover
from anymask.images.bands import Bands
from anymask.images.display import TiffWindows, open_windows, read_display
from anymask.images.georaster import GeoImage, open_raster
from anymask.images.overlay import overlay
from anymask.images.write import encode_jpeg, encode_png
from anymask.inference.mask_generation.config import AutoConfig
from anymask.inference.mask_generation.edges import edges
from anymask.inference.mask_generation.generate import automatic
from anymask.inference.mask_generation.hierarchy import flatten, tree
from anymask.inference.mask_generation.proposals import PROPOSALS, proposals
from anymask.inference.mask_generation.tiled import OVERLAP, automatic_tiled
from anymask.inference.text.names import name_masks, without_parts
from anymask.models import Progress, Promptable
from anymask.types import Masks, Record
from anymask.types.pieces import doubtful

__all__ = [
    "FOLDERS",
    "OpenImage",
    "Plan",
    "default_auto",
    "make_item",
    "open_image",
    "pixels_of",
    "process",
    "stored_name",
]

Pixels: TypeAlias = NDArray[np.uint8]
OpenImage: TypeAlias = "Pixels | GeoImage | TiffWindows"
"""Pixels in memory, or a file that is read by windows."""

FOLDERS = {"edges.png": "edges", "labels.png": "labels", "overlay.jpg": "overlays"}
"""The folder of a data set for each further kind of file."""
RASTERS = (".tif", ".tiff")
"""Suffixes of files that are read by windows where the plan has tiles."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to make of an image. Raises InputError for values that do not go together."""

    auto: AutoConfig = field(default_factory=AutoConfig)
    """How masks are generated."""
    candidates: int | None = None
    """Number of ranked proposals to give instead, see `anymask.proposals`."""
    tile: int | None = None
    """Side in pixels of the tiles that a large image is split into; None for the whole image in one pass."""
    overlap: int = OVERLAP
    """Pixels that neighbouring tiles share."""
    bands: Bands | None = None
    """How samples other than 8-bit RGB are converted to it."""
    granularity: float | None = None
    """Keep one level of the tree of masks: 0 top-level masks, 1 leaf masks; None for all masks."""
    parents: bool = False
    """Note for each mask which other mask it is a part of."""
    edges: bool = False
    """Make an edge map, grey of 16 bits."""
    labelmap: bool = False
    """Make a label map of the masks' numbers."""
    cover: bool = False
    """Leave no pixel of the label map without a number."""
    overlay: bool = False
    """Draw the masks on the image."""
    names: tuple[str, ...] = ()
    """English names of which each mask gets one, or none, see `anymask.name_masks`; empty for no names."""

    def __post_init__(self) -> None:
        """Check the values, alone and together."""
        if self.candidates is not None and self.candidates < 1:
            raise InputError(f"candidates must be 1 or more, got {self.candidates}. The paper takes 1000.")
        if self.candidates is not None and self.tile is not None:
            raise InputError("candidates must be given without a tile, got both. Leave one out.")
        if self.granularity is not None and not 0 <= self.granularity <= 1:
            raise InputError(f"granularity must be 0 to 1, got {self.granularity}. 0 gives top-level masks.")
        if self.tile is not None and not 0 < self.overlap <= self.tile // 2:
            raise InputError(
                f"overlap must be above 0 and at most half of the tile's {self.tile} pixels, got "
                f"{self.overlap}. Take a quarter of the tile, for example."
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form to compare plans by; regions and long lists of points become a hash."""
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


def open_image(path: Path, plan: Plan, *, as_raster: bool = False) -> OpenImage:
    """Open an image file: a TIFF by windows where the plan has tiles, else its pixels in memory.

    as_raster: open it by rasterio, with its place on the earth, whatever the plan has. Without that rasterio,
    if it is installed, opens a TIFF for tiles only where windows of it can be decoded by GDAL alone.

    Raises ImageError, InputError for a missing band, and MissingExtraError. Warns as `read_display`.
    """
    if as_raster:
        return open_raster(path, plan.bands)
    if plan.tile and path.suffix.lower().partition("[")[0] in RASTERS:
        windows = open_windows(path, plan.bands)
        if windows is not None:
            return windows
        if _has_rasterio() and "[" not in path.name:
            return open_raster(path, plan.bands)
    return read_display(path, plan.bands)


def _has_rasterio() -> bool:
    from importlib.util import find_spec

    return find_spec("rasterio") is not None


def size_of(image: OpenImage) -> tuple[int, int]:
    """Height and width."""
    return (image.shape[0], image.shape[1]) if isinstance(image, np.ndarray) else image.size_hw


def pixels_of(image: OpenImage) -> Pixels:
    """The whole image (H, W, 3) uint8 RGB in memory."""
    if isinstance(image, np.ndarray):
        return image
    height, width = size_of(image)
    return image.read((0, 0, width, height))


def process(
    model: Promptable,
    image: OpenImage,
    plan: Plan,
    *,
    file: Path,
    id: str,
    form: str = ".json",
    progress: Progress | None = None,
) -> tuple[Record, dict[str, bytes]]:
    """Generate the masks of an image and make the files that the plan asks for.

    model: a promptable model.
    image: from `open_image`.
    plan: what to make.
    file: the image file that the record names; it is not read.
    id: the id of the record.
    form: the suffix of the masks' file: .json, .png (a label map), .geojson or .gpkg.
    progress: called as by `anymask.automatic`.

    Returns the record and the encoded files by kind: "masks" with the suffix, and where the plan asks for
    them "edges.png", "labels.png" and "overlay.jpg". Raises InputError for more masks than a label map
    holds, for an image too large for the map that the plan asks for, for a form that needs a place on the
    earth, and as mask generation does.
    """
    if plan.overlay or plan.labelmap or form == ".png":
        height, width = size_of(image)
        budget.check("an image with a label map or an overlay", "map pixels", height * width, InputError)
    masks = _generate(model, image, plan, progress)
    record = _record(id, file, masks, plan)
    if plan.names:
        named = name_masks(pixels_of(image), masks, plan.names)
        named = replace(named, names=without_parts(named.names, masks))
        record = replace(record, meta={**record.meta, **named.meta()})
    files = {f"masks{form}": _encode(record, image, form, plan)}
    if plan.edges:
        strength = edges(model, pixels_of(image))
        files["edges.png"] = encode_png((strength * 65_535).round().astype(np.uint16))
    if plan.labelmap:
        files["labels.png"] = _label_map(masks, image, plan)
    if plan.overlay:
        drawn = overlay(pixels_of(image), (one.dense()[0] for one in masks), hidden=doubtful(masks))
        files["overlay.jpg"] = encode_jpeg(drawn)
    return record, files


def stored_name(id: str, path: PurePath, plan: Plan) -> str:
    """The name that an image has in a data set: a PNG file of what the model saw where the plan has bands."""
    return f"{id}{path.suffix.lower() if plan.bands is None else '.png'}"


def make_item(model: Promptable, path: Path, plan: Plan, id: str) -> tuple[int, dict[str, bytes]]:
    """Make what a data set holds of an image.

    model: a promptable model.
    path: the image file.
    plan: what to make.
    id: the name of its files.

    Returns the number of masks and the files by kind, see `process`: the image is "image", its JSON
    "masks.json". Raises ImageError, and the errors of `open_image` and `process`.
    """
    image = open_image(path, plan)
    record, files = process(model, image, plan, file=Path(stored_name(id, path, plan)), id=id)
    files["image"] = path.read_bytes() if plan.bands is None else encode_png(pixels_of(image))
    return len(record.masks), files


def _generate(model: Promptable, image: OpenImage, plan: Plan, progress: Progress | None) -> Masks:
    """The masks of an image, best first, or the level of their tree that the plan keeps."""
    if plan.tile is not None:
        masks = automatic_tiled(
            model, image, plan.auto, tile=plan.tile, overlap=plan.overlap, progress=progress
        )
    elif plan.candidates is not None:
        masks = proposals(model, pixels_of(image), plan.candidates, plan.auto, progress)
    else:
        masks = automatic(model, pixels_of(image), plan.auto, progress)
    return masks if plan.granularity is None else tree(masks).at(plan.granularity)


def _record(id: str, file: Path, masks: Masks, plan: Plan) -> Record:
    """The record of an image, with what SA-1B's JSON holds of each mask."""
    meta: dict[str, Any] = {"file_name": file.name}
    if masks.points is not None:
        meta["point_coords"] = [[point] for point in masks.points.tolist()]
    if masks.crops is not None:
        meta["crop_boxes"] = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in masks.crops.tolist()]
    if plan.parents:
        parents = tree(masks).parents
        meta["parents"] = [int(parent) + 1 if parent >= 0 else None for parent in parents]
    return Record(id, file, masks, "auto", meta)


def _encode(record: Record, image: OpenImage, form: str, plan: Plan) -> bytes:
    """The file of the masks in the form that its suffix names."""
    if form == ".json":
        return json.dumps(sa1b.to_document(record)).encode()
    if form == ".png":
        return _label_map(record.masks, image, plan)
    if not isinstance(image, GeoImage):
        raise InputError(f"image must be a georeferenced raster for {form}, got pixels. Write .json instead.")
    return geojson(record.masks, image) if form == ".geojson" else geopackage(record.masks, image)


def _label_map(masks: Masks, image: OpenImage, plan: Plan) -> bytes:
    """A PNG file, 8 or 16 bits, of the masks' numbers from 1; covering every pixel if the plan wants that."""
    if len(masks) > 65_535:
        raise InputError(f"label map must hold at most 65535 masks, got {len(masks)}. Raise --min-area.")
    labels = cover(flatten(masks), pixels_of(image)) if plan.cover else flatten(masks)
    return encode_png(labels.astype(np.uint16 if len(masks) > 255 else np.uint8))


def default_auto(candidates: int | None, settings: dict[str, Any]) -> AutoConfig:
    """The given settings; where `candidates` is a number, over the paper's defaults for proposals."""
    if candidates is None:
        return AutoConfig(**settings)
    names = ("points_per_side", "nms", "min_iou", "min_stability", "refine")
    return AutoConfig(**{**{name: getattr(PROPOSALS, name) for name in names}, **settings})
