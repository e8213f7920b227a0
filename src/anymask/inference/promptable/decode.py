"""Pictures to embeddings, prompts to masks: what `anymask.predict` is made of.

Prompts of equal length are decoded together, in parts that bound the memory.
Shape letters: N prompts, R answers each, K tokens, h w the logit grid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from anymask.errors import PromptError
from anymask.geometry.frame import Frame
from anymask.geometry.rle import Runs
from anymask.models import Sam, check_finite, weights_hash
from anymask.types import Embedding, Prompt

ENCODE_PIXELS = 4 * 1024 * 1024
"""Model pixels that one call of the encoder gets at most."""
DECODE_CELLS = 64 * 96 * 96
"""Logit cells that one call of the decoder fills per output at most; it needs some 300 bytes for each."""
STABILITY_OFFSET = 1.0
"""Logits above and below 0 at which the stability of a mask is taken."""
HYPOTHESES = 3
"""Masks per prompt with `multimask`: the outputs 1 to 3 of the decoder."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Picture:
    """An image that is read but not encoded yet."""

    pixels: NDArray[np.uint8]
    frame: Frame


@dataclass(frozen=True)
class Job:
    """One prompt in the model's frame, see `Prompt.arrays`: coords (K, 2), labels (K,)."""

    image: int
    prompt: Prompt
    coords: NDArray[np.float32]
    labels: NDArray[np.int64]
    mask: NDArray[np.float32] | None


@dataclass(frozen=True)
class Answer:
    """The masks for one prompt."""

    runs: list[Runs]
    scores: NDArray[np.float32]
    stability: NDArray[np.float32]
    logits: NDArray[np.float32] | None

    def part(self, rows: list[int]) -> Answer:
        """Some of the masks."""
        logits = None if self.logits is None else self.logits[rows]
        return Answer([self.runs[row] for row in rows], self.scores[rows], self.stability[rows], logits)


def frame_of(model: Sam, size_hw: tuple[int, int], longest: int = 0) -> Frame:
    """The model's frame of a picture, or one with another longest side."""
    config = model.config
    return Frame.fit(size_hw, longest or config.size, square=config.square, multiple=config.multiple)


@torch.no_grad()  # not inference_mode: a decoder can be trained on these tensors
def encode(model: Sam, pictures: Sequence[Picture]) -> list[Embedding]:
    """An Embedding for each picture, in order; those of one padded size are encoded together."""
    if not pictures:
        return []
    name = weights_hash(model)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, picture in enumerate(pictures):
        groups[picture.frame.padded_hw].append(number)
    out: dict[int, Embedding] = {}
    for (height, width), numbers in groups.items():
        for part in portions(numbers, ENCODE_PIXELS // (height * width)):
            batch = torch.cat([_model_input(model, pictures[number]) for number in part])
            features, skips = model.encode(batch)
            for row, number in enumerate(part):
                own = slice(row, row + 1)
                out[number] = Embedding(
                    features[own],
                    tuple(skip[own] for skip in skips),
                    pictures[number].frame,
                    name,
                    pictures[number].pixels,
                )
    return [out[number] for number in range(len(pictures))]


def _model_input(model: Sam, picture: Picture) -> Tensor:
    """(1, 3, H, W) of the padded size: resized, normalised, then padded with zeros at the right and below."""
    frame = picture.frame
    image_BHWC = torch.tensor(frame.resize(picture.pixels), device=model.device)[None]
    (h, w), (height, width) = frame.scaled_hw, frame.padded_hw
    return F.pad(model.normalise(image_BHWC), (0, width - w, 0, height - h))


def job_of(prompt: Prompt, frame: Frame, image: int) -> Job:
    """The prompt for embedding number `image`. Raises PromptError for a text, which no such model reads."""
    if prompt.text is not None:
        raise PromptError(
            f"text must be None for this model, got {prompt.text!r}. Give points, a box or a mask."
        )
    return Job(image, prompt, *prompt.arrays(frame))


def answers_to(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[Job], *, multimask: bool, logits: bool
) -> list[Answer]:
    """Answers in the order of the jobs. Equal lengths share a call: padding would change the attention."""
    groups: dict[tuple[tuple[int, int], int], list[int]] = defaultdict(list)
    for number, job in enumerate(jobs):
        groups[embeddings[job.image].frame.grid_hw, len(job.labels)].append(number)
    out: dict[int, Answer] = {}
    for ((height, width), _), numbers in groups.items():
        for part in portions(numbers, DECODE_CELLS // (height * width)):
            chosen = [jobs[number] for number in part]
            logits_NRhw, scores_NR, stability_NR = _decode(
                model, embeddings, chosen, multimask=multimask, whole=logits
            )
            for row, number in enumerate(part):
                runs = embeddings[chosen[row].image].frame.masks_rle(logits_NRhw[row])
                kept = logits_NRhw[row].copy() if logits else None
                out[number] = Answer(runs, scores_NR[row], stability_NR[row], kept)
    return [out[number] for number in range(len(jobs))]


@torch.inference_mode()
def _decode(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[Job], *, multimask: bool, whole: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Logits (N, R, h, w), scores and stability (N, R) of jobs with equal numbers of tokens; R = 3 or 1.

    Logits of the `whole` grid or of what holds the pictures.
    """
    images, index_N = np.unique([job.image for job in jobs], return_inverse=True)
    used = [embeddings[image] for image in images]
    features = _joined([it.features for it in used])
    skips = tuple(map(_joined, zip(*(it.skips for it in used), strict=True)))
    decoded = model.decode_tokens(
        features,
        skips,
        torch.tensor(index_N, device=model.device),
        torch.tensor(np.stack([job.coords for job in jobs]), device=model.device),
        torch.tensor(np.stack([job.labels for job in jobs]), device=model.device),
        *_mask_prompts(model, jobs, used[0].frame.grid_hw),
    )
    contents = [it.frame.content_hw for it in used]
    if not whole:
        decoded = decoded.within((max(h for h, _ in contents), max(w for _, w in contents)))
    outputs = _outputs(jobs, multimask=multimask)
    logits_NRhw, scores_NR = model.mask_logits(decoded, outputs), decoded.iou_N4[:, outputs]
    check_finite(scores_NR + logits_NRhw.sum((-1, -2)))
    parts = (logits_NRhw, scores_NR, _stability(logits_NRhw, contents, index_N))
    if not multimask:
        rows_N = torch.arange(len(jobs), device=model.device)
        best_N = _best_outputs(jobs, *parts[1:])
        parts = tuple(part[rows_N, best_N][:, None] for part in parts)  # type: ignore[assignment]
    return tuple(part.cpu().numpy() for part in parts)  # type: ignore[return-value]


def _outputs(jobs: Sequence[Job], *, multimask: bool) -> slice:
    """Which of the decoder's outputs may answer: hypotheses, the single one, or all for a mixed lot."""
    ambiguous = [multimask or job.prompt.ambiguous for job in jobs]
    return slice(1 if all(ambiguous) else 0, None if any(ambiguous) else 1)


def _best_outputs(jobs: Sequence[Job], scores_NR: Tensor, stability_NR: Tensor) -> Tensor:
    """Which output (N,) of those drawn answers: of a single click the hypothesis of the best quality."""
    single_N = torch.tensor([not job.prompt.ambiguous for job in jobs], device=scores_NR.device)
    quality_NH = (scores_NR * stability_NR)[:, -HYPOTHESES:]
    return torch.where(single_N, 0, quality_NH.argmax(dim=1) + scores_NR.shape[1] - quality_NH.shape[1])


def _stability(logits_NRhw: Tensor, contents: Sequence[tuple[int, int]], index_N: NDArray[np.intp]) -> Tensor:
    """IoU of the mask at the thresholds +1 and -1, (N, R) in [0, 1]; 0 for an empty one (SAM, appendix B).

    Cells that hold only padding do not count: object n has the picture of `contents[index_N[n]]` cells.
    """
    out_NR = logits_NRhw.new_empty(logits_NRhw.shape[:2])
    for image, (rows, columns) in enumerate(contents):
        own = slice(None) if len(contents) == 1 else torch.tensor(index_N == image, device=out_NR.device)
        content = logits_NRhw[own, :, :rows, :columns]
        inner, outer = ((content > bound).sum((-1, -2)) for bound in (STABILITY_OFFSET, -STABILITY_OFFSET))
        out_NR[own] = inner / outer.clamp(min=1)
    return out_NR


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tuple(tensors))


def _mask_prompts(
    model: Sam, jobs: Sequence[Job], grid_hw: tuple[int, int]
) -> tuple[Tensor | None, Tensor | None]:
    """Logits (N, 1, h, w) and which of them count, (N,) bool; None where no job has a mask."""
    if all(job.mask is None for job in jobs):
        return None, None
    none = np.zeros(grid_hw, np.float32)
    masks = np.stack([none if job.mask is None else job.mask for job in jobs])[:, None]
    has = [job.mask is not None for job in jobs]
    return torch.tensor(masks, device=model.device), torch.tensor(has, device=model.device)


def portions(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    """The items in order, at most `most` of them (and at least one) at a time."""
    step = max(1, most)
    return (items[start : start + step] for start in range(0, len(items), step))
