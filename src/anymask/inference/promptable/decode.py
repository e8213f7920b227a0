"""Images to embeddings, prompts to masks: the steps of `anymask.predict`.

Prompts with equal numbers of tokens are decoded together, in batches that bound the memory.
Shape letters: N prompts, R masks each, K tokens, h w the logit grid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from anymask.errors import PromptError
from anymask.geometry.frame import Frame
from anymask.geometry.rle import Runs
from anymask.models import Sam, check_finite, weights_hash
from anymask.models.layers import slices
from anymask.types import Embedding, Prompt

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
    coords: NDArray[np.float32]
    labels: NDArray[np.int64]
    mask: NDArray[np.float32] | None


@dataclass(frozen=True)
class Prediction:
    """The R masks predicted for one prompt: runs, scores (R,), stability (R,), logits (R, h, w) or None."""

    runs: list[Runs]
    scores: NDArray[np.float32]
    stability: NDArray[np.float32]
    logits: NDArray[np.float32] | None

    def part(self, rows: list[int]) -> Prediction:
        """The masks `rows`, in this order."""
        logits = None if self.logits is None else self.logits[rows]
        return Prediction([self.runs[row] for row in rows], self.scores[rows], self.stability[rows], logits)


def frame_of(model: Sam, size_hw: tuple[int, int], longest: int = 0) -> Frame:
    """The model's frame of an image, or one with another longest side."""
    config = model.config
    return Frame.fit(size_hw, longest or config.size, square=config.square, multiple=config.multiple)


@torch.no_grad()  # not inference_mode: a decoder can be trained on these tensors
def encode(model: Sam, images: Sequence[FramedImage]) -> list[Embedding]:
    """An Embedding for each image, in order; images of the same padded size are encoded together."""
    if not images:
        return []
    name = weights_hash(model)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, image in enumerate(images):
        groups[image.frame.padded_hw].append(number)
    out: dict[int, Embedding] = {}
    for (height, width), numbers in groups.items():
        for batch_slice in slices(len(numbers), ENCODE_PIXELS // (height * width)):
            part = numbers[batch_slice]
            batch = torch.cat([_model_input(model, images[number]) for number in part])
            features, skips = model.encode(batch)
            for row, number in enumerate(part):
                own = slice(row, row + 1)
                out[number] = Embedding(
                    features[own],
                    tuple(skip[own] for skip in skips),
                    images[number].frame,
                    name,
                    images[number].pixels,
                )
    return [out[number] for number in range(len(images))]


def _model_input(model: Sam, image: FramedImage) -> Tensor:
    """(1, 3, H, W) of the padded size: resized, normalised, padded with zeros at the right and below."""
    frame = image.frame
    image_BHWC = torch.tensor(frame.resize(image.pixels), device=model.device)[None]
    (h, w), (height, width) = frame.scaled_hw, frame.padded_hw
    return F.pad(model.normalise(image_BHWC), (0, width - w, 0, height - h))


def frame_prompt(prompt: Prompt, frame: Frame, image: int) -> FramedPrompt:
    """Convert a prompt on embedding number `image`. Raises PromptError for a text, which no Sam supports."""
    if prompt.text is not None:
        raise PromptError(
            f"text must be None for this model, got {prompt.text!r}. Give points, a box or a mask."
        )
    return FramedPrompt(image, prompt, *prompt.arrays(frame))


def predict_prompts(
    model: Sam,
    embeddings: Sequence[Embedding],
    prompts: Sequence[FramedPrompt],
    *,
    multimask: bool,
    logits: bool,
) -> list[Prediction]:
    """Predictions in the order of the prompts, without crop refinement.

    Only prompts with equal numbers of tokens share a batch, since padding would change the attention.
    """
    groups: dict[tuple[tuple[int, int], int], list[int]] = defaultdict(list)
    for number, prompt in enumerate(prompts):
        groups[embeddings[prompt.image].frame.grid_hw, len(prompt.labels)].append(number)
    out: dict[int, Prediction] = {}
    for ((height, width), _), numbers in groups.items():
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


@torch.inference_mode()
def _decode(
    model: Sam,
    embeddings: Sequence[Embedding],
    prompts: Sequence[FramedPrompt],
    *,
    multimask: bool,
    whole: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Logits (N, R, h, w), scores and stability (N, R) of prompts with equal numbers of tokens; R = 3 or 1.

    Logits are those of the `whole` grid, or of the part that covers all images.
    """
    images, index_N = np.unique([prompt.image for prompt in prompts], return_inverse=True)
    used = [embeddings[image] for image in images]
    features = _concatenated([it.features for it in used])
    skips = tuple(map(_concatenated, zip(*(it.skips for it in used), strict=True)))
    decoded = model.decode_tokens(
        features,
        skips,
        torch.tensor(index_N, device=model.device),
        torch.tensor(np.stack([prompt.coords for prompt in prompts]), device=model.device),
        torch.tensor(np.stack([prompt.labels for prompt in prompts]), device=model.device),
        *_mask_prompts(model, prompts, used[0].frame.grid_hw),
    )
    contents = [it.frame.content_hw for it in used]
    if not whole:
        decoded = decoded.within((max(h for h, _ in contents), max(w for _, w in contents)))
    outputs = _outputs(prompts, multimask=multimask)
    logits_NRhw, scores_NR = model.mask_logits(decoded, outputs), decoded.iou_N4[:, outputs]
    check_finite(scores_NR + logits_NRhw.sum((-1, -2)))
    parts = (logits_NRhw, scores_NR, _stability(logits_NRhw, contents, index_N))
    if not multimask:
        rows_N = torch.arange(len(prompts), device=model.device)
        best_N = _best_outputs(prompts, *parts[1:])
        parts = tuple(part[rows_N, best_N][:, None] for part in parts)  # type: ignore[assignment]
    return tuple(part.cpu().numpy() for part in parts)  # type: ignore[return-value]


def _outputs(prompts: Sequence[FramedPrompt], *, multimask: bool) -> slice:
    """The decoder's outputs that are needed: the hypotheses, the single one, or all for mixed prompts."""
    ambiguous = [multimask or one.prompt.ambiguous for one in prompts]
    return slice(1 if all(ambiguous) else 0, None if any(ambiguous) else 1)


def _best_outputs(prompts: Sequence[FramedPrompt], scores_NR: Tensor, stability_NR: Tensor) -> Tensor:
    """The output (N,) to use: for a single click the hypothesis of the best quality, else the single one."""
    single_N = torch.tensor([not one.prompt.ambiguous for one in prompts], device=scores_NR.device)
    quality_NH = (scores_NR * stability_NR)[:, -HYPOTHESES:]
    return torch.where(single_N, 0, quality_NH.argmax(dim=1) + scores_NR.shape[1] - quality_NH.shape[1])


def _stability(logits_NRhw: Tensor, contents: Sequence[tuple[int, int]], index_N: NDArray[np.intp]) -> Tensor:
    """IoU of the masks at the thresholds +1 and -1, (N, R) in [0, 1]; 0 for an empty one (SAM, appendix B).

    Cells of padding are excluded: the image of object n covers `contents[index_N[n]]` cells.
    """
    out_NR = logits_NRhw.new_empty(logits_NRhw.shape[:2])
    for image, (rows, columns) in enumerate(contents):
        own = slice(None) if len(contents) == 1 else torch.tensor(index_N == image, device=out_NR.device)
        content = logits_NRhw[own, :, :rows, :columns]
        inner, outer = ((content > bound).sum((-1, -2)) for bound in (STABILITY_OFFSET, -STABILITY_OFFSET))
        out_NR[own] = inner / outer.clamp(min=1)
    return out_NR


def _concatenated(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tuple(tensors))


def _mask_prompts(
    model: Sam, prompts: Sequence[FramedPrompt], grid_hw: tuple[int, int]
) -> tuple[Tensor | None, Tensor | None]:
    """Mask logits (N, 1, h, w) and which prompts have a mask, (N,) bool; None, None if none has."""
    if all(prompt.mask is None for prompt in prompts):
        return None, None
    none = np.zeros(grid_hw, np.float32)
    masks = np.stack([none if prompt.mask is None else prompt.mask for prompt in prompts])[:, None]
    has = [prompt.mask is not None for prompt in prompts]
    return torch.tensor(masks, device=model.device), torch.tensor(has, device=model.device)
