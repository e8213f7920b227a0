"""Settings of `automatic`: points, crops, filters, memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anymask.errors import InputError
from anymask.files import budget

if TYPE_CHECKING:
    from anymask.models.protocol import Promptable

__all__ = ["DEFAULT_THRESHOLDS", "AutoConfig", "Resize"]

Resize: TypeAlias = Literal["once", "twice"]

DEFAULT_THRESHOLDS = {"vit": (0.88, 0.95), "compact": (0.50, 0.65)}
"""Minimum predicted IoU and stability by kind of image encoder, in one pass. "vit": as released for ViT-H;
"compact": chosen on validation images, see docs/models.md."""
ONE_PASS: Mapping[str, Any] = MappingProxyType(
    {
        "points_per_side": 32,
        "crop_layers": 0,
        "crop_shrink": 1.0,
        "nms_by": "box",
        "min_share": 0.0,
    }
)
"""Defaults without `refine`: those of the released generator."""
REFINED: Mapping[str, Any] = MappingProxyType(
    {
        "points_per_side": 20,
        "crop_layers": 1,
        "crop_shrink": 2.0,
        "nms_by": "mask",
        "min_share": 0.05,
    }
)
"""Defaults with `refine`, chosen on validation images (docs/log.md)."""
DETECTED: Mapping[str, Any] = MappingProxyType({"points_per_side": 14, "crop_shrink": 7.0})
"""What differs with a detector, whose boxes replace most points."""
REFINED_THRESHOLDS = (0.3, 0.0)
"""Minimum predicted IoU and stability with `refine`; stability is a part of its predicted IoU."""
DETECTED_THRESHOLDS = (0.23, 0.0)
"""The same with a detector."""

_SHARES = (
    "min_share",
    "min_iou",
    "min_stability",
    "floor_iou",
    "floor_stability",
    "nms",
    "crop_nms",
    "max_cover",
)
_COUNTS = {"points_per_side": 1, "crop_layers": 0, "min_area": 0, "min_component": 0, "min_hole": 0}
_PIXELS = ("min_area", "min_component", "min_hole")
MOST_LAYERS = 4
MOST_POINTS_PER_SIDE = 1024
MOST_POINTS = MOST_POINTS_PER_SIDE**2
"""Of an image and its crops together: hours for the smallest model."""


@dataclass(frozen=True, eq=False, kw_only=True)
class AutoConfig:
    """Settings of `automatic`; defaults are those of the released generator (SAM, appendix B) or `refine`.

    `select` and `explain` use the filters only. Raises InputError for invalid values.
    """

    refine: bool | None = None
    """Whether masks on which points agree are refined in close-up crops, with outlines along the edges of the
    image. None: if the model is trained for crops, as `compact` is. The scores are then predicted from
    agreement and refinement, and have thresholds of their own."""
    detector: str | None = None
    """With `refine`, the object detector whose boxes are prompts too and whose scores count: a name, the run
    directory of `anymask train detector`, or "none". None: `object` if it was trained on this model's
    features, else none."""
    points_per_side: int | None = None
    """Number of grid points along each side of the image and of each crop; None for 32, with `refine` for 20
    in the image and 10 in a crop, with a detector too for 14 and 2."""
    pixels_per_point: float | None = None
    """Alternative grid, also in crops: one point per k x k pixels, so that large images get more points."""
    points: ArrayLike | None = None
    """(N, 2) xy in original pixels, instead of a grid; a crop uses the points inside it."""
    roi: ArrayLike | None = None
    """Region of interest: a box xyxy or a mask (H, W) bool. Only points inside it are used, and masks with
    more than half of their area outside are removed."""
    crop_layers: int | None = None
    """Number of layers of overlapping crops, 2 x 2, then 4 x 4 and so on, which help with small objects; None
    for 0, with `refine` for 1."""
    crop_overlap: float = 512 / 1500
    """Overlap of the first layer's crops as a share of the image's short side; halved in each next layer."""
    crop_shrink: float | None = None
    """Factor by which the points per side decrease with each layer of crops; None for 1, with `refine` for 2,
    with a detector too for 7."""
    min_iou: float | None = None
    """Minimum predicted IoU; None for the model's default, see `for_model`."""
    min_stability: float | None = None
    """Minimum stability; None for the model's default."""
    stability_offset: float = 1.0
    """Stability compares the masks at the thresholds plus and minus this logit."""
    nms: float = 0.7
    """Of two masks of a crop with a higher IoU than this, the one with the lower predicted IoU is removed."""
    crop_nms: float = 0.7
    """The same between crops, where the mask from the larger crop is removed."""
    nms_by: Literal["box", "mask"] | None = None
    """Whether NMS uses the IoU of boxes or of masks; None for boxes, with `refine` for masks."""
    resize: Resize | None = None
    """How logits are resized to the image size: "once", or "twice" as in the released generator, first to the
    model's frame, which moves edges by a pixel. With "twice", NMS also compares boxes without their last
    pixel, so that masks equal the released ones. None: "twice" for models that pad to a square, as the
    released one does, else "once"; in `select` and `explain` that of the candidates."""
    max_cover: float = 1.0
    """Masks that cover a larger share of the image are removed; the paper used 0.95."""
    min_area: int = 0
    """Masks with fewer pixels are removed."""
    min_component: int = 0
    """Components of a mask with fewer pixels are removed, except for the largest."""
    min_hole: int = 0
    """Holes of a mask with fewer pixels are filled."""
    min_share: float | None = None
    """The same limit for components and holes as a share of the mask's area; None for 0, with `refine` for
    0.05."""
    floor_iou: float | None = None
    """Minimum predicted IoU that `candidates` keeps; None for `min_iou`. `select` can use any higher one."""
    floor_stability: float | None = None
    """The same for `min_stability`."""
    max_memory: str | int | None = None
    """Bytes that may be used in addition to the model, as a number or as "4GB", "512MiB"; limits the number
    of points per batch. None for about 1 GB."""

    def __post_init__(self) -> None:
        """Check the values."""
        for name in _SHARES:
            _check_share(name, getattr(self, name))
        for name, least in _COUNTS.items():
            if getattr(self, name) is not None or name in _PIXELS:
                _check_count(name, getattr(self, name), least)
        _check_most("points_per_side", self.points_per_side or 0, MOST_POINTS_PER_SIDE)
        _check_most("crop_layers", self.crop_layers or 0, MOST_LAYERS)
        _check_number("crop_overlap", self.crop_overlap, 0.0, 0.9)
        if self.crop_shrink is not None:
            _check_number("crop_shrink", self.crop_shrink, 1.0, 1024.0)
        _check_number("stability_offset", self.stability_offset, 0.0, 100.0)
        if self.pixels_per_point is not None:
            _check_number("pixels_per_point", self.pixels_per_point, 1.0, 1e6)
        if self.points is not None:
            object.__setattr__(self, "points", _read_points(self.points))
        if self.points is not None and self.pixels_per_point is not None:
            raise InputError("pixels_per_point must be None if points are given, got both. Give one.")
        if self.roi is not None:
            object.__setattr__(self, "roi", _read_roi(self.roi))
        if self.nms_by not in ("box", "mask", None):
            raise InputError(f"nms_by must be 'box', 'mask' or None, got {self.nms_by!r}. Choose one.")
        if self.resize not in ("once", "twice", None):
            raise InputError(f"resize must be 'once', 'twice' or None, got {self.resize!r}. Choose one.")
        if self.max_memory is not None:
            budget.parse_memory(self.max_memory)

    def for_model(self, model: Promptable, *, pixels: bool = True, detector: bool = False) -> AutoConfig:
        """Replace None by the model's defaults; without `pixels` there are no crops by default.

        `detector` tells whether boxes of a detector are prompts too. Raises InputError for `refine=True` and
        a model that is not trained for crops.
        """
        if self.refine and not model.config.zoom:
            raise InputError(
                "refine must be None or False for this model, got True. Only models trained for crops, such "
                "as compact, refine masks."
            )
        refine = bool(model.config.zoom) if self.refine is None else self.refine
        refined = DETECTED_THRESHOLDS if detector else REFINED_THRESHOLDS
        own = refined if refine else DEFAULT_THRESHOLDS[model.config.encoder.kind]
        chosen = self if pixels or self.crop_layers is not None else replace(self, crop_layers=0)
        chosen = chosen._filled(DETECTED) if detector else chosen
        return chosen.with_defaults(*own, "twice" if model.config.square else "once", refine)

    def with_defaults(self, min_iou: float, min_stability: float, resize: Resize, refine: bool) -> AutoConfig:
        """Replace None by these values and those that go with `refine`; floors become the thresholds."""
        own = {**(REFINED if refine else ONE_PASS), "refine": refine, "resize": resize}
        own |= {"min_iou": min_iou, "min_stability": min_stability}
        full = self._filled(own)
        return replace(
            full,
            floor_iou=full.min_iou if self.floor_iou is None else self.floor_iou,
            floor_stability=full.min_stability if self.floor_stability is None else self.floor_stability,
        )

    def _filled(self, values: Mapping[str, Any]) -> AutoConfig:
        """Replace those of the settings that are None."""
        return replace(self, **{name: value for name, value in values.items() if getattr(self, name) is None})


def _check_share(name: str, value: Any) -> None:
    if value is not None:
        _check_number(name, value, 0.0, 1.0)


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise InputError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}. Correct it.")


def _check_count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number from {least} on, got {value!r}. Correct it.")


def _check_most(name: str, value: int, most: int) -> None:
    if value > most:
        raise InputError(f"{name} must be at most {most}, got {value}. Use fewer.")


def _read_points(points: ArrayLike) -> NDArray[np.float32]:
    array = _as_numbers(points)
    if array is None or array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise InputError(
            f"points must be (N, 2) x, y in original pixels, N at least 1, got {_shape(points)}. Give pairs."
        )
    _check_most("the number of points", len(array), MOST_POINTS)
    if not np.isfinite(array).all():
        raise InputError("points must be finite, got NaN or infinity. Correct them.")
    return array


def _read_roi(roi: ArrayLike) -> NDArray[Any]:
    array = np.asarray(roi)
    if array.dtype == np.bool_ and array.ndim == 2:
        return array
    box = _as_numbers(roi)
    if box is None or box.shape != (4,) or not np.isfinite(box).all():
        raise InputError(
            f"roi must be a box x0, y0, x1, y1 or a mask (H, W) of bool, got {_shape(roi)}. Give one."
        )
    if not (box[:2] < box[2:]).all():
        raise InputError(f"roi must have x0 < x1 and y0 < y1, got {box.tolist()}. Swap its corners.")
    return box


def _as_numbers(values: ArrayLike) -> NDArray[np.float32] | None:
    try:
        return np.array(values, np.float32)
    except (TypeError, ValueError):
        return None


def _shape(values: ArrayLike) -> str:
    try:
        array = np.asarray(values)
    except ValueError:
        return "a ragged list"
    return f"{array.dtype} of shape {array.shape}"
