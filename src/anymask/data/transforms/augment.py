"""From a Record to a training sample: large-scale jitter, crop, flip, colours, copy-paste, choice of masks.

The picture is scaled relative to the size that fits its longest side into S, then S x S pixels of it are cut
out; where the scaled picture is smaller, the rest is filled with the mean colour and ignored. Sources: SAM
paper, appendix A (large-scale jitter, masks over 90 % dropped, masks per image capped); Ghiasi et al.,
"Simple Copy-Paste", 2021 (scale range, occlusion by pasted objects).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from anymask.data.transforms.copy_paste import Cutouts, paste
from anymask.data.transforms.crop import Placement, Window
from anymask.errors import InputError
from anymask.types import Record

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]

_SIZE_EDGES = (0.06, 0.15, 0.35)  # of sqrt(mask area) / S: the classes that are drawn evenly
_COMPONENTS_MOST = 4  # scattered masks would fill the whole sample with their pieces
_OFF_CENTRE = 0.15  # standard deviation of a focused crop's distance from the mask's middle, as a share of S
_CLOSE = (1.2, 2.6)  # side of a close crop by the longest side of the mask's box
_CLOSE_OFF_CENTRE = 0.06  # standard deviation of its distance from the mask's middle, as a share of its side
_MOST_ZOOM = 10.0  # window pixels of a close crop per source pixel, before _CLOSE
_TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


def _kind_weights() -> dict[str, float]:
    return {"instance": 1.0, "part": 1.0, "region": 1.0, "component": 1.0, "semantic": 0.3}


@dataclass(frozen=True)
class Augment:
    """How samples are made.

    size: S. scale: smallest and largest zoom, 1 = the longest side fits into S. most: masks per sample.
    min_area: smallest mask in pixels of the sample. max_cover: largest share of the picture that a mask may
    cover. focus: chance that the crop is laid around a random mask. close: chance that it shows a random mask
    filling most of the crop, as `promptable.crops` does. flip, grey, paste: chances. brightness
    (share of 255), contrast, saturation (factors 1 - x to 1 + x), hue (degrees): largest changes. pastes:
    most cut-outs per sample. paste_scale: longest side of a cut-out as a share of the picture's. kinds:
    weight in the choice of masks per kind; a "semantic" mask of several pieces is taken whole with chance
    kinds["semantic"], and its pieces count as kind "component". A weight of 0 leaves a kind out.
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

    image (S, S, 3) uint8; masks (K, S, S) bool, K may be 0; ignore (S, S) bool: pixels without a label,
    padding included; kinds: K names.
    """

    image: ByteArray
    masks: BoolArray
    ignore: BoolArray
    kinds: tuple[str, ...]


def plain(config: Augment) -> Augment:
    """The same sizes and choice of masks without any change of the picture: for validation."""
    none: dict[str, float] = dict.fromkeys(
        ("focus", "close", "flip", "brightness", "contrast", "saturation", "hue", "grey", "paste"), 0.0
    )
    return replace(config, scale=(1.0, 1.0), **none)  # type: ignore[arg-type]


def sample(
    record: Record, rng: np.random.Generator, config: Augment, cutouts: Cutouts | None = None
) -> Sample:
    """Draw a training sample from a record. cutouts: what may be pasted, if anything."""
    image = record.read()
    placement = Placement(record.masks.rles, record.masks.size)
    window = _window(placement, rng, config)
    canvas = window.padded(colours(window.image(image), rng, config))
    ignore = _unlabelled(window, record)
    masks, kinds = _choose(placement, window, _kinds(record), rng, config)
    if cutouts is not None and (rng.random() < config.paste or not masks):
        canvas, masks, kinds, ignore = _paste(canvas, masks, kinds, ignore, window, rng, config, cutouts)
    return Sample(canvas, _stack(masks, config), ignore, tuple(kinds))


def still(record: Record, rng: np.random.Generator, config: Augment, *, flip: bool = False) -> Sample:
    """Like `sample`, but always the same picture: whole, unchanged, in a top corner, mirrored if `flip`.

    So what a frozen encoder makes of it can be kept. Only the choice of masks is random.
    """
    placement = Placement(record.masks.rles, record.masks.size)
    zoom = config.size / max(placement.size)
    window = Window.anywhere(placement.size, config.size, zoom, np.zeros(2), flip=flip)
    masks, kinds = _choose(placement, window, _kinds(record), rng, config)
    return Sample(
        window.image(record.read()), _stack(masks, config), _unlabelled(window, record), tuple(kinds)
    )


def _unlabelled(window: Window, record: Record) -> BoolArray:
    """What nobody labelled, and the padding: (S, S) bool."""
    outside = ~window.content()
    return outside if record.ignore is None else outside | window.whole(record.ignore)


def _stack(masks: list[BoolArray], config: Augment) -> BoolArray:
    return np.stack(masks) if masks else np.zeros((0, config.size, config.size), dtype=np.bool_)


def _kinds(record: Record) -> list[str]:
    given = record.meta.get("kinds")
    return list(given) if given else ["instance"] * len(record.masks)


def _window(placement: Placement, rng: np.random.Generator, config: Augment) -> Window:
    """Scale, crop and flip: close to a random mask, around one, or anywhere."""
    if config.close and len(placement) and rng.random() < config.close:
        return _close(placement, rng, config)
    low, high = np.log(config.scale)
    zoom = float(np.exp(rng.uniform(low, high))) * config.size / max(placement.size)
    at = rng.random(2)
    if len(placement) and rng.random() < config.focus:
        spread = _OFF_CENTRE * config.size / zoom
        at = placement.centre(int(rng.integers(len(placement)))) + rng.normal(scale=spread, size=2)
        return Window.around(placement.size, config.size, zoom, at, flip=rng.random() < config.flip)
    return Window.anywhere(placement.size, config.size, zoom, at, flip=rng.random() < config.flip)


def _close(placement: Placement, rng: np.random.Generator, config: Augment) -> Window:
    """A window whose side is some times as long as a random mask, near its middle."""
    number = int(rng.integers(len(placement)))
    side = max(placement.longest(number), config.size / _MOST_ZOOM) * float(rng.uniform(*_CLOSE))
    zoom = config.size / min(side, max(placement.size))
    at = placement.centre(number) + rng.normal(scale=_CLOSE_OFF_CENTRE * side, size=2)
    return Window.around(placement.size, config.size, zoom, at, flip=rng.random() < config.flip)


def colours(image: ByteArray, rng: np.random.Generator, config: Augment) -> ByteArray:
    """Change brightness, contrast, saturation and hue a little, as one affine map of RGB. (H, W, 3) uint8."""
    contrast = 1 + rng.uniform(-config.contrast, config.contrast)
    saturation = 1 + rng.uniform(-config.saturation, config.saturation)
    if rng.random() < config.grey:
        saturation = 0.0
    turn = np.deg2rad(rng.uniform(-config.hue, config.hue))
    shift = rng.uniform(-config.brightness, config.brightness) * 255
    matrix = contrast * _colour_matrix(saturation, turn)
    offset = shift + (1 - contrast) * np.array(cv2.mean(image)[:3])
    mixed = cv2.transform(image, np.column_stack([matrix, offset]))
    return np.asarray(mixed, dtype=np.uint8)


def _colour_matrix(saturation: float, turn: float) -> npt.NDArray[np.float64]:
    """Saturation and hue on RGB: scale and rotate the two colour axes of YIQ, leave brightness alone."""
    cos, sin = saturation * np.cos(turn), saturation * np.sin(turn)
    change = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    result: npt.NDArray[np.float64] = _FROM_YIQ @ change @ _TO_YIQ
    return result


def _choose(
    placement: Placement, window: Window, kinds: list[str], rng: np.random.Generator, config: Augment
) -> tuple[list[BoolArray], list[str]]:
    """Draw up to `most` masks, evenly over sizes, and bring them into the window."""
    masks: list[BoolArray] = []
    areas: list[int] = []
    names: list[str] = []
    x0, y0, x1, y1 = window.frame
    largest = config.max_cover * (x1 - x0) * (y1 - y0)
    for number in _order(placement, window, kinds, rng, config):
        for mask, kind in _targets(placement, int(number), window, kinds[number], rng, config):
            area = int(np.count_nonzero(mask))
            if config.min_area <= area <= largest and not _twin(mask, area, masks, areas):
                masks.append(mask)
                areas.append(area)
                names.append(kind)
        if len(masks) >= config.most:
            break
    return masks[: config.most], names[: config.most]


def _twin(mask: BoolArray, area: int, masks: list[BoolArray], areas: list[int]) -> bool:
    """Whether a mask was taken already: a data set may label a thing as a class and as an object."""
    return any(area == other and np.array_equal(mask, masks[i]) for i, other in enumerate(areas))


def _order(
    placement: Placement, window: Window, kinds: list[str], rng: np.random.Generator, config: Augment
) -> npt.NDArray[np.int64]:
    """Numbers of the masks that can be in the window, in random order, weighted by kind and size class."""
    areas = placement.visible_areas(window)
    weights = np.array([config.kinds.get(kind, 1.0) if kind != "semantic" else 1.0 for kind in kinds])
    possible = np.flatnonzero((areas >= config.min_area) & (weights > 0))
    if not len(possible):
        return possible
    classes = np.digitize(np.sqrt(areas[possible]) / config.size, _SIZE_EDGES)
    rates = weights[possible] / np.bincount(classes)[classes]
    return possible[np.argsort(rng.exponential(size=len(possible)) / rates)]


def _targets(
    placement: Placement, number: int, window: Window, kind: str, rng: np.random.Generator, config: Augment
) -> list[tuple[BoolArray, str]]:
    """The masks that one mask gives: itself; for a scattered semantic mask its pieces, and seldom itself."""
    mask = placement.mask(number, window)
    if kind != "semantic" or not mask.any():  # OpenCV dies of an empty picture
        return [(mask, kind)]
    pieces = _pieces(mask, config.min_area)
    if len(pieces) < 2:
        return [(mask, kind)]
    chosen = [
        int(i) for i in rng.permutation(len(pieces)) if rng.random() < config.kinds.get("component", 1.0)
    ]
    found = [(pieces[i], "component") for i in chosen[:_COMPONENTS_MOST]]
    whole = rng.random() < config.kinds.get("semantic", 1.0)
    return [*found, (mask, kind)] if whole else found


def _pieces(mask: BoolArray, min_area: int) -> list[BoolArray]:
    """The connected pieces of at least min_area pixels, in no order, each (S, S) bool."""
    bits = mask.view(np.uint8)
    x, y, w, h = cv2.boundingRect(bits)
    part = np.s_[y : y + h, x : x + w]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bits[part], connectivity=8)
    pieces = []
    for label in 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= min_area):
        piece = np.zeros_like(mask)
        piece[part] = labels == label
        pieces.append(piece)
    return pieces


def _paste(
    canvas: ByteArray,
    masks: list[BoolArray],
    kinds: list[str],
    ignore: BoolArray,
    window: Window,
    rng: np.random.Generator,
    config: Augment,
    cutouts: Cutouts,
) -> tuple[ByteArray, list[BoolArray], list[str], BoolArray]:
    """Lay one or more cut-outs over the sample and take what they hide out of the masks below."""
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
