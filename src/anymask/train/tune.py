"""In-context tuning: train the example instead of the model (SegGPT, ICCV 2023, section 3.3).

The model is frozen. The image and the target of one example are optimised so that the model segments many
records with it, by the model's training loss and the IoU of the prediction. The result is a `Context` like
any other. Records are used in random crops, since a few whole images would soon be overfitted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional as F

from anymask.errors import InputError, unknown_name
from anymask.geometry import rle
from anymask.images.colours import decode
from anymask.inference.in_context.examples import context
from anymask.inference.in_context.segment import Kind
from anymask.models.checkpoints.load import InContextNetwork
from anymask.models.feature_painter import FeaturePainter
from anymask.models.painter import Painter
from anymask.models.protocol import check_evaluation_mode
from anymask.train.painter import PaintLoss, hidden_loss
from anymask.types import Context, Record
from anymask.types.context import denormalise, normalise, squash

__all__ = ["TuneConfig", "as_query", "best_start", "colours_of", "soft_iou", "split_queries", "steps", "tune"]

Progress: TypeAlias = Callable[[int, int, float], None]
Example: TypeAlias = tuple[Tensor, Tensor]
"""An image and its target, each (3, S, S) float32, normalised."""
SOFTNESS = 15.0
"""Temperature of the soft masks: a squared colour distance larger by this is e times less likely."""
OTHERS = 16
"""Largest number of other records on which a starting example is evaluated."""
CROPS = 5
"""Largest number of windows tried to find one with a mask; after that the whole image is used."""


@dataclass(frozen=True)
class TuneConfig:
    """How to tune: Adam with cosine decay to zero, on the pixels of the normalised image and target.

    steps: optimiser steps.
    batch: records per step.
    lr: initial learning rate.
    crop: least area of a record's random window, as a share of the image.
    flip: probability that the window is mirrored.
    held: share of the records that is held out to choose the best example.
    every: number of steps between evaluations on the held-out records.
    starts: largest number of records tried as the starting example.
    kind: SegGPT's type token, "instance" or "semantic".
    loss: the training loss.
    iou: weight of 1 - soft IoU, which is added to the loss.
    seed: of all random choices.
    """

    steps: int = 60
    batch: int = 4
    lr: float = 0.02
    crop: float = 0.4
    flip: float = 0.5
    held: float = 0.3
    every: int = 20
    starts: int = 8
    kind: Kind = "instance"
    loss: PaintLoss = field(default_factory=lambda: PaintLoss(beta=0.05, painted=2.5))
    iou: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        for name in ("steps", "batch", "every", "starts"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}. Raise it.")
        if not (self.lr > 0 and math.isfinite(self.lr)):
            raise InputError(f"lr must be a number over 0, got {self.lr}. The default is {TuneConfig.lr}.")
        if not (0 <= self.flip <= 1 and 0 < self.held < 1):
            raise InputError(
                f"flip must be in 0 to 1 and held between 0 and 1, got {self.flip} and {self.held}. "
                f"The defaults are {TuneConfig.flip} and {TuneConfig.held}."
            )
        if not (0 < self.crop <= 1 and 0 <= self.iou < math.inf):
            raise InputError(
                f"crop must be over 0 and at most 1 and iou at least 0, got {self.crop} and {self.iou}. "
                f"The defaults are {TuneConfig.crop} and {TuneConfig.iou}."
            )
        if self.kind not in ("semantic", "instance"):
            raise unknown_name("kind", str(self.kind), ("semantic", "instance"))


@dataclass(frozen=True)
class Query:
    """A record as a query: image and target (3, S, S), weight and label (S, S) of its pixels."""

    image: Tensor
    target: Tensor
    weight: Tensor
    labels: Tensor

    @property
    def example(self) -> Example:
        return self.image, self.target

    def flipped(self) -> Query:
        return Query(*(part.flip(-1) for part in vars(self).values()))

    def window(self, rows: slice, columns: slice) -> Query:
        """A window of the query, resized to the whole size."""
        image, *others = (part[..., rows, columns] for part in vars(self).values())
        size = self.labels.shape
        large = F.interpolate(image[None], size, mode="bilinear", align_corners=False)[0]
        places = [torch.arange(n, device=image.device) * others[-1].shape[i] // n for i, n in enumerate(size)]
        return Query(large, *(part[..., places[0][:, None], places[1]] for part in others))


def tune(
    model: InContextNetwork,
    records: Sequence[Record],
    config: TuneConfig | None = None,
    *,
    palette: ArrayLike | None = None,
    progress: Progress = lambda done, total, loss: None,
) -> Context:
    """Optimise an example for the masks of all records; the model is not changed.

    Masks and palette are as in `anymask.context`. The optimisation starts from the record that segments the
    others best. The result is the example with the highest soft IoU on the held-out records, the start
    included. It works only with this model.
    `progress` is called after each step with the number of steps done, their total and the loss.
    Raises InputError for fewer than two records, a model that is not in-context or is in training mode, and
    the errors of `context`.
    """
    config = config or TuneConfig()
    _check(model, records)
    contexts = [context(record, palette, size=model.config.size) for record in records]
    queries = [as_query(model, *pair, config) for pair in zip(records, contexts, strict=True)]
    colours = colours_of(model, contexts[0])
    held, trained = split_queries(queries, config)
    start = best_start(model, trained, held, colours, config)
    best, most = start, soft_iou(model, start, held, colours, config)
    rng = np.random.default_rng([config.seed, 1])
    for done, example, loss in steps(model, start, trained, colours, rng, config):
        if done % config.every == 0 or done == config.steps:
            now = soft_iou(model, example, held, colours, config)
            if now > most:
                best, most = (example[0].clone(), example[1].clone()), now
        progress(done, config.steps, loss)
    image, target = (part.cpu().numpy() for part in best)
    return Context(image, target, contexts[0].palette, model.fingerprint)


def split_queries(queries: Sequence[Query], config: TuneConfig) -> tuple[list[Query], list[Query]]:
    """The held-out queries, at least one, and the training queries, drawn by the seed."""
    order = np.random.default_rng(config.seed).permutation(len(queries))
    count = min(max(1, round(config.held * len(queries))), len(queries) - 1)
    shuffled = [queries[index] for index in order]
    return shuffled[:count], shuffled[count:]


def _check(model: InContextNetwork, records: Sequence[Record]) -> None:
    if not isinstance(model, Painter | FeaturePainter):
        raise InputError("model must work by examples, got another one. Load context or seggpt_vit_l.")
    check_evaluation_mode(model)
    if len(records) < 2:
        raise InputError(f"examples must be at least two, got {len(records)}. Give more, each by --example.")


def colours_of(model: InContextNetwork, one: Context) -> Tensor:
    """Black and the colours of a context's palette, (1 + K, 3), normalised as for the network."""
    table = np.full((1, 3), 255, np.uint8) if one.palette is None else one.palette
    every = np.concatenate([np.zeros((1, 3), np.uint8), table])
    return torch.from_numpy(normalise(every[None])[:, 0].T.copy()).to(model.device)


def as_query(model: InContextNetwork, record: Record, one: Context, config: TuneConfig) -> Query:
    """A record, with the context made from it, as a query; unlabelled pixels have weight 0."""
    shown = denormalise(one.target)
    weight = np.where((shown > 0.5).any(-1), config.loss.painted, 1)
    if record.ignore is not None:
        unknown = np.repeat(rle.decode(record.ignore, record.masks.size)[..., None], 3, 2)
        weight[squash(unknown.astype(np.uint8), one.size, nearest=True)[..., 0] > 0] = 0
    parts = (one.image.copy(), one.target.copy(), weight.astype(np.float32), decode(shown, one.palette))
    return Query(*(torch.from_numpy(part).to(model.device) for part in parts))


def best_start(
    model: InContextNetwork,
    trained: Sequence[Query],
    held: Sequence[Query],
    colours: Tensor,
    config: TuneConfig,
) -> Example:
    """The training query that is the best example: with the highest soft IoU on other records."""

    def found(one: Query) -> float:
        others = [other for other in [*held, *trained] if other is not one]
        return soft_iou(model, one.example, others[:OTHERS], colours, config)

    return max(trained[: config.starts], key=found).example


def steps(
    model: InContextNetwork,
    start: Example,
    queries: Sequence[Query],
    colours: Tensor,
    rng: np.random.Generator,
    config: TuneConfig,
) -> Iterator[tuple[int, Example, float]]:
    """Optimise an example; yields after each step its number, the example (changed in place) and the loss.

    model: an in-context model.
    start: the example to start from.
    queries: the training records.
    colours: see `colours_of`.
    rng: draws queries and windows.
    config: number of steps and their settings.
    """
    image, target = example = tuple(part.clone().requires_grad_() for part in start)
    adam = torch.optim.Adam(example, config.lr, betas=(0.9, 0.99))
    order = _passes(len(queries), rng)
    for step in range(1, config.steps + 1):
        total = 0.0
        adam.zero_grad()
        for _ in range(config.batch):
            query = _augmented(queries[next(order)], rng, config)
            loss = _loss(model, (image, target), query, colours, config) / config.batch
            for part, grad in zip(example, torch.autograd.grad(loss, example), strict=True):
                part.grad = grad if part.grad is None else part.grad + grad
            total += loss.item()
        adam.param_groups[0]["lr"] = config.lr * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        adam.step()
        yield step, (image.detach(), target.detach()), total


def _passes(count: int, rng: np.random.Generator) -> Iterator[int]:
    """The numbers below `count` in endless shuffled passes."""
    while True:
        yield from (int(index) for index in rng.permutation(count))


def _augmented(query: Query, rng: np.random.Generator, config: TuneConfig) -> Query:
    """A random window with a mask in it, or the whole image if none is found, mirrored at random."""
    side = query.labels.shape[-1]
    for _ in range(CROPS):
        share, aspect = rng.uniform(config.crop, 1), np.exp(rng.uniform(-0.29, 0.29))
        h, w = (min(side, round(side * math.sqrt(share * one))) for one in (aspect, 1 / aspect))
        top, start = int(rng.integers(side - h + 1)), int(rng.integers(side - w + 1))
        rows, columns = slice(top, top + h), slice(start, start + w)
        if query.labels[rows, columns].any():
            query = query.window(rows, columns)
            break
    return query.flipped() if rng.random() < config.flip else query


def _loss(
    model: InContextNetwork, example: Example, query: Query, colours: Tensor, config: TuneConfig
) -> Tensor:
    """The training loss of a canvas whose query half is hidden, plus `config.iou` times 1 - soft IoU."""
    predicted = _predicted(model, example, query, config)
    hidden_Bhw = torch.ones(1, 1, 1, dtype=torch.bool, device=model.device)
    loss = hidden_loss(predicted[None], query.target[None], hidden_Bhw, query.weight[None], config.loss.beta)[
        0
    ]
    both_K, either_K = _overlap(predicted, query, colours)
    missed_K = 1 - (both_K + 1) / (either_K + 1)
    return loss + config.iou * missed_K.sum() / (either_K > 0).sum().clamp(min=1)


def _predicted(model: InContextNetwork, example: Example, query: Query, config: TuneConfig) -> Tensor:
    image, target, query_image = (part.to(model.dtype) for part in (*example, query.image))
    return model.inpaint(image[None], target[None], query_image, instance=config.kind == "instance")


def _overlap(predicted_3SS: Tensor, query: Query, colours_K3: Tensor) -> tuple[Tensor, Tensor]:
    """Intersections and unions (K,) of soft and true masks; 0 for colours that the query does not have.

    The soft mask of a colour is a softmax over the squared distances to black and to the query's colours.
    """
    here = [int(label) for label in np.unique(query.labels.cpu().numpy()) if label]
    distance_kSS = torch.stack(
        [(predicted_3SS - colours_K3[label, :, None, None]).square().sum(0) for label in (0, *here)]
    )
    soft_kSS = (-distance_kSS / SOFTNESS).softmax(0)[1:]
    label_k = torch.tensor(here, dtype=torch.long, device=predicted_3SS.device)
    true_kSS = (query.labels == label_k[:, None, None]) & (query.weight > 0)
    both_k = (soft_kSS * true_kSS).sum((1, 2))
    either_k = (soft_kSS * (query.weight > 0)).sum((1, 2)) + true_kSS.sum((1, 2)) - both_k
    none_K = predicted_3SS.new_zeros(len(colours_K3) - 1)
    return none_K.index_add(0, label_k - 1, both_k), none_K.index_add(0, label_k - 1, either_k)


@torch.no_grad()
def soft_iou(
    model: InContextNetwork, example: Example, queries: Sequence[Query], colours: Tensor, config: TuneConfig
) -> float:
    """The soft version of few-shot mIoU: per colour, all intersections over all unions; then their mean."""
    pairs = [_overlap(_predicted(model, example, query, config), query, colours) for query in queries]
    both_K, either_K = (torch.stack(parts).sum(0) for parts in zip(*pairs, strict=True))
    return float((both_K / either_K.clamp(min=1)).sum() / (either_K > 0).sum().clamp(min=1))
