"""Training a promptable model by simulated clicks (SAM, appendix A).

Shape letters: B images, N objects of all images, K prompt tokens, h w the logit grid (a quarter of the crop).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anymask.data.augment import Sample
from anymask.data.sampling import noisy_boxes, random_points
from anymask.models.sam import Sam
from anymask.train.losses import LossWeights, prompt_loss, real_iou

STRIDE = 4


@dataclass(frozen=True)
class Rounds:
    """How one object is prompted: a first prompt, `clicks` error clicks, `idle` rounds without news.

    The paper: 8 clicks and 2 idle rounds, one at a random place among the clicks and one at the end.
    """

    clicks: int = 8
    idle: int = 2
    box: float = 0.5

    def plan(self, generator: torch.Generator) -> list[bool]:
        """For each round after the first: does it bring a new click?"""
        plan = [True] * self.clicks
        if self.idle > 1 and self.clicks:
            plan.insert(int(torch.randint(1, self.clicks + 1, (), generator=generator)), False)
        return plan + [False] * (self.idle - (len(plan) - self.clicks))


@dataclass(frozen=True)
class Objects:
    """A batch of images with their objects, as tensors.

    image_BSS3 uint8; cover_Nhw float in [0, 1]; ignore_Bhw bool; point_N2 and box_N4 in crop pixels;
    index_N names the image of each object.
    """

    image_BSS3: Tensor
    cover_Nhw: Tensor
    ignore_Bhw: Tensor
    point_N2: Tensor
    box_N4: Tensor
    index_N: Tensor

    def to(self, device: torch.device) -> Objects:
        """The same batch on another device."""
        return Objects(*(value.to(device, non_blocking=True) for value in vars(self).values()))


def prepare(sample: Sample, rng: np.random.Generator) -> Objects:
    """One augmented image with a first point and a noisy box for each object."""
    masks = sample.masks
    points = random_points(masks, rng) if len(masks) else np.zeros((0, 2))
    boxes = noisy_boxes(masks, rng) if len(masks) else np.zeros((0, 4))
    k, s = len(masks), sample.image.shape[0]
    cells = (s // STRIDE, STRIDE, s // STRIDE, STRIDE)
    cover = masks.reshape(k, *cells).mean((2, 4), dtype=np.float32)
    ignore = sample.ignore.reshape(cells).mean((1, 3)) > 0.5
    return Objects(
        torch.from_numpy(sample.image)[None],
        torch.from_numpy(cover),
        torch.from_numpy(ignore)[None],
        torch.from_numpy(points.astype(np.float32)),
        torch.from_numpy(boxes.astype(np.float32)),
        torch.zeros(k, dtype=torch.long),
    )


def collate(items: list[Objects]) -> Objects:
    """Concatenate the images and the objects of several batches."""
    index = torch.cat([item.index_N + i for i, item in enumerate(items)])
    parts = (torch.cat([getattr(item, name) for item in items]) for name in list(vars(items[0]))[:-1])
    return Objects(*parts, index)


def train_step(
    model: Sam, batch: Objects, rounds: Rounds, weights: LossWeights, generator: torch.Generator, scale: float = 1.0
) -> dict[str, float]:
    """Add the gradients of one batch to the parameters and return its metrics.

    Each round is back-propagated as soon as it is done; the encoder once, with the sum of what the rounds
    ask of its features. That equals the gradient of the mean loss over rounds and objects, times `scale`,
    and holds the memory of one round only.
    """
    features, skips = model.encode(model.normalise(batch.image_BSS3))
    held = [x.detach().requires_grad_() for x in (features, *skips)]
    prompts = _Prompts(batch, rounds.box, generator)
    plan = [True, *rounds.plan(generator)]
    metrics: dict[str, float] = {}
    mask: Tensor | None = None
    for i, news in enumerate(plan):
        if i and news:
            assert mask is not None
            prompts.click(mask[:, 0], generator)
        ambiguous = ~prompts.boxed if i == 0 else torch.zeros_like(prompts.boxed)
        logits, iou = model.decode(held[0], tuple(held[1:]), batch.index_N, prompts.coords, prompts.labels, mask)
        loss = prompt_loss(logits, iou, batch.cover_Nhw, prompts.valid, ambiguous, weights)
        (loss.mean() * (scale / len(plan))).backward()  # type: ignore[no-untyped-call]
        mask = _best(logits, iou, ambiguous)
        metrics |= _metrics(i, loss, mask, batch, prompts)
    needed = [(x, leaf.grad) for x, leaf in zip((features, *skips), held, strict=True) if leaf.grad is not None]
    if any(x.requires_grad for x, _ in needed):
        torch.autograd.backward([x for x, _ in needed], [grad for _, grad in needed])  # type: ignore[no-untyped-call]
    return metrics


class _Prompts:
    """The growing prompts of N objects: tokens (N, K), two of them from the first prompt."""

    def __init__(self, batch: Objects, box_share: float, generator: torch.Generator) -> None:
        n = len(batch.index_N)
        device = batch.point_N2.device
        self.batch = batch
        self.valid = (~batch.ignore_Bhw)[batch.index_N].float()
        self.boxed = (torch.rand(n, generator=generator) < box_share).to(device)
        pad = torch.zeros_like(batch.point_N2)
        point = torch.stack([batch.point_N2 + 0.5, pad], 1)
        self.coords = torch.where(self.boxed[:, None, None], batch.box_N4.view(n, 2, 2) + 0.5, point)
        self.labels = torch.where(self.boxed[:, None], torch.tensor([2, 3], device=device), torch.tensor([1, -1], device=device))

    def click(self, logits_Nhw: Tensor, generator: torch.Generator) -> None:
        """Add a point drawn uniformly from the error region; where there is no error, from the object."""
        truth, valid = self.batch.cover_Nhw > 0.5, self.valid > 0
        wrong = ((logits_Nhw > 0) != truth) & valid
        wrong = torch.where(wrong.flatten(1).any(1)[:, None, None], wrong, truth)
        noise = torch.rand(wrong.shape, generator=generator).to(wrong.device)
        cell = torch.where(wrong, noise, -1.0).flatten(1).argmax(1)
        w = truth.shape[2]
        inside = torch.rand((len(cell), 2), generator=generator).to(wrong.device)
        xy = (torch.stack([cell % w, cell // w], -1) + inside) * STRIDE + 0.5
        label = truth.flatten(1).gather(1, cell[:, None]).long()
        self.coords = torch.cat([self.coords, xy[:, None]], 1)
        self.labels = torch.cat([self.labels, label], 1)


def _best(logits: Tensor, iou: Tensor, ambiguous_N: Tensor) -> Tensor:
    """(N, 1, h, w) unthresholded logits that go back in: of one click the output with the highest predicted IoU."""
    choice = torch.where(ambiguous_N, iou[:, 1:].argmax(1) + 1, 0)
    return logits.detach()[torch.arange(len(choice), device=choice.device), choice][:, None]


def _metrics(i: int, loss: Tensor, mask: Tensor, batch: Objects, prompts: _Prompts) -> dict[str, float]:
    real = real_iou(mask, batch.cover_Nhw[:, None], prompts.valid[:, None])[:, 0]
    out = {f"loss_{i}": loss.detach().mean().item()}
    for name, rows in (("point", ~prompts.boxed), ("box", prompts.boxed)):
        if rows.any():
            out[f"iou_{name}_{i}"] = real[rows].mean().item()
    return out
