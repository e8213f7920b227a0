"""From a Record to a training sample: large-scale jitter, crop, flip, colours, copy-paste, choice of masks.

The image is scaled relative to the size that fits its longest side into S, then S x S pixels are cropped. If
the scaled image is smaller, the rest is padded with the mean colour and ignored. Sources: SAM paper,
appendix A (large-scale jitter, masks over 90 % dropped, masks per image capped); Ghiasi et al., "Simple
Copy-Paste", 2021 (scale range, occlusion by pasted objects).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from anymask.data.summary import SIZE_EDGES
from anymask.data.transforms.copy_paste import Cutouts, paste
from anymask.data.transforms.crop import CropWindow, Placement
from anymask.errors import InputError
from anymask.types import Record

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

_COMPONENTS_MOST = 4  # else the components of a scattered mask would fill the whole sample
_OFF_CENTRE = 0.15  # standard deviation of a focused crop's offset from the mask's centre, as a share of S
_CLOSE = (1.2, 2.6)  # side of a close-up crop, as a multiple of the longest side of the mask's box
_CLOSE_OFF_CENTRE = 0.06  # standard deviation of its offset from the mask's centre, as a share of its side
_MOST_ZOOM = 10.0  # largest number of crop pixels per source pixel in a close-up, before _CLOSE
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


def _kind_weights() -> dict[str, float]:
    return {"instance": 1.0, "part": 1.0, "region": 1.0, "component": 1.0, "semantic": 0.3}


@dataclass(frozen=True)
class Augment:
    """How samples are made. Chances are probabilities in [0, 1].

    size: S, the side of a sample in pixels.
    scale: smallest and largest zoom; 1 fits the longest side of the image into S.
    most: largest number of masks per sample.
    min_area: area of the smallest mask, in pixels of the sample.
    max_cover: largest share of the image region that a mask may cover (paper: 0.9).
    focus: chance that the crop is around a random mask.
    close: chance that the crop is a close-up of a random mask, as in crop refinement (`promptable.crops`).
    flip: chance that the sample is mirrored.
    brightness: largest change, as a share of 255.
    contrast, saturation: largest change x of a factor from 1 - x to 1 + x.
    hue: largest change in degrees.
    grey: chance that the colours are removed.
    paste: with cut-outs, chance that some are pasted.
    pastes: largest number of cut-outs per sample.
    paste_scale: smallest and largest side of a pasted cut-out, as a share of the image region.
    kinds: weight of each kind in the choice of masks; 0 leaves a kind out. A "semantic" mask of several
        connected components is taken whole with chance kinds["semantic"], and its components are masks of
        kind "component".
    """

    size: int = 256
    scale: tuple[float, float] = (0.7, 2.0)
    most: int = 16
    min_area: int = 40
    max_cover: float = 0.9
    focus: float = 0.5
    close: float = 0.0
    flip: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.2
    saturation: float = 0.3
    hue: float = 8.0
    grey: float = 0.05
    paste: float = 0.3
    pastes: int = 2
    paste_scale: tuple[float, float] = (0.15, 0.7)
    kinds: Mapping[str, float] = field(default_factory=_kind_weights)

    def __post_init__(self) -> None:
        """Check the ranges. Raises InputError."""
        for name in ("scale", "paste_scale"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise InputError(
                    f"{name} must be two numbers with 0 < low <= high, got {(low, high)}. Swap them?"
                )
        for name in ("size", "most", "min_area"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"{name} must be at least 1, got {getattr(self, name)}. Give a larger number."
                )
        for name in ("focus", "close", "flip", "grey", "paste", "max_cover"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be between 0 and 1, got {getattr(self, name)}. It is a share.")


@dataclass(frozen=True)
class Sample:
    """One training sample.

    image (S, S, 3) uint8; masks (K, S, S) bool, K may be 0; ignore (S, S) bool: unlabelled pixels, padding
    included; kinds: K names.
    """

    image: ByteArray
    masks: BoolArray
    ignore: BoolArray
    kinds: tuple[str, ...]


def plain(config: Augment) -> Augment:
    """The configuration without augmentation, with the same size and choice of masks: for validation."""
    none: dict[str, float] = dict.fromkeys(
        ("focus", "close", "flip", "brightness", "contrast", "saturation", "hue", "grey", "paste"), 0.0
    )
    return replace(config, scale=(1.0, 1.0), **none)  # type: ignore[arg-type]


def sample(
    record: Record, rng: np.random.Generator, config: Augment, cutouts: Cutouts | None = None
) -> Sample:
    """Draw a training sample from a record. cutouts: objects to paste."""
    image = record.read()
    placement = Placement(record.masks.rles, record.masks.size)
    window = _window(placement, rng, config)
    canvas = window.padded(jitter_colours(window.image(image), rng, config))
    ignore = _unlabelled(window, record)
    masks, kinds = _choose(placement, window, _kinds(record), rng, config)
    if cutouts is not None and (rng.random() < config.paste or not masks):
        canvas, masks, kinds, ignore = _paste(canvas, masks, kinds, ignore, window, rng, config, cutouts)
    return Sample(canvas, _stack(masks, config), ignore, tuple(kinds))


def fixed_sample(record: Record, rng: np.random.Generator, config: Augment, *, flip: bool = False) -> Sample:
    """A sample without augmentation: the whole image in a top corner, mirrored if `flip`.

    Only the choice of masks is random, so the embedding of a frozen encoder can be cached.
    """
    placement = Placement(record.masks.rles, record.masks.size)
    zoom = config.size / max(placement.size)
    window = CropWindow.anywhere(placement.size, config.size, zoom, np.zeros(2), flip=flip)
    masks, kinds = _choose(placement, window, _kinds(record), rng, config)
    return Sample(
        window.image(record.read()), _stack(masks, config), _unlabelled(window, record), tuple(kinds)
    )


def _unlabelled(window: CropWindow, record: Record) -> BoolArray:
    """Unlabelled pixels and the padding, (S, S) bool."""
    outside = ~window.content()
    return outside if record.ignore is None else outside | window.whole(record.ignore)


def _stack(masks: list[BoolArray], config: Augment) -> BoolArray:
    return np.stack(masks) if masks else np.zeros((0, config.size, config.size), dtype=np.bool_)


def _kinds(record: Record) -> list[str]:
    given = record.meta.get("kinds")
    return list(given) if given else ["instance"] * len(record.masks)


def _window(placement: Placement, rng: np.random.Generator, config: Augment) -> CropWindow:
    """Scale, crop and flip: a close-up of a random mask, a crop around one, or a crop anywhere."""
    if config.close and len(placement) and rng.random() < config.close:
        return _close_up(placement, rng, config)
    low, high = np.log(config.scale)
    zoom = float(np.exp(rng.uniform(low, high))) * config.size / max(placement.size)
    at = rng.random(2)
    if len(placement) and rng.random() < config.focus:
        spread = _OFF_CENTRE * config.size / zoom
        at = placement.centre(int(rng.integers(len(placement)))) + rng.normal(scale=spread, size=2)
        return CropWindow.around(placement.size, config.size, zoom, at, flip=rng.random() < config.flip)
    return CropWindow.anywhere(placement.size, config.size, zoom, at, flip=rng.random() < config.flip)


def _close_up(placement: Placement, rng: np.random.Generator, config: Augment) -> CropWindow:
    """A window around a random mask, _CLOSE times as long as its box, slightly off its centre."""
    number = int(rng.integers(len(placement)))
    side = max(placement.longest(number), config.size / _MOST_ZOOM) * float(rng.uniform(*_CLOSE))
    zoom = config.size / min(side, max(placement.size))
    at = placement.centre(number) + rng.normal(scale=_CLOSE_OFF_CENTRE * side, size=2)
    return CropWindow.around(placement.size, config.size, zoom, at, flip=rng.random() < config.flip)


def jitter_colours(image: ByteArray, rng: np.random.Generator, config: Augment) -> ByteArray:
    """Change brightness, contrast, saturation and hue of (H, W, 3) uint8, as one affine map of RGB."""
    contrast = 1 + rng.uniform(-config.contrast, config.contrast)
    saturation = 1 + rng.uniform(-config.saturation, config.saturation)
    if rng.random() < config.grey:
        saturation = 0.0
    angle = np.deg2rad(rng.uniform(-config.hue, config.hue))
    shift = rng.uniform(-config.brightness, config.brightness) * 255
    matrix = contrast * _colour_matrix(saturation, angle)
    offset = shift + (1 - contrast) * np.array(cv2.mean(image)[:3])
    mixed = cv2.transform(image, np.column_stack([matrix, offset]))
    return np.asarray(mixed, dtype=np.uint8)


def _colour_matrix(saturation: float, angle: float) -> npt.NDArray[np.float64]:
    """The change of saturation and hue on RGB: it scales and rotates the chroma axes of YIQ and keeps Y."""
    cos, sin = saturation * np.cos(angle), saturation * np.sin(angle)
    change = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    result: npt.NDArray[np.float64] = _FROM_YIQ @ change @ _TO_YIQ
    return result


def _choose(
    placement: Placement, window: CropWindow, kinds: list[str], rng: np.random.Generator, config: Augment
) -> tuple[list[BoolArray], list[str]]:
    """Draw up to `most` masks, evenly over size classes, and crop them to the window."""
    masks: list[BoolArray] = []
    areas: list[int] = []
    names: list[str] = []
    x0, y0, x1, y1 = window.frame
    largest = config.max_cover * (x1 - x0) * (y1 - y0)
    for number in _order(placement, window, kinds, rng, config):
        for mask, kind in _masks_of(placement, int(number), window, kinds[number], rng, config):
            area = int(np.count_nonzero(mask))
            if config.min_area <= area <= largest and not _is_duplicate(mask, area, masks, areas):
                masks.append(mask)
                areas.append(area)
                names.append(kind)
        if len(masks) >= config.most:
            break
    return masks[: config.most], names[: config.most]


def _is_duplicate(mask: BoolArray, area: int, masks: list[BoolArray], areas: list[int]) -> bool:
    """Whether a mask was chosen already: a data set may label the same pixels as a class and an instance."""
    return any(area == other and np.array_equal(mask, masks[i]) for i, other in enumerate(areas))


def _order(
    placement: Placement, window: CropWindow, kinds: list[str], rng: np.random.Generator, config: Augment
) -> npt.NDArray[np.int64]:
    """Indices of the masks visible in the window, in random order, weighted by kind and size class."""
    areas = placement.visible_areas(window)
    weights = np.array([config.kinds.get(kind, 1.0) if kind != "semantic" else 1.0 for kind in kinds])
    possible = np.flatnonzero((areas >= config.min_area) & (weights > 0))
    if not len(possible):
        return possible
    classes = np.digitize(np.sqrt(areas[possible]) / config.size, SIZE_EDGES)
    rates = weights[possible] / np.bincount(classes)[classes]
    return possible[np.argsort(rng.exponential(size=len(possible)) / rates)]


def _masks_of(
    placement: Placement,
    number: int,
    window: CropWindow,
    kind: str,
    rng: np.random.Generator,
    config: Augment,
) -> list[tuple[BoolArray, str]]:
    """The training masks (S, S) of one mask, with their kinds.

    That is the mask itself; of a semantic mask with several components, some of these, and with chance
    kinds["semantic"] the mask too.
    """
    mask = placement.mask(number, window)
    if kind != "semantic" or not mask.any():  # OpenCV crashes on an empty image
        return [(mask, kind)]
    components = _components(mask, config.min_area)
    if len(components) < 2:
        return [(mask, kind)]
    chosen = [
        int(i) for i in rng.permutation(len(components)) if rng.random() < config.kinds.get("component", 1.0)
    ]
    found = [(components[i], "component") for i in chosen[:_COMPONENTS_MOST]]
    whole = rng.random() < config.kinds.get("semantic", 1.0)
    return [*found, (mask, kind)] if whole else found


def _components(mask: BoolArray, min_area: int) -> list[BoolArray]:
    """The connected components of at least min_area pixels, in no particular order, each (S, S) bool."""
    bits = mask.view(np.uint8)
    x, y, w, h = cv2.boundingRect(bits)
    part = np.s_[y : y + h, x : x + w]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bits[part], connectivity=8)
    components = []
    for label in 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= min_area):
        component = np.zeros_like(mask)
        component[part] = labels == label
        components.append(component)
    return components


def _paste(
    canvas: ByteArray,
    masks: list[BoolArray],
    kinds: list[str],
    ignore: BoolArray,
    window: CropWindow,
    rng: np.random.Generator,
    config: Augment,
    cutouts: Cutouts,
) -> tuple[ByteArray, list[BoolArray], list[str], BoolArray]:
    """Paste one or more cut-outs on the sample and remove the covered pixels from the masks below.

    canvas: (S, S, 3) uint8.
    masks, kinds: the masks (S, S) bool and their kinds.
    ignore: (S, S) bool of unlabelled pixels.
    window: the crop that the sample shows.
    rng: the source of randomness.
    config: sizes and number of the cut-outs.
    cutouts: the objects.

    Returns the new canvas, masks, kinds and unlabelled pixels. Masks that are mostly covered are dropped.
    """
    x0, y0, x1, y1 = frame = window.shown_frame
    for _ in range(int(rng.integers(1, config.pastes + 1))):
        share = float(np.exp(rng.uniform(*np.log(config.paste_scale))))
        canvas, top = paste(canvas, cutouts.draw(rng), share * max(x1 - x0, y1 - y0), frame, rng)
        if np.count_nonzero(top) < config.min_area:
            continue
        kept = [(mask & ~top, kind, mask) for mask, kind in zip(masks, kinds, strict=True)]
        kept = [one for one in kept if 2 * np.count_nonzero(one[0]) > np.count_nonzero(one[2])]
        kept = [one for one in kept if np.count_nonzero(one[0]) >= config.min_area][: config.most - 1]
        masks, kinds = [one[0] for one in kept] + [top], [one[1] for one in kept] + ["instance"]
        ignore = ignore & ~top
    return canvas, masks, kinds, ignore
