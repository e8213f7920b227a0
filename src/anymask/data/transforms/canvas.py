"""Training canvases for in-context models: two image/target pairs with shared random colours, partly hidden.

Sources: SegGPT (ICCV 2023), section 3.1: in-context colouring and mix-context. Painter (CVPR 2023), section 3
and its released code: the target is hidden in blocks of patches, or in half of the canvases the query's half
as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from anymask.data.transforms.augment import Augment, jitter_colours
from anymask.data.transforms.copy_paste import Cutouts, paste
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.images.colours import encode
from anymask.types import Record
from anymask.types.context import squash

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
DrawRecord = Callable[[], Record]
"""Draws a random record of the same data set."""

SEARCHES = 8
"""Largest number of records tried to find one that shares a category."""
CROPS = 6
"""Largest number of crops tried to find one with a mask."""
LEAST_APART = 80
"""Least RGB distance of a random colour from black and from the other colours."""
PASTE_SCALE = (0.25, 0.85)
"""Longest side of a pasted cut-out, as a share of the image's longest side."""
LEAST_BLOCK = 4
"""Number of patches of the smallest hidden block."""


@dataclass(frozen=True)
class CanvasConfig:
    """How canvases are made. Chances are probabilities in [0, 1].

    size: S, the side of an image on the canvas, in pixels.
    scale: smallest and largest area of a crop, as a share of the image.
    flip: chance that a crop is mirrored.
    hidden: share of the target's patches that are hidden in blocks.
    whole: chance that the query's half of the target is hidden instead of blocks.
    mix: chance that the canvas is cut from a mosaic of four crops (mix-context).
    most: largest number of colours on a canvas.
    paste: with cut-outs, chance that the pair is two random images with the same cut-out pasted on both.
    jitter: changes of brightness, contrast, saturation and hue.
    """

    size: int = 448
    scale: tuple[float, float] = (0.3, 1.0)
    flip: float = 0.5
    hidden: float = 0.75
    whole: float = 0.5
    mix: float = 0.2
    most: int = 8
    paste: float = 0.0
    jitter: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        """Check the ranges. Raises InputError."""
        for name in ("flip", "hidden", "whole", "mix", "paste"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be between 0 and 1, got {getattr(self, name)}. It is a share.")
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise InputError(f"scale must be two shares with 0 < low <= high <= 1, got {self.scale}.")
        if self.size < 1 or self.most < 1:
            raise InputError(f"size and most must be at least 1, got {self.size} and {self.most}.")


@dataclass(frozen=True)
class Canvas:
    """One training canvas.

    images, targets (2S, S, 3) uint8; valid (2S, S) bool: labelled pixels; hidden (2h, w) bool: hidden patches
    of the target; instance: whether the colours stand for instances, not classes.
    """

    images: ByteArray
    targets: ByteArray
    valid: BoolArray
    hidden: BoolArray
    instance: bool


@dataclass(frozen=True)
class _Layer:
    """An image (H, W, 3) with its label map (H, W), 0 for background, and the labelled pixels (H, W)."""

    image: ByteArray
    labels: IntArray
    valid: BoolArray


def make_canvas(
    record: Record,
    another: DrawRecord,
    rng: np.random.Generator,
    config: CanvasConfig,
    grid_hw: tuple[int, int],
    cutouts: Cutouts | None = None,
) -> Canvas:
    """Make a canvas from a record and, if one is found, another record that shares a category.

    If none is found, the pair is two crops of the same image, and every mask has a colour of its own.

    record: the first image with its masks.
    another: draws a candidate for the second.
    rng: the source of randomness.
    config: how the canvas is made.
    grid_hw: rows and columns of patches of the whole canvas.
    cutouts: objects to paste, for `config.paste`.
    """
    if cutouts is not None and rng.random() < config.paste:
        cutout = cutouts.draw(rng)
        layers, instance = [_pasted(one, cutout, rng) for one in (record, another())], True
    else:
        layers, instance = _pair(record, another, rng, config)
    if rng.random() < config.mix:
        canvas = _mixed(layers, rng, config)
    else:
        canvas = _stacked([_crop(layer, rng, config) for layer in layers])
    count = int(max(layer.labels.max() for layer in layers))
    targets = encode(canvas.labels, random_colours(rng, count)) if count else np.zeros_like(canvas.image)
    hidden = hide_half(grid_hw) if rng.random() < config.whole else hide_blocks(rng, grid_hw, config.hidden)
    return Canvas(canvas.image, targets, canvas.valid, hidden, instance)


def random_colours(rng: np.random.Generator, count: int) -> ByteArray:
    """Random colours (count, 3), at least LEAST_APART from black and each other as long as possible."""
    chosen = [np.zeros(3)]
    while len(chosen) <= count:
        tried = rng.integers(0, 256, (16, 3))
        apart = np.linalg.norm(tried[:, None] - np.array(chosen)[None], axis=2).min(axis=1)
        good = np.flatnonzero(apart >= LEAST_APART)
        chosen.append(tried[good[0] if good.size else int(apart.argmax())])
    return np.array(chosen[1:], np.uint8).reshape(-1, 3)


def hide_half(grid_hw: tuple[int, int]) -> BoolArray:
    """Hide the lower half of the canvas."""
    hidden = np.zeros(grid_hw, np.bool_)
    hidden[grid_hw[0] // 2 :] = True
    return hidden


def hide_blocks(rng: np.random.Generator, grid_hw: tuple[int, int], share: float) -> BoolArray:
    """Hide rectangles of patches until exactly `share` of all patches are hidden (BEiT, algorithm 1)."""
    rows, columns = grid_hw
    wanted = round(share * rows * columns)
    hidden = np.zeros(grid_hw, np.bool_)
    while (left := wanted - int(hidden.sum())) > 0:
        area = rng.uniform(LEAST_BLOCK, max(left, LEAST_BLOCK + 1))
        aspect = np.exp(rng.uniform(-1.2, 1.2))
        h = int(np.clip(round(np.sqrt(area * aspect)), 1, rows))
        w = int(np.clip(round(np.sqrt(area / aspect)), 1, columns))
        top, start = int(rng.integers(rows - h + 1)), int(rng.integers(columns - w + 1))
        y, x = np.nonzero(~hidden[top : top + h, start : start + w])
        hidden[top + y[:left], start + x[:left]] = True
    return hidden


def _pair(
    record: Record, another: DrawRecord, rng: np.random.Generator, config: CanvasConfig
) -> tuple[list[_Layer], bool]:
    """Two images with common labels, and whether the labels are instances."""
    names = _categories(record)
    for _ in range(SEARCHES if names else 0):
        other = another()
        common = sorted(set(names) & set(_categories(other)))
        if common:
            chosen = [str(name) for name in rng.permutation(common)[: config.most]]
            return [_by_category(one, chosen) for one in (record, other)], False
    layer = _by_mask(record, rng.permutation(len(record.masks))[: config.most])
    return [layer, layer], True


def _pasted(record: Record, cutout: ByteArray, rng: np.random.Generator) -> _Layer:
    """An image with a cut-out pasted at a random position; only the cut-out is labelled."""
    image = record.read()
    h, w = image.shape[:2]
    longest = float(np.exp(rng.uniform(*np.log(PASTE_SCALE)))) * max(h, w)
    image, top = paste(image, cutout, longest, (0, 0, w, h), rng)
    return _Layer(image, top.astype(np.int64), np.ones((h, w), np.bool_))


def _categories(record: Record) -> list[str]:
    """The category of each mask; an empty list if they are unknown."""
    names = record.meta.get("categories") or []
    return [str(name) for name in names] if len(names) == len(record.masks) else []


def _by_category(record: Record, chosen: Sequence[str]) -> _Layer:
    numbers = [chosen.index(name) + 1 if name in chosen else 0 for name in _categories(record)]
    return _layer(record, numbers)


def _by_mask(record: Record, chosen: IntArray) -> _Layer:
    numbers = np.zeros(len(record.masks), int)
    numbers[chosen] = np.arange(1, len(chosen) + 1)
    return _layer(record, numbers.tolist())


def _layer(record: Record, numbers: Sequence[int]) -> _Layer:
    """The label map of a record, smaller masks on top; masks with the number 0 are left out."""
    size = record.masks.size
    labels = np.zeros(size, np.int64)
    for index in np.argsort(-record.masks.areas, kind="stable"):
        if numbers[index]:
            labels[rle.decode(record.masks.rles[index], size)] = numbers[index]
    valid = np.ones(size, np.bool_) if record.ignore is None else ~rle.decode(record.ignore, size)
    return _Layer(record.read(), labels, valid)


def _crop(layer: _Layer, rng: np.random.Generator, config: CanvasConfig) -> _Layer:
    """A random crop, with a mask in it if possible, resized to S x S, mirrored at random, colour-jittered."""
    window = _window(layer.labels.shape, rng, config)
    for _ in range(CROPS):
        if layer.labels[window].any():
            break
        window = _window(layer.labels.shape, rng, config)
    image = jitter_colours(squash(layer.image[window], config.size), rng, config.jitter)
    side = (config.size, config.size)
    columns = slice(None, None, -1 if rng.random() < config.flip else 1)
    return _Layer(
        image[:, columns],
        _resized(layer.labels[window], side)[:, columns],
        _resized(layer.valid[window], side)[:, columns] > 0,
    )


def _window(size_hw: tuple[int, ...], rng: np.random.Generator, config: CanvasConfig) -> tuple[slice, slice]:
    """A window of a random share of the area; its aspect ratio is the image's times 3/4 to 4/3."""
    share, aspect = rng.uniform(*config.scale), np.exp(rng.uniform(-0.29, 0.29))
    sides = np.array(size_hw[:2]) * np.sqrt(share) * (aspect**0.5, aspect**-0.5)
    h, w = (int(np.clip(round(side), 1, most)) for side, most in zip(sides, size_hw, strict=False))
    top, start = int(rng.integers(size_hw[0] - h + 1)), int(rng.integers(size_hw[1] - w + 1))
    return slice(top, top + h), slice(start, start + w)


def _stacked(layers: Sequence[_Layer], axis: int = 0) -> _Layer:
    return _Layer(
        np.concatenate([layer.image for layer in layers], axis),
        np.concatenate([layer.labels for layer in layers], axis),
        np.concatenate([layer.valid for layer in layers], axis),
    )


def _mixed(layers: Sequence[_Layer], rng: np.random.Generator, config: CanvasConfig) -> _Layer:
    """A whole canvas cut at random from a mosaic of two crops of each image (mix-context)."""
    crops = [_crop(layers[int(index)], rng, config) for index in rng.permutation([0, 0, 1, 1])]
    mosaic = _stacked([_stacked(crops[:2], 1), _stacked(crops[2:], 1)])
    side = 2 * config.size
    h = int(rng.integers(config.size, side + 1))
    w = int(rng.integers(config.size // 2, side + 1))
    top, start = int(rng.integers(side - h + 1)), int(rng.integers(side - w + 1))
    window = (slice(top, top + h), slice(start, start + w))
    canvas_hw = (side, config.size)
    image = cv2.resize(mosaic.image[window], canvas_hw[::-1], interpolation=cv2.INTER_AREA)
    return _Layer(
        np.asarray(image, np.uint8),
        _resized(mosaic.labels[window], canvas_hw),
        _resized(mosaic.valid[window], canvas_hw) > 0,
    )


def _resized(values: npt.NDArray[np.generic], size_hw: tuple[int, int]) -> IntArray:
    """Resize by nearest neighbour."""
    small = cv2.resize(values.astype(np.int32), size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(small, np.int64)
