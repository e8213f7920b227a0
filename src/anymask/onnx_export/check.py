"""Check of exported files: compare their masks with the model's, on photos, for clicks, boxes and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.geometry.frame import Frame
from anymask.geometry.rle import Runs
from anymask.inference.promptable.decode import HYPOTHESES
from anymask.inference.promptable.predict import embed, predict
from anymask.models.onnx_session import Arrays, Session
from anymask.models.sam import Sam
from anymask.onnx_export.decoding import decode, milliseconds
from anymask.types import Embedding, Prompt

ACROSS = (0.2, 0.4, 0.6, 0.8)
"""Positions of the clicks, relative to the width; `DOWN`: relative to the height."""
DOWN = (0.25, 0.5, 0.75)
ENCODER_TIMES, DECODER_TIMES = 3, 15


@dataclass(frozen=True)
class Case:
    """Prompts on a photo with the model's masks: three for each click, then one for each other prompt.

    `encoded` is the output of the model's encoder, by the output names of the files.
    """

    pixels: NDArray[np.uint8]
    frame: Frame
    encoded: Arrays
    clicks: list[Prompt]
    others: list[Prompt]
    masks: list[Runs]


@dataclass(frozen=True)
class Finding:
    """IoU of the masks with the model's, and the time of one call of each file."""

    mean_iou: float
    least_iou: float
    masks: int
    milliseconds: dict[str, float]


def cases(model: Sam, photos: Sequence[NDArray[np.uint8]]) -> list[Case]:
    """The prompts and masks of `predict`, without crop refinement, that files are compared with."""
    return [_case(model, pixels) for pixels in photos]


def _case(model: Sam, pixels: NDArray[np.uint8]) -> Case:
    embedding = embed(model, pixels)
    height, width = pixels.shape[:2]
    clicks = [Prompt.point(x * width, y * height) for y, x in product(DOWN, ACROSS)]
    first = predict(model, embedding, clicks, multimask=True, zoom=False)
    others = _others(model, embedding, clicks)
    rest = predict(model, embedding, others, multimask=False, zoom=False)
    return Case(pixels, embedding.frame, _encoded(embedding), clicks, others, [*first.rles, *rest.rles])


def _encoded(embedding: Embedding) -> Arrays:
    skips = {f"skip_{number}": skip for number, skip in enumerate(embedding.skips)}
    return {name: x.float().numpy() for name, x in {"features": embedding.features, **skips}.items()}


def _others(model: Sam, embedding: Embedding, clicks: list[Prompt]) -> list[Prompt]:
    """For each click with a mask: the mask's box, and the click with a background click and the mask."""
    best = predict(model, embedding, clicks, multimask=False, logits=True, zoom=False)
    assert best.logits is not None
    size, out = embedding.frame.size_hw, list[Prompt]()
    for click, runs, logits in zip(clicks, best.rles, best.logits, strict=True):
        if rle.area(runs):
            box = rle.box(runs, size)
            out += [Prompt(box=box), Prompt([*click.points, box[:2]], [1, 0], mask=logits)]
    return out


def compare(files: Mapping[str, Path], expected: Sequence[Case]) -> Finding:
    """Compare an encoder and a decoder with the model; without an encoder use the model's features."""
    encoder, decoder = Session(files["encoder"]) if "encoder" in files else None, Session(files["decoder"])
    found: list[float] = []
    for one in expected:
        found += _overlaps(_masks(encoder, decoder, one), one)
    return Finding(float(np.mean(found)), min(found), len(found), _times(encoder, decoder, expected[0]))


def _masks(encoder: Session | None, decoder: Session, one: Case) -> list[Runs]:
    encoded = encoder({"image": one.frame.resize(one.pixels)}) if encoder else one.encoded
    clicked_N4hw = decode(decoder, encoded, one.clicks, one.frame)
    logits = [clicked_N4hw[:, -HYPOTHESES:].reshape(-1, *one.frame.grid_hw)]
    if one.others:
        logits.append(decode(decoder, encoded, one.others, one.frame)[:, 0])
    return one.frame.masks_rle(np.concatenate(logits))


def _overlaps(masks: list[Runs], one: Case) -> list[float]:
    """The IoU of each mask with the model's; 1 for two empty masks."""
    return [
        1.0 if not rle.area(a) + rle.area(b) else float(rle.iou([a], [b])[0, 0])
        for a, b in zip(masks, one.masks, strict=True)
    ]


def _times(encoder: Session | None, decoder: Session, one: Case) -> dict[str, float]:
    """Milliseconds per image and per click."""
    clicked = milliseconds(lambda: decode(decoder, one.encoded, one.clicks[:1], one.frame), DECODER_TIMES)
    if encoder is None:
        return {"decoder": clicked}
    image = {"image": one.frame.resize(one.pixels)}
    return {"encoder": milliseconds(lambda: encoder(image), ENCODER_TIMES), "decoder": clicked}
