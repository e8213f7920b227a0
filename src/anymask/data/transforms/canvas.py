"""Training canvases for in-context models: pairs that share a random colouring, part of the target hidden.

SegGPT (ICCV 2023), section 3.1: in-context colouring and mix-context; Painter (CVPR 2023), section 3 and its
released code: hidden blocks of patches, or in half of the canvases the query's half as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from anymask.data.transforms.augment import Augment, colours
from anymask.data.transforms.copy_paste import Cutouts, paste
from anymask.errors import InputError
from anymask.geometry import rle
from anymask.images.colours import encode
from anymask.types import Record
from anymask.types.context import squash

BoolArray = npt.NDArray[np.bool_]
ByteArray = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
Another = Callable[[], Record]
"""Draws another record of the same data set."""

SEARCHES = 8
"""Records that are looked at for one that shares a category."""
CROPS = 6
"""Windows that are tried until one shows something to paint."""
LEAST_APART = 80
"""Least distance of a random colour from black and from the others, in RGB."""
PASTE_SCALE = (0.25, 0.85)
"""Longest side of a cut-out as a share of the picture's."""
LEAST_BLOCK = 4
"""Patches of the smallest hidden block."""


@dataclass(frozen=True)
class CanvasConfig:
    """How canvases are made.

    size: S, the side of a picture. scale: share of the picture's area that a crop has. flip: its
    chance. hidden: share of the target's patches that blocks hide; whole: chance that the query's half is
    hidden instead. mix: chance that a canvas is cut from a mosaic of four pictures. most: colours in one.
    paste: chance of a pair of any two pictures with the same cut-out laid on both, where there are cut-outs.
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
class Painting:
    """One training canvas.

    images, targets (2S, S, 3) uint8; valid (2S, S) bool: pixels that somebody labelled; hidden (2h, w) bool,
    one for each patch of the target; instance: whether the colours stand for single things.
    """

    images: ByteArray
    targets: ByteArray
    valid: BoolArray
    hidden: BoolArray
    instance: bool


@dataclass(frozen=True)
class _Layer:
    """A picture with its labels (H, W), 0 outside, and the pixels that count."""

    image: ByteArray
    labels: IntArray
    valid: BoolArray


def painting(
    record: Record,
    another: Another,
    rng: np.random.Generator,
    config: CanvasConfig,
    grid_hw: tuple[int, int],
    cutouts: Cutouts | None = None,
) -> Painting:
    """Draw a canvas from a record and, if one is found, another with the same categories.

    Without categories in common the pair is the same picture under two crops, and every mask has its own
    colour. `grid_hw` are the rows and columns of patches of the canvas.
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
    return Painting(canvas.image, targets, canvas.valid, hidden, instance)


def random_colours(rng: np.random.Generator, count: int) -> ByteArray:
    """Colours (count, 3), none near black or another one while there is room."""
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
    """Hide rectangles of patches until `share` of them are hidden, exactly (BEiT, algorithm 1)."""
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
    record: Record, another: Another, rng: np.random.Generator, config: CanvasConfig
) -> tuple[list[_Layer], bool]:
    """Two pictures with common labels, and whether these are single things."""
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
    """A picture with a cut-out somewhere on it, which alone is labelled."""
    image = record.read()
    h, w = image.shape[:2]
    longest = float(np.exp(rng.uniform(*np.log(PASTE_SCALE)))) * max(h, w)
    image, top = paste(image, cutout, longest, (0, 0, w, h), rng)
    return _Layer(image, top.astype(np.int64), np.ones((h, w), np.bool_))


def _categories(record: Record) -> list[str]:
    """A category for each mask, none where they are not known."""
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
    """Masks with the number 0 are left out; the smaller ones lie on top."""
    size = record.masks.size
    labels = np.zeros(size, np.int64)
    for index in np.argsort(-record.masks.areas, kind="stable"):
        if numbers[index]:
            labels[rle.decode(record.masks.rles[index], size)] = numbers[index]
    valid = np.ones(size, np.bool_) if record.ignore is None else ~rle.decode(record.ignore, size)
    return _Layer(record.read(), labels, valid)


def _crop(layer: _Layer, rng: np.random.Generator, config: CanvasConfig) -> _Layer:
    """A random window with something in it, squashed to S x S, maybe mirrored, its colours jittered."""
    window = _window(layer.labels.shape, rng, config)
    for _ in range(CROPS):
        if layer.labels[window].any():
            break
        window = _window(layer.labels.shape, rng, config)
    image = colours(squash(layer.image[window], config.size), rng, config.jitter)
    side = (config.size, config.size)
    turn = slice(None, None, -1 if rng.random() < config.flip else 1)
    return _Layer(
        image[:, turn],
        _resized(layer.labels[window], side)[:, turn],
        _resized(layer.valid[window], side)[:, turn] > 0,
    )


def _window(size_hw: tuple[int, ...], rng: np.random.Generator, config: CanvasConfig) -> tuple[slice, slice]:
    """A window of a random share of the area, its shape within 3:4 of the picture's."""
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
    """A whole canvas cut at random from a mosaic of two crops of each picture (mix-context)."""
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
    """By the nearest pixel."""
    small = cv2.resize(values.astype(np.int32), size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(small, np.int64)
