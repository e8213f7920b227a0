"""Encode an image once, answer any number of prompts: `embed` and `predict`.

Everything here is a function of its arguments: a model holds no picture, so that one model serves many
images, threads and users. Prompts of equal length are decoded together, in parts that bound the memory.
What is small in the model's frame may get a second look, see `anymask.zoom`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from anymask.errors import InputError, PromptError
from anymask.geometry import Frame
from anymask.images import ImageSource, read_image
from anymask.models import InContext, Sam, weights_hash
from anymask.rle import Runs
from anymask.types import Embedding, Masks, Prompt
from anymask.zoom import CloseUp, close_up, shared

__all__ = ["check_embedding", "embed", "embed_batch", "predict", "predict_batch"]

ENCODE_PIXELS = 4 * 1024 * 1024
"""Model pixels that one call of the encoder gets at most."""
DECODE_CELLS = 64 * 96 * 96
"""Logit cells that one call of the decoder fills per output at most; it needs some 300 bytes for each."""
STABILITY_OFFSET = 1.0
"""Logits above and below 0 at which the stability of a mask is taken."""
LOOKS_AT_ONCE = 32
"""Close-ups that are held as embeddings at the same time; some 2 MB each."""
HYPOTHESES = 3
"""Masks per prompt with `multimask`: the outputs 1 to 3 of the decoder."""

Item = TypeVar("Item")


def embed(model: Sam, image: ImageSource) -> Embedding:
    """Encode an image for `predict`. See `embed_batch`."""
    return embed_batch(model, [image])[0]


def embed_batch(model: Sam, images: Iterable[ImageSource]) -> list[Embedding]:
    """Encode images, those of one padded size together; an Embedding for each, in order.

    `images` are whatever `read_image` takes: (H, W, 3) uint8 RGB, file names and so on, of any size.
    Raises ImageError for what is not a picture, InputError for a model in training mode.
    """
    _check_ready(model)
    return _encode(model, [_picture(model, image) for image in images])


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
    With `zoom` every answer that is small in the model's frame is improved by a second look at a close-up
    (`anymask.zoom`), which costs an encoding each; None does so where the model is made for it (`compact` is)
    and the picture is at hand, which it is not in an Embedding read from a file.
    Prompts may be of any kind and length in one call; how they are batched changes nothing but rounding.
    Raises PromptError for a prompt that does not fit its image, ImageError, and InputError for an Embedding
    of another model, or without a picture where `zoom` is True.
    """
    _check_ready(model)
    _check_lists(images, prompts)
    opened = [
        check_embedding(model, it) if isinstance(it, Embedding) else _picture(model, it) for it in images
    ]
    jobs = [
        _job(prompt, picture.frame, number)
        for number, picture in enumerate(opened)
        for prompt in prompts[number]
    ]
    pictures = iter(_encode(model, [it for it in opened if isinstance(it, _Picture)]))
    embeddings = [it if isinstance(it, Embedding) else next(pictures) for it in opened]
    _check_pictures(embeddings, zoom)
    if model.config.zoom if zoom is None else zoom:
        answers = _closer_answers(model, embeddings, jobs, multimask=multimask)
    else:
        answers = _answer(model, embeddings, jobs, multimask=multimask, logits=logits)
    found: list[list[_Answer]] = [[] for _ in embeddings]
    for job, answer in zip(jobs, answers, strict=True):
        found[job.image].append(answer)
    return [_masks(it.frame, got, logits) for it, got in zip(embeddings, found, strict=True)]


@dataclass(frozen=True)
class _Picture:
    """An image that is read but not encoded yet."""

    pixels: NDArray[np.uint8]
    frame: Frame


@dataclass(frozen=True)
class _Job:
    """One prompt in the model's frame, see `Prompt.arrays`: coords (K, 2), labels (K,)."""

    image: int
    prompt: Prompt
    coords: NDArray[np.float32]
    labels: NDArray[np.int64]
    mask: NDArray[np.float32] | None


@dataclass(frozen=True)
class _Answer:
    """The masks for one prompt."""

    runs: list[Runs]
    scores: NDArray[np.float32]
    stability: NDArray[np.float32]
    logits: NDArray[np.float32] | None


def _check_ready(model: Sam | InContext) -> None:
    if not isinstance(model, Sam):
        raise InputError(
            "model must answer prompts, got one that works by examples. Use segment_like, or load compact."
        )
    if model.training:
        raise InputError(
            "model must be in evaluation mode, got one in training mode. Call model.eval() first."
        )


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
    if zoom and any(it.picture is None for it in embeddings):
        raise InputError(
            "zoom must not be True for an Embedding without its picture, got one that was read from a file. "
            "Give the image, or dataclasses.replace(embedding, picture=image)."
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


def _picture(model: Sam, image: ImageSource) -> _Picture:
    pixels = read_image(image)
    return _Picture(pixels, _frame(model, (pixels.shape[0], pixels.shape[1])))


def _frame(model: Sam, size_hw: tuple[int, int], longest: int = 0) -> Frame:
    """The model's frame of a picture, or one with another longest side."""
    config = model.config
    return Frame.fit(size_hw, longest or config.size, square=config.square, multiple=config.multiple)


@torch.no_grad()  # not inference_mode: a decoder can be trained on these tensors
def _encode(model: Sam, pictures: Sequence[_Picture]) -> list[Embedding]:
    if not pictures:
        return []
    name = weights_hash(model)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, picture in enumerate(pictures):
        groups[picture.frame.padded_hw].append(number)
    out: dict[int, Embedding] = {}
    for (height, width), numbers in groups.items():
        for part in _parts(numbers, ENCODE_PIXELS // (height * width)):
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


def _model_input(model: Sam, picture: _Picture) -> Tensor:
    """(1, 3, H, W) of the padded size: resized, normalised, then padded with zeros at the right and below."""
    frame = picture.frame
    image_BHWC = torch.tensor(frame.resize(picture.pixels), device=model.device)[None]
    (h, w), (height, width) = frame.scaled_hw, frame.padded_hw
    return F.pad(model.normalise(image_BHWC), (0, width - w, 0, height - h))


def _job(prompt: Prompt, frame: Frame, image: int) -> _Job:
    if prompt.text is not None:
        raise PromptError(
            f"text must be None for this model, got {prompt.text!r}. Give points, a box or a mask."
        )
    return _Job(image, prompt, *prompt.arrays(frame))


def _answer(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[_Job], *, multimask: bool, logits: bool
) -> list[_Answer]:
    """Answers in the order of the jobs. Equal lengths share a call: padding would change the attention."""
    groups: dict[tuple[tuple[int, int], int], list[int]] = defaultdict(list)
    for number, job in enumerate(jobs):
        groups[embeddings[job.image].frame.grid_hw, len(job.labels)].append(number)
    out: dict[int, _Answer] = {}
    for ((height, width), _), numbers in groups.items():
        for part in _parts(numbers, DECODE_CELLS // (height * width)):
            chosen = [jobs[number] for number in part]
            logits_NRhw, scores_NR, stability_NR = _decode(
                model, embeddings, chosen, multimask=multimask, whole=logits
            )
            for row, number in enumerate(part):
                runs = embeddings[chosen[row].image].frame.masks_rle(logits_NRhw[row])
                kept = logits_NRhw[row].copy() if logits else None
                out[number] = _Answer(runs, scores_NR[row], stability_NR[row], kept)
    return [out[number] for number in range(len(jobs))]


@dataclass(frozen=True)
class _Look:
    """A second look at one mask of an answer."""

    answer: int
    mask: int
    image: Embedding
    close: CloseUp
    frame: Frame

    def picture(self) -> _Picture:
        assert self.image.picture is not None
        return _Picture(self.close.pixels(self.image.picture), self.frame)

    def again(self, prompt: Prompt, answer: _Answer) -> Prompt:
        assert answer.logits is not None
        return self.close.prompt(prompt, answer.logits[self.mask], self.image.frame, self.frame)


def _closer_answers(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[_Job], *, multimask: bool
) -> list[_Answer]:
    """As `_answer`, after a second look; of a single click at all its hypotheses, before one is chosen."""
    out: dict[int, _Answer] = {}
    for many in (True, False):
        numbers = [number for number, job in enumerate(jobs) if many == (multimask or job.prompt.ambiguous)]
        chosen = [jobs[number] for number in numbers]
        first = _answer(model, embeddings, chosen, multimask=many, logits=True)
        closer = _look_closer(model, embeddings, chosen, first)
        out |= zip(numbers, closer if multimask else map(_best, closer), strict=True)
    return [out[number] for number in range(len(jobs))]


def _best(answer: _Answer) -> _Answer:
    """The answer with the mask of the best quality alone."""
    best = int((answer.scores * answer.stability).argmax())
    logits = None if answer.logits is None else answer.logits[best : best + 1]
    own = slice(best, best + 1)
    return _Answer([answer.runs[best]], answer.scores[own], answer.stability[own], logits)


def _look_closer(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[_Job], answers: Sequence[_Answer]
) -> list[_Answer]:
    """The answers after a second look at those that are small and whose picture is there."""
    looks = [
        look
        for number, (job, answer) in enumerate(zip(jobs, answers, strict=True))
        for look in _looks(model, number, embeddings[job.image], job.prompt, answer)
    ]
    out = list(answers)
    for part in _parts(looks, LOOKS_AT_ONCE):
        seen = {(id(look.image), look.close): look for look in part}
        place = {key: number for number, key in enumerate(seen)}
        again = [
            _job(
                look.again(jobs[look.answer].prompt, answers[look.answer]),
                look.frame,
                place[id(look.image), look.close],
            )
            for look in part
        ]
        pictures = _encode(model, [look.picture() for look in seen.values()])
        found = _answer(model, pictures, again, multimask=False, logits=True)
        for look, one in zip(part, found, strict=True):
            out[look.answer] = _with_look(out[look.answer], look, one)
    return out


def _looks(model: Sam, number: int, embedding: Embedding, prompt: Prompt, answer: _Answer) -> Iterator[_Look]:
    if embedding.picture is None:
        return
    size = embedding.frame.size_hw
    for mask, close in enumerate(shared([close_up(prompt, runs, size) for runs in answer.runs])):
        if close is not None:
            frame = _frame(model, close.part_hw, model.config.zoom)
            yield _Look(number, mask, embedding, close, frame)


def _with_look(answer: _Answer, look: _Look, found: _Answer) -> _Answer:
    """The answer with one of its masks as the second look found it."""
    assert answer.logits is not None
    assert found.logits is not None
    runs, scores, stability = list(answer.runs), answer.scores.copy(), answer.stability.copy()
    logits, whole = answer.logits.copy(), look.image.frame
    runs[look.mask] = look.close.runs(found.runs[0])
    scores[look.mask], stability[look.mask] = found.scores[0], found.stability[0]
    logits[look.mask] = look.close.logits(logits[look.mask], found.logits[0], whole, look.frame)
    return _Answer(runs, scores, stability, logits)


def _parts(items: Sequence[Item], most: int) -> Iterator[Sequence[Item]]:
    step = max(1, most)
    return (items[start : start + step] for start in range(0, len(items), step))


@torch.inference_mode()
def _decode(
    model: Sam, embeddings: Sequence[Embedding], jobs: Sequence[_Job], *, multimask: bool, whole: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Logits (N, R, h, w), scores and stability (N, R) of jobs with equal numbers of tokens; R = 3 or 1.

    Logits of the `whole` grid or of what holds the pictures.
    """
    images, index_N = np.unique([job.image for job in jobs], return_inverse=True)
    used = [embeddings[image] for image in images]
    features = _joined(model, [it.features for it in used])
    skips = tuple(_joined(model, list(level)) for level in zip(*(it.skips for it in used), strict=True))
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
    logits_NRhw, scores_NR = model.draw(decoded, outputs), decoded.iou_N4[:, outputs]
    parts = (logits_NRhw, scores_NR, _stability(logits_NRhw, contents, index_N))
    if not multimask:
        rows_N = torch.arange(len(jobs), device=model.device)
        best_N = _best_outputs(jobs, *parts[1:])
        parts = tuple(part[rows_N, best_N][:, None] for part in parts)  # type: ignore[assignment]
    return tuple(part.cpu().numpy() for part in parts)  # type: ignore[return-value]


def _outputs(jobs: Sequence[_Job], *, multimask: bool) -> slice:
    """Which of the decoder's outputs may answer: hypotheses, the single one, or all for a mixed lot."""
    ambiguous = [multimask or job.prompt.ambiguous for job in jobs]
    return slice(1 if all(ambiguous) else 0, None if any(ambiguous) else 1)


def _best_outputs(jobs: Sequence[_Job], scores_NR: Tensor, stability_NR: Tensor) -> Tensor:
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


def _joined(model: Sam, tensors: list[Tensor]) -> Tensor:
    joined = tensors[0] if len(tensors) == 1 else torch.cat(tensors)
    return joined.to(model.device, model.dtype)


def _mask_prompts(
    model: Sam, jobs: Sequence[_Job], grid_hw: tuple[int, int]
) -> tuple[Tensor | None, Tensor | None]:
    """Logits (N, 1, h, w) and which of them count, (N,) bool; None where no job has a mask."""
    if all(job.mask is None for job in jobs):
        return None, None
    none = np.zeros(grid_hw, np.float32)
    masks = np.stack([none if job.mask is None else job.mask for job in jobs])[:, None]
    has = [job.mask is not None for job in jobs]
    return torch.tensor(masks, device=model.device), torch.tensor(has, device=model.device)


def _masks(frame: Frame, answers: Sequence[_Answer], logits: bool) -> Masks:
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
