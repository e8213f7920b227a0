"""Automatic masks that are refined in close-up crops of the image.

Of the masks that agree (`hypotheses`) the best is kept and predicted again in a crop around it, with its box
and its logits as the prompt. Crops are shared by masks that lie in them, and encoded in batches. A mask that
stays the same when the model looks closer is more likely an object, so the final score also depends on how
far the mask changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.geometry import rle
from anymask.geometry.outlines import outline
from anymask.inference.mask_generation.hypotheses import (
    Hypotheses,
    agreement_scores,
    best_apart,
    coarse_bits,
    coarse_ious,
    combined_scores,
    log_odds,
    logistic,
)
from anymask.inference.promptable.crops import Crop, mask_crop
from anymask.inference.promptable.decode import (
    FramedImage,
    Prediction,
    encode,
    frame_of,
    frame_prompt,
    predict_prompts,
)
from anymask.models.protocol import Promptable, slices
from anymask.types import Embedding, Masks, Prompt

__all__ = ["agreeing_masks", "best_hypotheses", "close_up_tasks", "refine_tasks", "refinement_columns"]

Floats: TypeAlias = NDArray[np.float32]

APART = 0.7
"""Of two masks with a higher IoU only the one of the higher score is refined."""
MOST = 200
"""Maximum number of masks that are refined."""
LEAST = 0.2
"""Masks with a lower score are not refined."""
SHARED = 1.6
"""A crop is shared by masks whose own crops would be smaller by up to this factor."""
AROUND = 0.15
"""Least distance of a mask from the edges of a shared crop, relative to its longest side."""
CROPS_AT_ONCE = 32
"""Crops whose embeddings are held at the same time; about 2 MB each."""
WEIGHTS = (0.67, 0.39, 0.11, -0.22, -0.32)
"""Log odds of the IoU from the log odds of the score from agreement alone, of the predicted IoU and stability
in the crop and of the IoU of the masks before and after, and 1; fitted by benchmarks/agreement.py."""
OBJECT_WEIGHTS = (0.17, 0.28, 0.28, -0.23, 1.49, -1.36, 1.08)
"""With a detector: before 1 also the log odds of how much like an object the box is, and the share of its box
that the mask fills."""

_NOTHING = np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32)


@dataclass(frozen=True)
class Task:
    """A mask to be refined: row, runs and box in the image, and the crop, None for the whole image."""

    row: int
    runs: rle.Runs
    box: Floats
    crop: Crop | None


def agreeing_masks(model: Promptable, whole: Embedding, found: Hypotheses) -> Masks:
    """The masks that points agree on, refined in close-up crops if the pixels of `whole` are known.

    Scores are the IoU predicted from agreement and refinement. The crops are the whole image.
    """
    rows, scores, alone = best_hypotheses(found) if len(found) else _NOTHING
    chosen, (h, w) = found.take(rows), found.size_hw
    tasks = close_up_tasks(chosen)
    runs, stability = [task.runs for task in tasks], chosen.stability
    if whole.image is not None and tasks:
        refined = refine_tasks(model, whole, chosen, tasks)
        runs = [one.runs[0] for one in refined]
        columns = refinement_columns(chosen, alone, tasks, refined)
        scores = logistic(columns, WEIGHTS if chosen.objects is None else OBJECT_WEIGHTS)
        stability = np.array([one.stability[0] for one in refined], np.float32)
    crops = np.tile(np.array([0, 0, w, h], np.float32), (len(runs), 1))
    return Masks((h, w), runs, scores, stability=stability, points=chosen.points, crops=crops)


def best_hypotheses(found: Hypotheses) -> tuple[NDArray[np.int64], Floats, Floats]:
    """The rows of the masks to be refined, best first, their scores, and those from agreement alone."""
    bits = coarse_bits(found)
    ious = coarse_ious(bits)
    by_objects, alone = agreement_scores(found, bits, ious)
    scores = combined_scores(by_objects, alone)
    rows = best_apart(ious, scores, APART, MOST)
    rows = rows[scores[rows] >= LEAST]
    return rows, scores[rows], alone[rows]


def close_up_tasks(chosen: Hypotheses) -> list[Task]:
    """What to refine, with crops that are shared where possible."""
    runs = [runs_in_image(chosen, row) for row in range(len(chosen))]
    boxes = [rle.box(one, chosen.size_hw) for one in runs]
    crops = [
        mask_crop(Prompt(box=box), one, chosen.size_hw) if rle.area(one) else None
        for one, box in zip(runs, boxes, strict=True)
    ]
    shared = share_crops(crops, boxes)
    return [Task(row, *one) for row, one in enumerate(zip(runs, boxes, shared, strict=True))]


def runs_in_image(chosen: Hypotheses, row: int) -> rle.Runs:
    number = int(chosen.window[row])
    frame = chosen.frames[number]
    [runs] = frame.masks_rle(chosen.logits(row)[None])
    return rle.paste(runs, frame.size_hw, chosen.windows[number].xyxy[:2], chosen.size_hw)


def share_crops(crops: Sequence[Crop | None], boxes: Sequence[Floats]) -> list[Crop | None]:
    """Replace each crop by a larger one that contains the box (4,) of its mask, if there is one."""
    out: list[Crop | None] = [None] * len(crops)
    sides = [0 if crop is None else max(crop.crop_hw) for crop in crops]
    kept: list[Crop] = []
    for index in np.argsort(-np.array(sides), kind="stable").tolist():
        crop = crops[index]
        if crop is None:
            continue
        near = [it for it in kept if max(it.crop_hw) <= SHARED * sides[index] and _holds(it, boxes[index])]
        out[index] = near[-1] if near else crop
        if not near:
            kept.append(crop)
    return out


def _holds(crop: Crop, box: Floats) -> bool:
    """Whether a box lies in a crop, with a margin except at the image border."""
    margin = AROUND * float((box[2:] - box[:2]).max())
    (h, w), low, high = crop.size_hw, np.array(crop.xyxy[:2]), np.array(crop.xyxy[2:])
    before = (box[:2] - margin >= low) | (low == 0)
    behind = (box[2:] + margin <= high) | (high == (w, h))
    return bool((before & behind).all())


def refine_tasks(
    model: Promptable, whole: Embedding, chosen: Hypotheses, tasks: Sequence[Task]
) -> list[Prediction]:
    """Predict every mask again, in its crop or in the whole image, with outlines along the edges."""
    out: dict[int, Prediction] = {}
    crops = list(dict.fromkeys(task.crop for task in tasks))
    for batch in slices(len(crops), CROPS_AT_ONCE):
        part = crops[batch]
        images = [_framed(model, whole, crop) for crop in part if crop is not None]
        encoded = iter(encode(model, images))
        embeddings = [whole if crop is None else next(encoded) for crop in part]
        mine = [task for task in tasks if task.crop in part]
        prompts = [
            frame_prompt(_prompt(chosen, task, embeddings[number]), embeddings[number].frame, number)
            for task in mine
            for number in [part.index(task.crop)]
        ]
        found = predict_prompts(model, embeddings, prompts, multimask=False, logits=True)
        for task, prompt, one in zip(mine, prompts, found, strict=True):
            out[task.row] = _in_image(one, embeddings[prompt.image], task.crop)
    return [out[task.row] for task in tasks]


def _framed(model: Promptable, whole: Embedding, crop: Crop) -> FramedImage:
    assert whole.image is not None
    return FramedImage(crop.pixels(whole.image), frame_of(model, crop.crop_hw, model.config.zoom))


def _prompt(chosen: Hypotheses, task: Task, part: Embedding) -> Prompt:
    """The box of a mask and its logits, in a crop or in the whole image."""
    x, y = (0, 0) if task.crop is None else task.crop.xy
    number = int(chosen.window[task.row])
    left, top = chosen.windows[number].xyxy[:2]
    mask = chosen.frames[number].logits_in(part.frame, (x - left, y - top), chosen.logits(task.row))
    if not rle.area(task.runs):  # smaller than a pixel
        return Prompt(points=chosen.points[[task.row]], labels=[1], mask=mask)
    return Prompt(box=task.box - np.tile(np.array([x, y], np.float32), 2), mask=mask)


def _in_image(found: Prediction, part: Embedding, crop: Crop | None) -> Prediction:
    """A prediction in a crop as one of the image, with outlines."""
    assert found.logits is not None
    runs = outline(part.guide, found.logits[0])
    return Prediction([runs if crop is None else crop.runs(runs)], found.scores, found.stability, None)


def refinement_columns(
    chosen: Hypotheses, alone: Floats, tasks: Sequence[Task], refined: Sequence[Prediction]
) -> list[Floats]:
    """What the final score is computed from: a column (N,) for each of `WEIGHTS` or `OBJECT_WEIGHTS`."""
    runs = [one.runs[0] for one in refined]
    same = [rle.iou([task.runs], [one])[0, 0] for task, one in zip(tasks, runs, strict=True)]
    again = [[getattr(one, name)[0] for one in refined] for name in ("scores", "stability")]
    columns = [log_odds(np.asarray(it, np.float32)) for it in (alone, *again, same)]
    if chosen.objects is not None:
        boxes = np.array([rle.box(one, chosen.size_hw) for one in runs], np.float32).reshape(-1, 4)
        sides = boxes[:, 2:] - boxes[:, :2]
        filled = np.array([rle.area(one) for one in runs], np.float32) / np.maximum(sides.prod(axis=1), 1)
        columns += [log_odds(chosen.objects.likeness(boxes)), filled]
    return columns
