"""In-context segmentation: an example says what to do, `segment_like` does the same to another picture.

Everything here is a function of its arguments, as in `anymask.predict`: contexts are values that can be kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anymask.errors import InputError, unknown_name
from anymask.geometry import rle
from anymask.images.colours import confidence, decode, log_odds
from anymask.images.read import ImageSource, read_image
from anymask.inference.promptable.predict import predict
from anymask.models import InContext, Sam, weights_hash
from anymask.models.devices import check_evaluation_mode
from anymask.types import Context, Masks, Prompt
from anymask.types.context import denormalise, grid, normalise, squash

__all__ = ["paint", "segment_like", "sharpen"]

MOST_TILES = 256
"""A picture that would need more tiles is refused."""


OVERLAP = 0.25
"""Share of a tile's side that it has in common with the next one."""


SAME = 0.5
"""Least IoU at which a sharpened mask is taken for the same object."""


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
    """Paint for a picture what the contexts show for theirs: (H, W, 3) uint8 RGB of the picture's size.

    `kind` picks SegGPT's type token. Several contexts are joined by averaging features ("feature": better up
    to eight of them) or in a grid, as one ("spatial": quicker); None takes exactly one. `tile` paints squares
    of so many pixels of the picture one by one, with soft seams, for things that would vanish at the model's
    size. Raises ImageError, and InputError for contexts of another model, size or palette, or none.
    """
    pixels = read_image(image)
    colours = _painted(model, pixels, contexts, kind, ensemble, tile)
    return np.rint(_enlarged(colours, pixels.shape[:2])).astype(np.uint8)


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
    """Segment a picture as the contexts show: a mask for each colour of the palette that is found.

    `labels` hold the colours' numbers in the palette, 0 without one. `scores` say how surely the pixels of a
    mask have its colour, 0 to 1. With `logits` soft masks at the model's size come along, above 0 inside.
    The other arguments, and what is raised, are as of `paint`.
    """
    pixels = read_image(image)
    colours = _painted(model, pixels, contexts, kind, ensemble, tile)
    return _masks(colours, contexts[0].palette, (pixels.shape[0], pixels.shape[1]), logits)


def sharpen(model: Sam, image: ImageSource, masks: Masks) -> Masks:
    """Let a promptable model redraw masks, from each mask with its box: labels and their order stay.

    A mask stays as it was where the new one has less than half of it in common, by IoU.
    """
    prompts = [Prompt(box=box, mask=mask) for box, mask in zip(masks.boxes, masks.dense(), strict=True)]
    drawn = predict(model, image, prompts, multimask=False)
    runs = [
        new if rle.iou([old], [new])[0, 0] >= SAME else old
        for old, new in zip(masks.rles, drawn.rles, strict=True)
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
    """RGB in 0..255: (S, S, 3) for a picture at once, (H, W, 3) where it was cut in tiles."""
    examples = _joined(model, contexts, ensemble)
    if kind not in ("semantic", "instance"):
        raise unknown_name("kind", str(kind), ("semantic", "instance"))
    given = tuple(_batch(model, [getattr(one, name) for one in examples]) for name in ("image", "target"))
    instance = kind == "instance"
    if tile is None:
        return _answer(model, given, pixels, instance)
    height, width = pixels.shape[:2]
    total = np.zeros((height, width, 3), np.float32)
    weight = np.zeros((height, width, 1), np.float32)
    for rows, columns in _tiles((height, width), tile):
        part = pixels[rows, columns]
        fade = _fade(part.shape[0])[:, None, None] * _fade(part.shape[1])[None, :, None]
        total[rows, columns] += _enlarged(_answer(model, given, part, instance), part.shape[:2]) * fade
        weight[rows, columns] += fade
    return total / weight


def _joined(model: InContext | Sam, contexts: Sequence[Context], ensemble: Ensemble) -> Sequence[Context]:
    """Check that the contexts fit the model and each other; a grid of them for "spatial"."""
    if isinstance(model, Sam):
        raise InputError(
            "model must work by examples, got one that answers prompts. Use predict, or load seggpt_vit_l."
        )
    check_evaluation_mode(model)
    if ensemble not in ("feature", "spatial", None):
        raise unknown_name("ensemble", str(ensemble), ("feature", "spatial"))
    if isinstance(contexts, Context) or not len(contexts):
        raise InputError("contexts must be a list of at least one Context, got none. Give an example.")
    if ensemble is None and len(contexts) > 1:
        raise InputError(
            f"contexts must be a single one without an ensemble, got {len(contexts)}. "
            "Take ensemble='feature'."
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
    if one.model and one.model != weights_hash(model):
        raise InputError(
            f"contexts must be learned with this model ({weights_hash(model)}), got one of {one.model}. "
            "Tune it again."
        )
    colours = [[] if palette is None else palette.tolist() for palette in (one.palette, first.palette)]
    if colours[0] != colours[1]:
        raise InputError(
            "contexts must have one palette, got different ones. Make all of them with the same palette."
        )


def _batch(model: InContext, images: Sequence[Floats]) -> torch.Tensor:
    return torch.from_numpy(np.stack(images)).to(model.device, model.dtype)


@torch.inference_mode()
def _answer(
    model: InContext, given: tuple[torch.Tensor, ...], pixels: NDArray[np.uint8], instance: bool
) -> Floats:
    """(S, S, 3) RGB in 0..255."""
    query = _batch(model, [normalise(squash(pixels, model.config.size))])[0]
    return denormalise(model.inpaint(given[0], given[1], query, instance=instance).cpu().numpy())


def _tiles(size_hw: tuple[int, int], tile: int) -> Iterator[tuple[slice, slice]]:
    """Squares of `tile` pixels, smaller only where the picture is, that overlap by a quarter and cover it."""
    if tile < 16:
        raise InputError(f"tile must be at least 16 pixels, got {tile}. Leave it out for the whole picture.")
    rows, columns = (_spans(side, tile) for side in size_hw)
    if len(rows) * len(columns) > MOST_TILES:
        raise InputError(
            f"tile must cut the picture into at most {MOST_TILES} parts, got {len(rows) * len(columns)} "
            f"of {tile} pixels. Take larger tiles."
        )
    return ((row, column) for row in rows for column in columns)


def _spans(side: int, tile: int) -> list[slice]:
    count = 1 if side <= tile else 1 + -(-(side - tile) // int(tile * (1 - OVERLAP)))
    starts = np.linspace(0, max(side - tile, 0), count).round().astype(int)
    return [slice(start, min(start + tile, side)) for start in starts]


def _fade(length: int) -> Floats:
    """Weights (length,) of a tile's pixels along one side: full in the middle, little at the edges."""
    away = np.minimum(np.arange(length), np.arange(length)[::-1]) + 0.5
    return np.asarray(np.minimum(away / (OVERLAP * length), 1), np.float32)


def _enlarged(values: Floats, size_hw: Sequence[int]) -> Floats:
    """Resize a plane (h, w) or a picture (h, w, 3), bilinear."""
    if values.shape[:2] == tuple(size_hw):
        return values
    return np.asarray(cv2.resize(values, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_LINEAR))


def _masks(
    colours: Floats, palette: NDArray[np.uint8] | None, size_hw: tuple[int, int], logits: bool
) -> Masks:
    """Read painted colours as masks."""
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
    """Labels at the picture's size: log-odds are enlarged, as colours in between could be a third one."""
    if coarse.shape == size_hw:
        return coarse
    present = [int(number) for number in np.unique(coarse)]
    labels = np.zeros(size_hw, np.int64)
    best = np.full(size_hw, -np.inf, np.float32)
    for number, plane in zip(present, log_odds(colours, palette, present), strict=True):
        odds = _enlarged(plane, size_hw)
        labels[odds > best] = number
        np.maximum(best, odds, out=best)
    return labels
