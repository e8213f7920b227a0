"""Encode an image once, answer any number of prompts: `embed` and `predict`.

Everything here is a function of its arguments: a model holds no picture, so that one model serves many
images, threads and users. What is small in the model's frame may get a second look, see `promptable.crops`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from anymask.errors import InputError, PromptError
from anymask.geometry.frame import Frame
from anymask.images.read import ImageSource, read_image
from anymask.inference.promptable.decode import Answer, Picture, answers_to, encode, frame_of, job_of
from anymask.inference.promptable.refine import closer_answers
from anymask.models import InContext, Sam, weights_hash
from anymask.models.devices import check_evaluation_mode
from anymask.types import Embedding, Masks, Prompt

__all__ = ["check_embedding", "embed", "embed_batch", "predict", "predict_batch"]


def embed(model: Sam, image: ImageSource) -> Embedding:
    """Encode an image for `predict`. See `embed_batch`."""
    return embed_batch(model, [image])[0]


def embed_batch(model: Sam, images: Iterable[ImageSource]) -> list[Embedding]:
    """Encode images, those of one padded size together; an Embedding for each, in order.

    `images` are whatever `read_image` takes: (H, W, 3) uint8 RGB, file names and so on, of any size.
    Raises ImageError for what is not a picture, InputError for a model in training mode.
    """
    _check_ready(model)
    return encode(model, [_picture(model, image) for image in images])


def predict(
    model: Sam,
    image: ImageSource | Embedding,
    prompts: Sequence[Prompt],
    *,
    multimask: bool = True,
    logits: bool = False,
    zoom: bool | None = None,
) -> Masks:
    """Answer prompts on one image, given as such or as its Embedding. See `predict_batch`."""
    return predict_batch(model, [image], [prompts], multimask=multimask, logits=logits, zoom=zoom)[0]


def predict_batch(
    model: Sam,
    images: Sequence[ImageSource | Embedding],
    prompts: Sequence[Sequence[Prompt]],
    *,
    multimask: bool = True,
    logits: bool = False,
    zoom: bool | None = None,
) -> list[Masks]:
    """Answer the prompts `prompts[i]` on image i: a Masks per image, of the image's own size.

    With `multimask` every prompt gets three hypotheses (whole, part, sub-part in no fixed order), one after
    the other; without, one mask: for a single click the hypothesis of the best `Masks.quality`, for any
    other prompt the decoder's single output. `Masks.prompt` tells whose mask it is, `scores` hold the
    predicted IoU as the network gives it, unclipped, `stability` how little the mask depends on its
    threshold. With `logits` they are kept too and can be the mask of a next Prompt.
    With `zoom` every mask that is small in the model's frame is refined in a crop around it
    (`promptable.crops`), and a single click is also answered from a crop around the click; each crop costs an
    encoding. None refines where the model is trained for it (`compact` is) and the image is available, which
    it is not for an Embedding read from a file.
    Prompts may be of any kind and length in one call; how they are batched changes nothing but rounding.
    Raises PromptError for a prompt that does not fit its image, ImageError, InputError for an Embedding of
    another model or without a picture where `zoom` is True, WeightsError for weights that give NaN.
    """
    _check_ready(model)
    _check_lists(images, prompts)
    opened = [
        check_embedding(model, it) if isinstance(it, Embedding) else _picture(model, it) for it in images
    ]
    jobs = [
        job_of(prompt, picture.frame, number)
        for number, picture in enumerate(opened)
        for prompt in prompts[number]
    ]
    pictures = iter(encode(model, [it for it in opened if isinstance(it, Picture)]))
    embeddings = [it if isinstance(it, Embedding) else next(pictures) for it in opened]
    _check_pictures(embeddings, zoom)
    if model.config.zoom if zoom is None else zoom:
        answers = closer_answers(model, embeddings, jobs, multimask=multimask)
    else:
        answers = answers_to(model, embeddings, jobs, multimask=multimask, logits=logits)
    found: list[list[Answer]] = [[] for _ in embeddings]
    for job, answer in zip(jobs, answers, strict=True):
        found[job.image].append(answer)
    return [_masks(it.frame, got, logits) for it, got in zip(embeddings, found, strict=True)]


def _check_ready(model: Sam | InContext) -> None:
    if not isinstance(model, Sam):
        raise InputError(
            "model must answer prompts, got one that works by examples. Use segment_like, or load compact."
        )
    check_evaluation_mode(model)


def _check_lists(images: Sequence[object], prompts: Sequence[Sequence[Prompt]]) -> None:
    if len(images) != len(prompts):
        raise InputError(
            f"prompts must be a list for each of {len(images)} images, got {len(prompts)}. Give [] for none."
        )
    for some in prompts:
        if isinstance(some, Prompt) or not all(isinstance(prompt, Prompt) for prompt in some):
            raise PromptError(
                f"prompts must be a list of Prompt, got {type(some).__name__} of something else. "
                "Write [Prompt.point(x, y)], for example."
            )


def _check_pictures(embeddings: Sequence[Embedding], zoom: bool | None) -> None:
    if zoom and any(it.image is None for it in embeddings):
        raise InputError(
            "zoom must not be True for an Embedding without its picture, got one that was read from a file. "
            "Give the image, or dataclasses.replace(embedding, image=pixels)."
        )


def check_embedding(model: Sam, embedding: Embedding) -> Embedding:
    """Return the embedding if `model` made it and is ready to use it; raise InputError if not."""
    _check_ready(model)
    own = weights_hash(model)
    if embedding.model != own:
        raise InputError(
            f"image must be an Embedding made by this model ({own}), got one made by {embedding.model}. "
            "Embed the image again."
        )
    return embedding


def _picture(model: Sam, image: ImageSource) -> Picture:
    pixels = read_image(image)
    return Picture(pixels, frame_of(model, (pixels.shape[0], pixels.shape[1])))


def _masks(frame: Frame, answers: Sequence[Answer], logits: bool) -> Masks:
    """Join the answers for one image."""
    empty = np.zeros(0, np.float32)
    kept = [answer.logits for answer in answers if answer.logits is not None]
    return Masks(
        frame.size_hw,
        [runs for answer in answers for runs in answer.runs],
        np.concatenate([empty, *(answer.scores for answer in answers)]),
        stability=np.concatenate([empty, *(answer.stability for answer in answers)]),
        prompt=np.repeat(np.arange(len(answers)), [len(answer.runs) for answer in answers]),
        logits=np.concatenate([np.zeros((0, *frame.grid_hw), np.float32), *kept]) if logits else None,
    )
