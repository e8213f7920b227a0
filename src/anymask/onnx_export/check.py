"""Is the answer of exported files the model's? Masks on real photos, by clicks, boxes and earlier masks."""

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
from anymask.models import Sam
from anymask.onnx_export.onnxruntime_session import Arrays, Session, decode, milliseconds
from anymask.types import Embedding, Prompt

ACROSS = (0.2, 0.4, 0.6, 0.8)
"""Where the clicks lie, in shares of the width; and of the height `DOWN`."""
DOWN = (0.25, 0.5, 0.75)
ENCODER_TIMES, DECODER_TIMES = 3, 15


@dataclass(frozen=True)
class Question:
    """Prompts on a photo with the model's masks for them: three for each click, then one for each other.

    `encoded` is what the model's encoder makes of the photo, by the names that the files have for it.
    """

    pixels: NDArray[np.uint8]
    frame: Frame
    encoded: Arrays
    clicks: list[Prompt]
    others: list[Prompt]
    masks: list[Runs]


@dataclass(frozen=True)
class Finding:
    """How near masks come to the model's, by IoU, and how long one answer takes."""

    mean_iou: float
    least_iou: float
    masks: int
    milliseconds: dict[str, float]


def questions(model: Sam, photos: Sequence[NDArray[np.uint8]]) -> list[Question]:
    """What files are asked to show that they answer as `predict` does without a second look."""
    return [_question(model, pixels) for pixels in photos]


def _question(model: Sam, pixels: NDArray[np.uint8]) -> Question:
    embedding = embed(model, pixels)
    height, width = pixels.shape[:2]
    clicks = [Prompt.point(x * width, y * height) for y, x in product(DOWN, ACROSS)]
    answers = predict(model, embedding, clicks, multimask=True, zoom=False)
    others = _others(model, embedding, clicks)
    rest = predict(model, embedding, others, multimask=False, zoom=False)
    return Question(pixels, embedding.frame, _encoded(embedding), clicks, others, [*answers.rles, *rest.rles])


def _encoded(embedding: Embedding) -> Arrays:
    skips = {f"skip_{number}": skip for number, skip in enumerate(embedding.skips)}
    return {name: x.float().numpy() for name, x in {"features": embedding.features, **skips}.items()}


def _others(model: Sam, embedding: Embedding, clicks: list[Prompt]) -> list[Prompt]:
    """For each click with an answer: the box of the answer, and a second click beside it on the answer."""
    best = predict(model, embedding, clicks, multimask=False, logits=True, zoom=False)
    assert best.logits is not None
    size, out = embedding.frame.size_hw, list[Prompt]()
    for click, runs, logits in zip(clicks, best.rles, best.logits, strict=True):
        if rle.area(runs):
            box = rle.box(runs, size)
            out += [Prompt(box=box), Prompt([*click.points, box[:2]], [1, 0], mask=logits)]
    return out


def examine(files: Mapping[str, Path], asked: Sequence[Question]) -> Finding:
    """Ask an encoder and a decoder; without the first the decoder is given what the model's makes."""
    encoder, decoder = Session(files["encoder"]) if "encoder" in files else None, Session(files["decoder"])
    found: list[float] = []
    for one in asked:
        found += _overlaps(_answers(encoder, decoder, one), one)
    return Finding(float(np.mean(found)), min(found), len(found), _times(encoder, decoder, asked[0]))


def _answers(encoder: Session | None, decoder: Session, one: Question) -> list[Runs]:
    encoded = encoder({"image": one.frame.resize(one.pixels)}) if encoder else one.encoded
    clicked_N4hw = decode(decoder, encoded, one.clicks, one.frame)
    logits = [clicked_N4hw[:, -HYPOTHESES:].reshape(-1, *one.frame.grid_hw)]
    if one.others:
        logits.append(decode(decoder, encoded, one.others, one.frame)[:, 0])
    return one.frame.masks_rle(np.concatenate(logits))


def _overlaps(answers: list[Runs], one: Question) -> list[float]:
    """The IoU of each answer with the model's; two empty masks are the same."""
    return [
        1.0 if not rle.area(a) + rle.area(b) else float(rle.iou([a], [b])[0, 0])
        for a, b in zip(answers, one.masks, strict=True)
    ]


def _times(encoder: Session | None, decoder: Session, one: Question) -> dict[str, float]:
    """Of one picture and of one click."""
    clicked = milliseconds(lambda: decode(decoder, one.encoded, one.clicks[:1], one.frame), DECODER_TIMES)
    if encoder is None:
        return {"decoder": clicked}
    image = {"image": one.frame.resize(one.pixels)}
    return {"encoder": milliseconds(lambda: encoder(image), ENCODER_TIMES), "decoder": clicked}
