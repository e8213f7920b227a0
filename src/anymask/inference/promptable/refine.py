"""Prediction with crop refinement of small masks, see `promptable.crops`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from anymask.geometry.frame import Frame
from anymask.inference.promptable.crops import Crop, click_crop, distinct, mask_crop, merge_similar
from anymask.inference.promptable.decode import (
    Floats,
    FramedImage,
    FramedPrompt,
    Prediction,
    View,
    encode,
    frame_of,
    frame_prompt,
    predict_prompts,
)
from anymask.models.protocol import Promptable, slices
from anymask.types import Embedding, Prompt

OUTSIDE_LOGIT = -8.0
"""The logit outside of the crop for masks that were predicted in a crop only."""
CROPS_AT_ONCE = 32
"""Crops whose embeddings are held at the same time; about 2 MB each."""


@dataclass(frozen=True)
class _CropTask:
    """A crop in which one mask of a prediction is refined, or a click is predicted again."""

    prediction: int
    mask: int
    image: Embedding
    crop: Crop
    frame: Frame

    def pixels(self) -> FramedImage:
        assert self.image.image is not None
        return FramedImage(self.crop.pixels(self.image.image), self.frame)

    def view(self, logits: Floats) -> View:
        return View(self.image, self.crop, self.frame, logits)

    def prompt(self, prompt: Prompt, first: Prediction) -> Prompt:
        assert first.logits is not None
        return self.crop.prompt(prompt, first.logits[self.mask], self.image.frame, self.frame)


def predict_refined(
    model: Promptable, embeddings: Sequence[Embedding], prompts: Sequence[FramedPrompt], *, multimask: bool
) -> list[Prediction]:
    """As `predict_prompts`, with crop refinement and outlines along the edges of the image.

    For a single click all hypotheses are refined before the best one is chosen.
    """
    out: dict[int, Prediction] = {}
    for many in (True, False):
        numbers = [n for n, one in enumerate(prompts) if many == (multimask or one.prompt.ambiguous)]
        chosen = [prompts[number] for number in numbers]
        first = predict_prompts(model, embeddings, chosen, multimask=many, logits=True)
        first = [_seen(embeddings[one.image], it) for one, it in zip(chosen, first, strict=True)]
        first = _add_click_crops(model, embeddings, chosen, first) if many else first
        refined = _refine_small_masks(model, embeddings, chosen, first)
        kept = refined if multimask else map(_best_mask, refined)
        outlined = (_outlined(it, one.prompt) for it, one in zip(kept, chosen, strict=True))
        out |= zip(numbers, outlined, strict=True)
    return [out[number] for number in range(len(prompts))]


def _seen(image: Embedding, first: Prediction) -> Prediction:
    """The prediction for a whole image, with its views."""
    assert first.logits is not None
    return replace(first, views=[View(image, None, image.frame, one) for one in first.logits])


def _outlined(prediction: Prediction, prompt: Prompt) -> Prediction:
    """The prediction with outlines along the edges of the image, where its pixels are known."""
    outlines = [view.outline(prompt) for view in prediction.views]
    runs = [old if new is None else new for old, new in zip(prediction.runs, outlines, strict=True)]
    return replace(prediction, runs=runs)


def _best_mask(prediction: Prediction) -> Prediction:
    """The prediction reduced to the mask of the best quality."""
    return prediction.part([int((prediction.scores * prediction.stability).argmax())])


def _add_click_crops(
    model: Promptable,
    embeddings: Sequence[Embedding],
    prompts: Sequence[FramedPrompt],
    first: Sequence[Prediction],
) -> list[Prediction]:
    """Add, for single clicks, the hypotheses from a crop around the click."""
    tasks = [
        _crop_task(model, number, 0, embeddings[one.image], crop)
        for number, one in enumerate(prompts)
        if (crop := click_crop(one.prompt, embeddings[one.image].frame.size_hw)) is not None
        and embeddings[one.image].image is not None
    ]
    out = list(first)
    for batch in slices(len(tasks), CROPS_AT_ONCE):
        part = tasks[batch]
        crops = encode(model, [task.pixels() for task in part])
        moved = [
            frame_prompt(task.crop.moved(prompts[task.prediction].prompt), task.frame, place)
            for place, task in enumerate(part)
        ]
        found = predict_prompts(model, crops, moved, multimask=True, logits=True)
        for task, one in zip(part, found, strict=True):
            out[task.prediction] = _merge_click_crop(out[task.prediction], task, one)
    return out


def _merge_click_crop(first: Prediction, task: _CropTask, found: Prediction) -> Prediction:
    """The best distinct masks of both, as many as before, without those that the crop cuts off."""
    assert first.logits is not None
    found = found.part([row for row, runs in enumerate(found.runs) if not task.crop.cuts_off(runs)])
    if not found.runs:
        return first
    assert found.logits is not None
    outside = np.full_like(first.logits[0], OUTSIDE_LOGIT)
    logits = [task.crop.logits(outside, one, task.image.frame, task.frame) for one in found.logits]
    both = Prediction(
        first.runs + [task.crop.runs(runs) for runs in found.runs],
        np.concatenate([first.scores, found.scores]),
        np.concatenate([first.stability, found.stability]),
        np.concatenate([first.logits, logits]),
        [*first.views, *(task.view(one) for one in found.logits)],
    )
    return both.part(distinct(both.runs, both.scores * both.stability, len(first.runs)))


def _refine_small_masks(
    model: Promptable,
    embeddings: Sequence[Embedding],
    prompts: Sequence[FramedPrompt],
    first: Sequence[Prediction],
) -> list[Prediction]:
    """Refine the small masks of all embeddings that have their pixels."""
    tasks = [
        task
        for number, (one, prediction) in enumerate(zip(prompts, first, strict=True))
        for task in _mask_tasks(model, number, embeddings[one.image], one.prompt, prediction)
    ]
    out = list(first)
    for batch in slices(len(tasks), CROPS_AT_ONCE):
        part = tasks[batch]
        unique = {(id(task.image), task.crop): task for task in part}
        place = {key: number for number, key in enumerate(unique)}
        again = [
            frame_prompt(
                task.prompt(prompts[task.prediction].prompt, first[task.prediction]),
                task.frame,
                place[id(task.image), task.crop],
                prompts[task.prediction].text,
            )
            for task in part
        ]
        crops = encode(model, [task.pixels() for task in unique.values()])
        found = predict_prompts(model, crops, again, multimask=False, logits=True)
        for task, one in zip(part, found, strict=True):
            out[task.prediction] = _replace_mask(out[task.prediction], task, one)
    return out


def _mask_tasks(
    model: Promptable, number: int, embedding: Embedding, prompt: Prompt, prediction: Prediction
) -> Iterator[_CropTask]:
    """The crops for the small masks of prediction `number`."""
    if embedding.image is None:
        return
    size = embedding.frame.size_hw
    for mask, crop in enumerate(merge_similar([mask_crop(prompt, runs, size) for runs in prediction.runs])):
        if crop is not None:
            yield _crop_task(model, number, mask, embedding, crop)


def _crop_task(model: Promptable, prediction: int, mask: int, embedding: Embedding, crop: Crop) -> _CropTask:
    return _CropTask(prediction, mask, embedding, crop, frame_of(model, crop.crop_hw, model.config.zoom))


def _replace_mask(first: Prediction, task: _CropTask, found: Prediction) -> Prediction:
    """The prediction with one of its masks replaced by the refined one."""
    assert first.logits is not None
    assert found.logits is not None
    runs, scores, stability = list(first.runs), first.scores.copy(), first.stability.copy()
    logits, whole = first.logits.copy(), task.image.frame
    runs[task.mask] = task.crop.runs(found.runs[0])
    scores[task.mask], stability[task.mask] = found.scores[0], found.stability[0]
    logits[task.mask] = task.crop.logits(logits[task.mask], found.logits[0], whole, task.frame)
    views = list(first.views)
    views[task.mask] = task.view(found.logits[0])
    return Prediction(runs, scores, stability, logits, views)
