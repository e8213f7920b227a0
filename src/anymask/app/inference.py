"""Model inference for the routes: embeddings, prompts, automatic masks, similar objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anymask.app import schemas, text_schemas
from anymask.app.dependencies import Server
from anymask.app.jobs import Tick
from anymask.data_engine.project import Image, Mask, images, masks
from anymask.data_engine.project.project import current
from anymask.errors import AnymaskError, InputError, StoreError, UnknownNameError
from anymask.geometry import rle
from anymask.images.colours import palette
from anymask.types import Embedding, Masks, Prompt, Record

if TYPE_CHECKING:
    from anymask.models import Promptable
    from anymask.types import Context

__all__ = [
    "JobResult",
    "automatic",
    "embedding_bytes",
    "embedding_key",
    "find",
    "like",
    "masks_of",
    "pixels_of",
    "predict",
]

AT_ONCE = 16
"""Prompts in one call of the model."""
DECODED = 64 << 20
"""Pixels of mask prompts that are decoded at once, at least one mask."""
JobResult = tuple[str, list[schemas.ImageFound]]
"""The fingerprint of a model, and the masks it found in each image."""


def embedding_key(server: Server, image: Image, model: str | None) -> str:
    """The cache key of an embedding: the fingerprint of the model and the hash of the image."""
    view = f"-{server.project.view}" if server.project.view else ""
    return f"{server.models.fingerprint(model)}/{server.project.sha256(image)}{view}.safetensors"


def embedding_bytes(server: Server, image: Image, model: str | None, key: str) -> bytes:
    """An embedding as a safetensors file: features, skip0, ... in float16; computed once, then cached."""

    def make() -> bytes:
        return server.models.call(lambda: _embed(server, image, server.models.sam(model)).to_bytes())

    return server.embeddings.get(key, make)


def _embed(server: Server, image: Image, model: Promptable) -> Embedding:
    from anymask.inference.promptable.predict import embed

    pixels = pixels_of(server, image)
    if current(server.project, image) != image:
        raise StoreError(f"The image {image.name} was replaced while it was read. Try again.")
    return embed(model, pixels)


def pixels_of(server: Server, image: Image) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) uint8 RGB of an image, read in one of a few threads."""
    return server.decode(lambda: server.project.pixels(image))


def _embedding(server: Server, image: Image, model: str | None) -> Embedding:
    """The cached embedding, so that the server's model gets the same values as the browser's."""
    key = embedding_key(server, image, model)
    embedding_bytes(server, image, model, key)
    file = server.embeddings.folder / key

    def make() -> Embedding:
        kept = file.is_file()  # the disk may be full
        return Embedding.load(file) if kept else _embed(server, image, server.models.sam(model))

    return server.models.embedding(key, make)


def predict(server: Server, image: Image, asked: schemas.Predict) -> schemas.Predicted:
    """Masks for prompts. Raises PromptError, FormatError, UnknownNameError, and errors of the model."""
    from anymask.inference.promptable.predict import predict as predict_masks

    for one in asked.prompts:
        if one.mask is None:
            _prompt(one, image)  # what is wrong with a prompt is told before any work
    model, embedding = server.models.sam(asked.model), _embedding(server, image, asked.model)

    def some(start: int) -> list[schemas.Found]:
        prompts = [_prompt(one, image) for one in asked.prompts[start : start + step]]
        return _found(predict_masks(model, embedding, prompts, multimask=asked.multimask), first=start)

    # few at a time: masks of prompts are decoded to the image size, and other users have their turns
    step = max(1, min(AT_ONCE, DECODED // (image.width * image.height)))
    masks = [
        one
        for start in range(0, len(asked.prompts), step)
        for one in server.models.call(partial(some, start))
    ]
    return schemas.Predicted(masks=masks, model=embedding.model)


def find(server: Server, image: Image, asked: text_schemas.Find) -> text_schemas.FoundByWords:
    """Masks for phrases, with the best probabilities.

    Raises PromptError for a phrase that cannot be used, and the errors of the models.
    """
    from anymask.inference.text.find import FindConfig, search
    from anymask.models.text.words import shipped_words

    for phrase in asked.phrases:
        shipped_words().words(phrase)  # told before any work
    config = FindConfig() if asked.threshold is None else FindConfig(threshold=asked.threshold)
    model, pixels = server.models.sam(asked.model), pixels_of(server, image)
    embedding = replace(_embedding(server, image, asked.model), image=pixels)
    found = server.models.call(lambda: search(model, embedding, asked.phrases, config))
    return text_schemas.FoundByWords(
        masks=_found(found.masks.with_scores(found.probability)),
        model=embedding.model,
        best=found.best.tolist(),
        threshold=config.threshold,
    )


def _prompt(asked: schemas.Prompt, image: Image) -> Prompt:
    size = image.size
    mask = None
    if asked.mask is not None:
        mask = rle.decode(rle.from_string(asked.mask), size)
    return Prompt(points=asked.points, labels=asked.labels, box=asked.box, mask=mask)


def _found(found: Masks, label_ids: Sequence[str | None] = (), first: int = 0) -> list[schemas.Found]:
    """Masks as JSON; their labels are indices into `label_ids`, their prompts count from `first`."""
    return [
        schemas.Found(
            size=found.size,
            counts=rle.to_string(runs),
            score=float(found.scores[i]),
            stability=None if found.stability is None else float(found.stability[i]),
            prompt=None if found.prompt is None else first + int(found.prompt[i]),
            label_id=None if found.labels is None or not label_ids else label_ids[int(found.labels[i])],
        )
        for i, runs in enumerate(found.rles)
    ]


def automatic(server: Server, image: Image, asked: schemas.Automatic, tick: Tick) -> JobResult:
    """The automatic masks of an image, best first."""
    from anymask.inference.mask_generation.config import AutoConfig
    from anymask.inference.mask_generation.generate import automatic as find

    model = server.models.sam(asked.model)
    image = current(server.project, image)
    config = AutoConfig(**asked.model_dump(exclude={"model"}))
    embedding = _embedding(server, image, asked.model)
    found = find(model, replace(embedding, image=pixels_of(server, image)), config, tick)
    return server.models.fingerprint(asked.model), [schemas.ImageFound(image=image.id, masks=_found(found))]


def like(server: Server, asked: schemas.Like, tick: Tick) -> JobResult:
    """Objects similar to the examples' masks in each image. An image that cannot be read gets an error."""
    from anymask.inference.in_context.segment import segment_like

    model = server.models.painter(asked.model)
    contexts, label_ids = _contexts(server, asked.examples, model.config.size)
    out = []
    for done, id in enumerate(asked.images):
        tick(done, len(asked.images))
        try:
            image = current(server.project, images.find(server.project.db, id))
            pixels = pixels_of(server, image)
            found = segment_like(
                model, pixels, contexts, kind="semantic" if len(label_ids) > 1 else "instance"
            )
            out.append(schemas.ImageFound(image=id, masks=_found(found, label_ids)))
        except AnymaskError as error:
            out.append(
                schemas.ImageFound(image=id, masks=[], error=server.tell(" ".join(str(error).split())))
            )
    return model.fingerprint, out


def _contexts(
    server: Server, examples: Sequence[schemas.Example], size: int
) -> tuple[list[Context], list[str | None]]:
    """The contexts of examples, and the label id of each colour in them."""
    from anymask.inference.in_context.examples import context

    pairs = [
        (current(server.project, images.find(server.project.db, one.image)), masks_of(server, one))
        for one in examples
    ]
    label_ids = list(dict.fromkeys(mask.label_id for _, some in pairs for mask in some))
    colours = palette(len(label_ids)) if len(label_ids) > 1 else None
    records = [
        Record(
            image.id,
            pixels_of(server, image),
            Masks(
                image.size,
                [rle.from_string(mask.counts) for mask in some],
                labels=[label_ids.index(mask.label_id) for mask in some],
            ),
        )
        for image, some in pairs
    ]
    return [context(record, colours, size=size) for record in records], label_ids


def masks_of(server: Server, example: schemas.Example) -> list[Mask]:
    """The saved masks of an example. Raises UnknownNameError, InputError for masks of different sizes."""
    there = {mask.id: mask for mask in masks.current(server.project.db, example.image)}
    missing = [id for id in example.masks if id not in there]
    if missing:
        raise UnknownNameError(f"The example mask '{missing[0]}' is not saved. Save it first.")
    chosen = [there[id] for id in example.masks]
    sizes = {mask.size for mask in chosen}
    if len(sizes) > 1:
        raise InputError(
            f"The example's masks have different sizes: {sorted(sizes)}. Its image was replaced; "
            "draw the masks again."
        )
    return chosen
