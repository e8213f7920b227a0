"""Encode an image once, predict masks for any number of prompts: `embed` and `predict`.

Results depend on the arguments only, so that one model can serve many images, threads and users: an image's
state is its Embedding, which the caller holds. A model caches values for speed alone, keyed by all their
inputs: its fingerprint, position codes, and the decoder's projection of the last image (`Sam`).
Masks that are small in the model's frame can be refined in crops, see `promptable.crops`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from anymask.errors import InputError, PromptError
from anymask.geometry.frame import Frame
from anymask.images.read import ImageSource, read_image
from anymask.inference.promptable.decode import (
    FramedImage,
    Prediction,
    encode,
    frame_of,
    frame_prompt,
    predict_prompts,
)
from anymask.inference.promptable.refine import predict_refined
from anymask.models.protocol import (
    Floats,
    InContext,
    Promptable,
    TextEncoder,
    check_evaluation_mode,
    is_promptable,
)
from anymask.types import Embedding, Masks, Prompt

__all__ = ["check_embedding", "embed", "embed_batch", "predict", "predict_batch"]


def embed(model: Promptable, image: ImageSource) -> Embedding:
    """Encode an image for `predict`. See `embed_batch`."""
    return embed_batch(model, [image])[0]


def embed_batch(model: Promptable, images: Iterable[ImageSource]) -> list[Embedding]:
    """Encode images, those of the same padded size together; an Embedding for each, in order.

    `images` are of any size and type that `read_image` accepts: (H, W, 3) uint8 RGB arrays, file names, etc.
    Raises ImageError for an image that cannot be read, InputError for a model in training mode.
    """
    _check_ready(model)
    return encode(model, [_framed(model, image) for image in images])


def predict(
    model: Promptable,
    image: ImageSource | Embedding,
    prompts: Sequence[Prompt],
    *,
    multimask: bool = True,
    logits: bool = False,
    zoom: bool | None = None,
    text_encoder: TextEncoder | None = None,
) -> Masks:
    """Predict masks for prompts on one image, or on its Embedding, as `predict_batch` does for several.

    model: a promptable model in evaluation mode.
    image: what `read_image` accepts, or an Embedding of this model.
    prompts: prompts of any kind and length, in original pixels.
    multimask: three hypotheses for each prompt instead of the best mask.
    logits: keep the logits, which can be the mask of the next Prompt.
    zoom: crop refinement; None: on if the model is trained for it and the pixels are available.
    text_encoder: for prompts with a text.
    """
    return predict_batch(
        model, [image], [prompts], multimask=multimask, logits=logits, zoom=zoom, text_encoder=text_encoder
    )[0]


def predict_batch(
    model: Promptable,
    images: Sequence[ImageSource | Embedding],
    prompts: Sequence[Sequence[Prompt]],
    *,
    multimask: bool = True,
    logits: bool = False,
    zoom: bool | None = None,
    text_encoder: TextEncoder | None = None,
) -> list[Masks]:
    """Predict masks for the prompts `prompts[i]` on image i: a Masks per image, of the image size.

    `Masks.prompt` is the index of the prompt of each mask, `scores` the predicted IoU, clipped to 0..1,
    `stability` the IoU between the masks at slightly higher and lower thresholds.

    model: a promptable model in evaluation mode.
    images: what `read_image` accepts, or Embeddings of this model.
    prompts: a list for each image. Prompts of any kind and length can be mixed; batching affects rounding
        only.
    multimask: if True, three hypotheses for each prompt (whole, part, subpart in no fixed order). If False,
        one mask: the hypothesis of the best `Masks.quality` for a single click, the decoder's single output
        for any other prompt.
    logits: keep the logits, which can be the mask of the next Prompt.
    zoom: if True, refine masks that are small in the model's frame in a crop around them, and predict single
        clicks also from a crop around the click (`promptable.crops`). Each crop costs an encoding. None: on
        if the model is trained for it (as `compact` is) and the pixels are available, which they are not for
        an Embedding read from a file.
    text_encoder: for prompts with a text: that of the CLIP with which the model was trained, see
        `load_text_encoder`. A text may be combined with points, a box and a mask (SAM, appendix D.5).

    Raises PromptError for a prompt that does not fit its image and for a text that the model does not take,
    ImageError, InputError for an Embedding or a text encoder of another model or, with `zoom=True`, an
    Embedding without its pixels, WeightsError for weights that give NaN.
    """
    _check_ready(model)
    _check_lists(images, prompts)
    texts = _embed_texts(model, [prompt for some in prompts for prompt in some], text_encoder)
    opened = [
        check_embedding(model, it) if isinstance(it, Embedding) else _framed(model, it) for it in images
    ]
    framed = [
        frame_prompt(prompt, it.frame, number, texts.get(prompt.text or ""))
        for number, it in enumerate(opened)
        for prompt in prompts[number]
    ]
    encoded = iter(encode(model, [it for it in opened if isinstance(it, FramedImage)]))
    embeddings = [it if isinstance(it, Embedding) else next(encoded) for it in opened]
    _check_pixels(embeddings, zoom)
    if model.config.zoom if zoom is None else zoom:
        predictions = predict_refined(model, embeddings, framed, multimask=multimask)
    else:
        predictions = predict_prompts(model, embeddings, framed, multimask=multimask, logits=logits)
    found: list[list[Prediction]] = [[] for _ in embeddings]
    for one, prediction in zip(framed, predictions, strict=True):
        found[one.image].append(prediction)
    return [_masks(it.frame, got, logits) for it, got in zip(embeddings, found, strict=True)]


def _embed_texts(
    model: Promptable, prompts: Sequence[Prompt], encoder: TextEncoder | None
) -> dict[str, Floats]:
    """The embedding (D,) of each text; empty for a model without text prompts, which `frame_prompt` tells."""
    texts = sorted({prompt.text for prompt in prompts if prompt.text is not None})
    config = model.config
    if not texts or not config.text:
        return {}
    if encoder is None or (encoder.fingerprint, encoder.width) != (config.text_encoder, config.text):
        got = "none" if encoder is None else f"another ({encoder.fingerprint})"
        raise InputError(
            "text_encoder must be that of the CLIP with which the model was trained "
            f"({config.text_encoder}), got {got}. Load it with anymask.load_text_encoder."
        )
    return dict(zip(texts, encoder.encode_texts(texts), strict=True))


def _check_ready(model: Promptable | InContext) -> None:
    if not is_promptable(model):
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


def _check_pixels(embeddings: Sequence[Embedding], zoom: bool | None) -> None:
    if zoom and any(it.image is None for it in embeddings):
        raise InputError(
            "zoom must not be True for an Embedding without its image, got one that was read from a file. "
            "Give the image, or dataclasses.replace(embedding, image=pixels)."
        )


def check_embedding(model: Promptable, embedding: Embedding) -> Embedding:
    """Return the embedding if `model` made it and is in evaluation mode, else raise InputError."""
    _check_ready(model)
    own = model.fingerprint
    if embedding.model != own:
        raise InputError(
            f"image must be an Embedding made by this model ({own}), got one made by {embedding.model}. "
            "Embed the image again."
        )
    return embedding


def _framed(model: Promptable, image: ImageSource) -> FramedImage:
    pixels = read_image(image)
    return FramedImage(pixels, frame_of(model, (pixels.shape[0], pixels.shape[1])))


def _masks(frame: Frame, predictions: Sequence[Prediction], logits: bool) -> Masks:
    """Concatenate the predictions for one image."""
    empty = np.zeros(0, np.float32)
    kept = [one.logits for one in predictions if one.logits is not None]
    return Masks(
        frame.size_hw,
        [runs for one in predictions for runs in one.runs],
        np.clip(np.concatenate([empty, *(one.scores for one in predictions)]), 0, 1),
        stability=np.concatenate([empty, *(one.stability for one in predictions)]),
        prompt=np.repeat(np.arange(len(predictions)), [len(one.runs) for one in predictions]),
        logits=np.concatenate([np.zeros((0, *frame.grid_hw), np.float32), *kept]) if logits else None,
    )
