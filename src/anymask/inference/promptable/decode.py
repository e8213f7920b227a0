"""Images to embeddings, prompts to masks: the steps of `anymask.predict`.

Prompts with equal numbers of tokens are decoded together, in batches that bound the memory.
Shape letters: N prompts, R masks each, K tokens, h w the logit grid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from anymask.errors import PromptError
from anymask.geometry.frame import Frame
from anymask.geometry.outlines import Clicks, guide, outline
from anymask.geometry.rle import Runs
from anymask.inference.promptable.crops import Crop
from anymask.models.protocol import Promptable, PromptBatch, check_finite, slices
from anymask.types import Embedding, Prompt

Floats: TypeAlias = NDArray[np.float32]

ENCODE_PIXELS = 4 * 1024 * 1024
"""Maximum model pixels per call of the encoder."""
DECODE_CELLS = 64 * 96 * 96
"""Maximum logit cells per output and call of the decoder, which needs about 300 bytes for each."""
STABILITY_OFFSET = 1.0
"""Stability compares the masks at the thresholds plus and minus this logit."""
NEAR_TIE = 0.03
"""Hypotheses of a click whose quality differs less are about equally likely: bfloat16 may exchange them."""
HYPOTHESES = 3
"""Masks per prompt with `multimask`: outputs 1 to 3 of the decoder."""


@dataclass(frozen=True)
class FramedImage:
    """The pixels of an image and their frame, to be encoded."""

    pixels: NDArray[np.uint8]
    frame: Frame


@dataclass(frozen=True)
class FramedPrompt:
    """A prompt on image number `image`, converted to the model's frame by `Prompt.arrays`."""

    image: int
    prompt: Prompt
    coords: Floats
    labels: NDArray[np.int64]
    mask: Floats | None
    text: Floats | None = None
    """The embedding (D,) of its text."""


@dataclass(frozen=True)
class View:
    """The logits (h, w) of a mask in the frame in which it was predicted: of an image, or of a crop of it."""

    image: Embedding
    crop: Crop | None
    frame: Frame
    logits: Floats

    def outline(self, prompt: Prompt) -> Runs | None:
        """The mask of a prompt in the image, with outlines along its edges and without specks.

        None if the pixels are not known.
        """
        if self.image.image is None:
            return None
        if self.crop is None:
            return outline(self.image.guide, self.logits, _clicks(prompt))
        part = guide(self.frame, self.crop.pixels(self.image.image))
        return self.crop.runs(outline(part, self.logits, _clicks(self.crop.moved(prompt))))


def _clicks(prompt: Prompt) -> Clicks:
    """The positive and the negative points of a prompt."""
    return prompt.points[prompt.labels == 1], prompt.points[prompt.labels == 0]


@dataclass(frozen=True)
class Prediction:
    """The R masks predicted for one prompt: runs, scores (R,), stability (R,), logits (R, h, w) or None."""

    runs: list[Runs]
    scores: Floats
    stability: Floats
    logits: Floats | None
    views: Sequence[View] = ()
    """The closest view of each mask, if outlines are wanted."""

    def part(self, rows: list[int]) -> Prediction:
        """The masks `rows`, in this order."""
        logits = None if self.logits is None else self.logits[rows]
        views = [self.views[row] for row in rows] if self.views else ()
        runs = [self.runs[row] for row in rows]
        return Prediction(runs, self.scores[rows], self.stability[rows], logits, views)


def frame_of(model: Promptable, size_hw: tuple[int, int], longest: int = 0) -> Frame:
    """The model's frame of an image, or one with another longest side."""
    config = model.config
    return Frame.fit(size_hw, longest or config.size, square=config.square, multiple=config.multiple)


def encode(model: Promptable, images: Sequence[FramedImage]) -> list[Embedding]:
    """An Embedding for each image, in order; images of the same padded size are encoded together."""
    if not images:
        return []
    name = model.fingerprint
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, image in enumerate(images):
        groups[image.frame.padded_hw].append(number)
    out: dict[int, Embedding] = {}
    for (height, width), numbers in groups.items():
        for batch_slice in slices(len(numbers), ENCODE_PIXELS // (height * width)):
            part = numbers[batch_slice]
            resized = [images[number].frame.resize(images[number].pixels) for number in part]
            for number, encoded in zip(part, model.encode_images(resized, (height, width)), strict=True):
                out[number] = Embedding(*encoded, images[number].frame, name, images[number].pixels)
    return [out[number] for number in range(len(images))]


def frame_prompt(prompt: Prompt, frame: Frame, image: int, text: Floats | None = None) -> FramedPrompt:
    """Convert a prompt on embedding number `image`; `text` is the embedding (D,) of its text.

    Raises PromptError for a text without embedding, since most models take no text.
    """
    if prompt.text is not None and text is None:
        raise PromptError(
            f"text must be None for this model, got {prompt.text!r}. Use anymask.find for texts, or "
            "give points, a box or a mask."
        )
    return FramedPrompt(image, prompt, *prompt.arrays(frame), text)


def predict_prompts(
    model: Promptable,
    embeddings: Sequence[Embedding],
    prompts: Sequence[FramedPrompt],
    *,
    multimask: bool,
    logits: bool,
) -> list[Prediction]:
    """Predictions in the order of the prompts, without crop refinement.

    Only prompts with equal numbers of tokens share a batch, since padding would change the attention.
    """
    groups: dict[tuple[tuple[int, int], int, bool], list[int]] = defaultdict(list)
    for number, prompt in enumerate(prompts):
        grid_hw = embeddings[prompt.image].frame.grid_hw
        groups[grid_hw, len(prompt.labels), prompt.text is not None].append(number)
    out: dict[int, Prediction] = {}
    for ((height, width), _, _), numbers in groups.items():
        for batch_slice in slices(len(numbers), DECODE_CELLS // (height * width)):
            part = numbers[batch_slice]
            chosen = [prompts[number] for number in part]
            logits_NRhw, scores_NR, stability_NR = _decode(
                model, embeddings, chosen, multimask=multimask, whole=logits
            )
            for row, number in enumerate(part):
                runs = embeddings[chosen[row].image].frame.masks_rle(logits_NRhw[row])
                kept = logits_NRhw[row].copy() if logits else None
                out[number] = Prediction(runs, scores_NR[row], stability_NR[row], kept)
    return [out[number] for number in range(len(prompts))]


def _decode(
    model: Promptable,
    embeddings: Sequence[Embedding],
    prompts: Sequence[FramedPrompt],
    *,
    multimask: bool,
    whole: bool,
) -> tuple[Floats, Floats, Floats]:
    """Logits (N, R, h, w), scores and stability (N, R) of prompts with equal numbers of tokens; R = 3 or 1.

    Logits are those of the `whole` grid, or of the part that covers all images.
    """
    images, index_N = np.unique([prompt.image for prompt in prompts], return_inverse=True)
    used = [embeddings[image] for image in images]
    batch = PromptBatch(
        index_N,
        np.stack([prompt.coords for prompt in prompts]),
        np.stack([prompt.labels for prompt in prompts]),
        *_mask_prompts(prompts, used[0].frame.grid_hw),
        _texts(prompts),
    )
    decoded = model.decode_prompts([(it.features, it.skips) for it in used], batch)
    contents = [it.frame.content_hw for it in used]
    cells_hw = used[0].frame.grid_hw if whole else (max(h for h, _ in contents), max(w for _, w in contents))
    outputs = _outputs(prompts, multimask=multimask)
    logits_NRhw, scores_NR = decoded.logits(outputs, cells_hw), decoded.scores[:, outputs]
    check_finite(scores_NR + logits_NRhw.sum((-1, -2)))
    stability_NR = np.empty_like(scores_NR)
    for image, (rows, columns) in enumerate(contents):  # without the padding
        own = index_N == image
        stability_NR[own] = cell_stability(logits_NRhw[own, :, :rows, :columns], STABILITY_OFFSET)
    if multimask:
        return logits_NRhw, scores_NR, stability_NR
    best_N = np.arange(len(prompts)), _best_outputs(prompts, scores_NR, stability_NR)
    return logits_NRhw[best_N][:, None], scores_NR[best_N][:, None], stability_NR[best_N][:, None]


def _outputs(prompts: Sequence[FramedPrompt], *, multimask: bool) -> slice:
    """The decoder's outputs that are needed: the hypotheses, the single one, or all for mixed prompts."""
    ambiguous = [multimask or one.prompt.ambiguous for one in prompts]
    return slice(1 if all(ambiguous) else 0, None if any(ambiguous) else 1)


def _best_outputs(
    prompts: Sequence[FramedPrompt], scores_NR: Floats, stability_NR: Floats
) -> NDArray[np.intp]:
    """The output (N,) to use: for a single click the hypothesis of the best quality, else the single one."""
    quality_NH = (scores_NR * stability_NR)[:, -HYPOTHESES:]
    best_N = quality_NH.argmax(axis=1) + scores_NR.shape[1] - quality_NH.shape[1]
    return np.where([one.prompt.ambiguous for one in prompts], best_N, 0)


def cell_stability(logits_Xhw: Floats, offset: float) -> Floats:
    """IoU of the masks (...) at the thresholds plus and minus `offset`, in [0, 1] (SAM, appendix B).

    0 for an empty mask. Counts the cells of logits (..., h, w), which must not include padding.
    """
    inner, outer = ((logits_Xhw > bound).sum((-1, -2)) for bound in (offset, -offset))
    return np.asarray(inner / np.maximum(outer, 1), np.float32)


def _texts(prompts: Sequence[FramedPrompt]) -> Floats | None:
    """Embeddings (N, D) of prompts that all have a text, or None if none has."""
    texts = [prompt.text for prompt in prompts if prompt.text is not None]
    return np.stack(texts) if texts else None


def _mask_prompts(
    prompts: Sequence[FramedPrompt], grid_hw: tuple[int, int]
) -> tuple[Floats | None, NDArray[np.bool_] | None]:
    """Mask logits (N, 1, h, w) and which prompts have a mask, (N,) bool; None, None if none has."""
    if all(prompt.mask is None for prompt in prompts):
        return None, None
    none = np.zeros(grid_hw, np.float32)
    masks = np.stack([none if prompt.mask is None else prompt.mask for prompt in prompts])[:, None]
    return masks, np.array([prompt.mask is not None for prompt in prompts])
