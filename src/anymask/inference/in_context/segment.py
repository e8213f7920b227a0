"""In-context segmentation: `segment_like` segments an image as examples show.

Results depend on the arguments only, as in `anymask.predict`; contexts are values that can be saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from anymask.errors import InputError, unknown_name
from anymask.geometry import rle
from anymask.images.colours import confidence, decode, log_odds
from anymask.images.read import ImageSource, read_image
from anymask.inference.promptable.predict import predict
from anymask.models.protocol import InContext, Promptable, check_evaluation_mode, is_in_context
from anymask.types import Context, Masks, Prompt
from anymask.types.context import denormalise, grid, normalise, squash

__all__ = ["paint", "segment_like", "sharpen"]

MOST_TILES = 256
"""Maximum number of tiles per image."""


OVERLAP = 0.25
"""Overlap of neighbouring tiles as a share of their side."""


SAME = 0.5
"""Minimum IoU at which a refined mask is accepted as the same object."""


Kind: TypeAlias = Literal["semantic", "instance"]


Ensemble: TypeAlias = Literal["feature", "spatial"] | None


Floats: TypeAlias = NDArray[np.float32]


def paint(
    model: InContext,
    image: ImageSource,
    contexts: Sequence[Context],
    *,
    kind: Kind = "instance",
    ensemble: Ensemble = "feature",
    tile: int | None = None,
) -> NDArray[np.uint8]:
    """Paint the target of an image as the contexts show: (H, W, 3) uint8 RGB of the image size.

    model: an in-context model in evaluation mode.
    image: what `read_image` accepts.
    contexts: examples of the model's size, all with the same palette.
    kind: SegGPT's type token; other models ignore it.
    ensemble: how several contexts are combined: "feature" averages features (better, up to eight contexts),
        "spatial" puts them in a grid (faster); None requires exactly one.
    tile: side in pixels of tiles that are painted one by one and blended, for objects that are too small at
        the model's size; None paints the whole image at once.

    Raises ImageError, and InputError for no contexts and for those of another model, size or palette.
    """
    pixels = read_image(image)
    colours = _painted(model, pixels, contexts, kind, ensemble, tile)
    return np.rint(_resized(colours, pixels.shape[:2])).astype(np.uint8)


def segment_like(
    model: InContext,
    image: ImageSource,
    contexts: Sequence[Context],
    *,
    kind: Kind = "instance",
    ensemble: Ensemble = "feature",
    tile: int | None = None,
    logits: bool = False,
) -> Masks:
    """Segment an image as the contexts show: a mask for each colour of the palette that is found.

    `Masks.labels` are the indices of the colours in the palette, 0 without one. `scores` are the mean
    confidence, 0 to 1, that the pixels of a mask have its colour.

    model, image, contexts, kind, ensemble, tile: as for `paint`, which raises the same errors.
    logits: keep the logits at the model's size, above 0 inside the mask.
    """
    pixels = read_image(image)
    colours = _painted(model, pixels, contexts, kind, ensemble, tile)
    return _masks(colours, contexts[0].palette, (pixels.shape[0], pixels.shape[1]), logits)


def sharpen(model: Promptable, image: ImageSource, masks: Masks) -> Masks:
    """Refine masks with a promptable model, prompted by each mask and its box; order and labels are kept.

    A mask is kept unchanged if its IoU with the refined one is below 0.5.
    """
    prompts = [Prompt(box=box, mask=mask) for box, mask in zip(masks.boxes, masks.dense(), strict=True)]
    refined = predict(model, image, prompts, multimask=False)
    runs = [
        new if rle.iou([old], [new])[0, 0] >= SAME else old
        for old, new in zip(masks.rles, refined.rles, strict=True)
    ]
    return Masks(masks.size, runs, masks.scores, labels=masks.labels)


def _painted(
    model: InContext,
    pixels: NDArray[np.uint8],
    contexts: Sequence[Context],
    kind: Kind,
    ensemble: Ensemble,
    tile: int | None,
) -> Floats:
    """RGB in 0..255: (S, S, 3) for a whole image, (H, W, 3) if it was painted in tiles.

    The parameters are those of `paint`.
    """
    examples = _joined(model, contexts, ensemble)
    if kind not in ("semantic", "instance"):
        raise unknown_name("kind", str(kind), ("semantic", "instance"))
    given = np.stack([one.image for one in examples]), np.stack([one.target for one in examples])
    instance = kind == "instance"
    if tile is None:
        return _inpaint(model, given, pixels, instance)
    height, width = pixels.shape[:2]
    total = np.zeros((height, width, 3), np.float32)
    weight = np.zeros((height, width, 1), np.float32)
    for rows, columns in _tiles((height, width), tile):
        part = pixels[rows, columns]
        fade = _fade(part.shape[0])[:, None, None] * _fade(part.shape[1])[None, :, None]
        total[rows, columns] += _resized(_inpaint(model, given, part, instance), part.shape[:2]) * fade
        weight[rows, columns] += fade
    return total / weight


def _joined(
    model: InContext | Promptable, contexts: Sequence[Context], ensemble: Ensemble
) -> Sequence[Context]:
    """Check that the contexts fit the model and each other; combine them in a grid for "spatial"."""
    if not is_in_context(model):
        raise InputError(
            "model must work by examples, got one that answers prompts. Use predict, or load context."
        )
    check_evaluation_mode(model)
    if ensemble not in ("feature", "spatial", None):
        raise unknown_name("ensemble", str(ensemble), ("feature", "spatial"))
    if isinstance(contexts, Context) or not len(contexts):
        raise InputError("contexts must be a list of at least one Context, got none. Give an example.")
    if ensemble is None and len(contexts) > 1:
        raise InputError(
            f"contexts must be a single one without an ensemble, got {len(contexts)}. Use ensemble='feature'."
        )
    for one in contexts:
        _check(model, one, contexts[0])
    return [grid(contexts)] if ensemble == "spatial" else contexts


def _check(model: InContext, one: Context, first: Context) -> None:
    if one.size != model.config.size:
        raise InputError(
            f"contexts must have the model's size {model.config.size}, got {one.size}. "
            f"Make them with size={model.config.size}."
        )
    if one.model and one.model != model.fingerprint:
        raise InputError(
            f"contexts must be learned with this model ({model.fingerprint}), got one of {one.model}. "
            "Tune it again."
        )
    colours = [[] if palette is None else palette.tolist() for palette in (one.palette, first.palette)]
    if colours[0] != colours[1]:
        raise InputError(
            "contexts must have one palette, got different ones. Make all of them with the same palette."
        )


def _inpaint(
    model: InContext, given: tuple[Floats, Floats], pixels: NDArray[np.uint8], instance: bool
) -> Floats:
    """(S, S, 3) RGB in 0..255."""
    query = normalise(squash(pixels, model.config.size))
    return denormalise(model.paint(*given, query, instance=instance))


def _tiles(size_hw: tuple[int, int], tile: int) -> Iterator[tuple[slice, slice]]:
    """Square tiles of `tile` pixels, or the image size if smaller, that overlap and cover the image."""
    if tile < 16:
        raise InputError(f"tile must be at least 16 pixels, got {tile}. Omit it for the whole image.")
    rows, columns = (_spans(side, tile) for side in size_hw)
    if len(rows) * len(columns) > MOST_TILES:
        raise InputError(
            f"tile must split the image into at most {MOST_TILES} tiles, got {len(rows) * len(columns)} "
            f"of {tile} pixels. Use larger tiles."
        )
    return ((row, column) for row in rows for column in columns)


def _spans(side: int, tile: int) -> list[slice]:
    count = 1 if side <= tile else 1 + -(-(side - tile) // int(tile * (1 - OVERLAP)))
    starts = np.linspace(0, max(side - tile, 0), count).round().astype(int)
    return [slice(start, min(start + tile, side)) for start in starts]


def _fade(length: int) -> Floats:
    """Blending weights (length,) of a tile's pixels along one side: 1 in the middle, small at the edges."""
    away = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    return np.asarray(np.minimum(away / (OVERLAP * length), 1), np.float32)


def _resized(values: Floats, size_hw: Sequence[int]) -> Floats:
    """Resize (h, w) or (h, w, 3), bilinear."""
    if values.shape[:2] == tuple(size_hw):
        return values
    return np.asarray(cv2.resize(values, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_LINEAR))


def _masks(
    colours: Floats, palette: NDArray[np.uint8] | None, size_hw: tuple[int, int], logits: bool
) -> Masks:
    """Convert painted colours to masks."""
    coarse = decode(colours, palette)
    labels = _labels_at(colours, palette, coarse, size_hw)
    found = [int(number) for number in np.unique(labels) if number]
    sure = confidence(colours, palette)
    return Masks(
        size_hw,
        [rle.encode(labels == number) for number in found],
        [sure[coarse == number].mean() for number in found],
        labels=np.array(found, np.int64) - 1,
        logits=log_odds(colours, palette, found) if logits else None,
    )


def _labels_at(
    colours: Floats, palette: NDArray[np.uint8] | None, coarse: NDArray[np.int64], size_hw: tuple[int, int]
) -> NDArray[np.int64]:
    """Labels at the image size, by resizing log-odds; resized colours could resemble a third one."""
    if coarse.shape == size_hw:
        return coarse
    present = [int(number) for number in np.unique(coarse)]
    labels = np.zeros(size_hw, np.int64)
    best = np.full(size_hw, -np.inf, np.float32)
    for number, plane in zip(present, log_odds(colours, palette, present), strict=True):
        odds = _resized(plane, size_hw)
        labels[odds > best] = number
        np.maximum(best, odds, out=best)
    return labels
