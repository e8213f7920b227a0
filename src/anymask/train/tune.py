"""In-context tuning: learn the example instead of the model (SegGPT, ICCV 2023, section 3.3).

The model stays as it is; the picture and the target of one example are learned by the loss it was trained
with, so that they say best what many records show. The result is a `Context` like any other.
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

from anymask import rle
from anymask.canvas import Context, denormalise, squash
from anymask.errors import InputError, unknown_name
from anymask.incontext import Kind, context
from anymask.models import FeaturePainter, InContext, Painter, weights_hash
from anymask.train.painter import PaintLoss, hidden_loss
from anymask.types import Record

__all__ = ["TuneConfig", "as_query", "best_start", "mean_loss", "steps", "tune"]

Progress: TypeAlias = Callable[[int, int, float], None]
Example: TypeAlias = tuple[Tensor, Tensor]
"""A picture and its target, each (3, S, S) float32, normalised."""


@dataclass(frozen=True)
class TuneConfig:
    """How to tune: Adam with a cosine to zero, on the numbers of two normalised pictures.

    Each of `steps` asks `batch` records, mirrored with probability `flip`. The share `held` of the records is
    never learned from; every `every` steps it says whether the example is the best so far. At most `starts`
    records are tried as the example to start from. `kind` picks SegGPT's type token.
    """

    steps: int = 40
    batch: int = 2
    lr: float = 0.02
    flip: float = 0.5
    held: float = 0.25
    every: int = 10
    starts: int = 8
    kind: Kind = "instance"
    loss: PaintLoss = field(default_factory=lambda: PaintLoss(beta=0.05, painted=2.5))
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
        if self.kind not in ("semantic", "instance"):
            raise unknown_name("kind", str(self.kind), ("semantic", "instance"))


@dataclass(frozen=True)
class Query:
    """A record as it is asked: picture and target (3, S, S), and the weight (S, S) of its pixels."""

    image: Tensor
    target: Tensor
    weight: Tensor

    @property
    def example(self) -> Example:
        return self.image, self.target

    def flipped(self) -> Query:
        return Query(*(part.flip(-1) for part in vars(self).values()))


def tune(
    model: InContext,
    records: Sequence[Record],
    config: TuneConfig | None = None,
    *,
    palette: ArrayLike | None = None,
    progress: Progress = lambda done, total, loss: None,
) -> Context:
    """Learn the example that says best what the masks of all records show; the model is not changed.

    Masks and palette are as of `anymask.context`. The start is the record that answers the others best, and
    the result has the least loss on the records held back, the start included. It fits this model alone.
    `progress` is called after each step with the steps done, those in all and the loss.
    Raises InputError for fewer than two records or a model that is none of examples or is in training mode,
    and what `context` raises.
    """
    config = config or TuneConfig()
    _check(model, records)
    contexts = [context(record, palette, size=model.config.size) for record in records]
    queries = [as_query(model, *pair, config) for pair in zip(records, contexts, strict=True)]
    rng = np.random.default_rng(config.seed)
    order = [int(index) for index in rng.permutation(len(queries))]
    count = min(max(1, round(config.held * len(queries))), len(queries) - 1)
    held, learned = ([queries[index] for index in part] for part in (order[:count], order[count:]))
    start = best_start(model, learned, held, config)
    best, least = start, mean_loss(model, start, held, config)
    for done, example, loss in steps(model, start, learned, rng, config):
        if done % config.every == 0 or done == config.steps:
            now = mean_loss(model, example, held, config)
            if now < least:
                best, least = (example[0].clone(), example[1].clone()), now
        progress(done, config.steps, loss)
    image, target = (part.cpu().numpy() for part in best)
    return Context(image, target, contexts[0].palette, weights_hash(model))


def _check(model: InContext, records: Sequence[Record]) -> None:
    if not isinstance(model, Painter | FeaturePainter):
        raise InputError("model must work by examples, got another one. Load context or seggpt_vit_l.")
    if model.training:
        raise InputError(
            "model must be in evaluation mode, got one in training mode. Call model.eval() first."
        )
    if len(records) < 2:
        raise InputError(f"records must be at least two to learn from, got {len(records)}. Give more.")


def as_query(model: InContext, record: Record, one: Context, config: TuneConfig) -> Query:
    """A record, and the example made of it, as a question; what nobody labelled has no weight."""
    weight = np.where((denormalise(one.target) > 0.5).any(-1), config.loss.painted, 1)
    if record.ignore is not None:
        unknown = np.repeat(rle.decode(record.ignore, record.masks.size)[..., None], 3, 2)
        weight[squash(unknown.astype(np.uint8), one.size, nearest=True)[..., 0] > 0] = 0
    parts = (one.image.copy(), one.target.copy(), weight.astype(np.float32))
    return Query(*(torch.from_numpy(part).to(model.device) for part in parts))


def best_start(
    model: InContext, learned: Sequence[Query], held: Sequence[Query], config: TuneConfig
) -> Example:
    """The example, of those to learn from, with the least loss on all other records."""

    def loss(one: Query) -> float:
        return mean_loss(
            model, one.example, [other for other in [*learned, *held] if other is not one], config
        )

    return min(learned[: config.starts], key=loss).example


def steps(
    model: InContext, start: Example, queries: Sequence[Query], rng: np.random.Generator, config: TuneConfig
) -> Iterator[tuple[int, Example, float]]:
    """After each step its number, the example as it is, which the next one changes, and the loss."""
    image, target = example = tuple(part.clone().requires_grad_() for part in start)
    adam = torch.optim.Adam(example, config.lr, betas=(0.9, 0.99))
    for step in range(1, config.steps + 1):
        total = 0.0
        adam.zero_grad()
        for index in rng.integers(len(queries), size=config.batch):
            query = queries[index] if rng.random() >= config.flip else queries[index].flipped()
            loss = _answer_loss(model, (image, target), query, config) / config.batch
            for part, grad in zip(example, torch.autograd.grad(loss, example), strict=True):
                part.grad = grad if part.grad is None else part.grad + grad
            total += loss.item()
        adam.param_groups[0]["lr"] = config.lr * (1 + math.cos(math.pi * (step - 1) / config.steps)) / 2
        adam.step()
        yield step, (image.detach(), target.detach()), total


@torch.no_grad()
def mean_loss(model: InContext, example: Example, queries: Sequence[Query], config: TuneConfig) -> float:
    """The mean over records."""
    losses = [_answer_loss(model, example, query, config).item() for query in queries]
    return float(np.mean(losses))


def _answer_loss(model: InContext, example: Example, query: Query, config: TuneConfig) -> Tensor:
    """The training loss of one canvas whose query half is hidden; only that half is painted."""
    image, target, asked = (part.to(model.dtype) for part in (*example, query.image))
    painted = model.inpaint(image[None], target[None], asked, instance=config.kind == "instance")
    hidden_Bhw = torch.ones(1, 1, 1, dtype=torch.bool, device=model.device)
    return hidden_loss(painted[None], query.target[None], hidden_Bhw, query.weight[None], config.loss.beta)[0]
