"""Training a promptable model by simulated clicks (SAM, appendix A).

Shape letters: B images, N objects of all images, K prompt tokens, h w the logit grid (a quarter of the crop).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from anymask.data.mixture import Draw, Mixture
from anymask.data.transforms.augment import Augment, Sample, fixed_sample
from anymask.data.transforms.augment import sample as augmented
from anymask.data.transforms.copy_paste import Cutouts
from anymask.data.transforms.prompts import noisy_boxes, random_points
from anymask.errors import FormatError, InputError
from anymask.geometry.regions import inner_point
from anymask.models.checkpoints.load import MODEL_FILE, save
from anymask.models.sam import Sam
from anymask.train.embeddings import Embeddings, Encoded
from anymask.train.lora import merged
from anymask.train.losses import LossWeights, prompt_loss, real_iou
from anymask.train.metrics import tally

Batch = TypeVar("Batch", bound="Objects")

STRIDE = 4
"""Pixels per cell of the logit grid."""
ATTEMPTS = 20
"""Largest number of images tried to find one with an object."""
RETRY_STEP = 1_000_003
"""Distance in the stream between these images."""
NO_KEY = -1


@dataclass(frozen=True)
class Rounds:
    """How an object is prompted: a first prompt, then rounds that add an error click or refine without one.

    clicks: rounds that add a click where prediction and truth differ (paper: 8).
    idle: refinement rounds without a new click (paper: 2, one at a random place among the clicks and one at
        the end). A single one comes anywhere, also right after the first prompt, as in crop refinement.
    box: share of objects whose first prompt is a box (paper: one half).
    repeat: how many times every object of an image is prompted, each with a different point, box and clicks;
        this gets more training out of one pass of the encoder.
    middle: share of first points in the middle of the object, farthest from its edge, where users click; the
        others are uniform, as all are in the paper.
    """

    clicks: int = 8
    idle: int = 2
    box: float = 0.5
    repeat: int = 1
    middle: float = 0.0

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        shares = (self.box, self.middle)
        if min(self.clicks, self.idle) < 0 or self.repeat < 1 or not all(0 <= share <= 1 for share in shares):
            raise InputError(
                "rounds must have clicks and idle of at least 0, repeat of at least 1, box and middle within "
                f"0 to 1, got {vars(self)}. The paper has clicks=8, idle=2, box=0.5, middle=0."
            )

    def plan(self, generator: torch.Generator) -> list[bool]:
        """For each round after the first, whether it adds a click."""
        plan = [True] * self.clicks
        if self.idle == 1:
            plan.insert(int(torch.randint(0, self.clicks + 1, (), generator=generator)), False)
        elif self.idle > 1 and self.clicks:
            plan.insert(int(torch.randint(1, self.clicks + 1, (), generator=generator)), False)
        return plan + [False] * (self.idle - (len(plan) - self.clicks))


@dataclass(frozen=True)
class Objects:
    """A batch of images with their objects, as tensors; the objects of an image are consecutive.

    image_BSS3: uint8.
    cover_Nhw: share of each logit cell that the object covers, float in [0, 1].
    ignore_Bhw: unlabelled cells, bool.
    point_N2, box_N4: first prompts, in crop pixels.
    seed_B: seed of the simulated clicks on an image.
    key_B: cache key of an image without augmentation, else -1.
    spare_B: whether the image replaces a damaged item.
    index_N: index of the image that each object is in.
    """

    image_BSS3: Tensor
    cover_Nhw: Tensor
    ignore_Bhw: Tensor
    point_N2: Tensor
    box_N4: Tensor
    seed_B: Tensor
    key_B: Tensor
    spare_B: Tensor
    index_N: Tensor

    def to(self: Batch, device: torch.device) -> Batch:
        """The same batch on another device; seeds and keys stay on the CPU."""
        moved = {name: value.to(device, non_blocking=True) for name, value in vars(self).items()}
        return type(self)(**(moved | {"seed_B": self.seed_B, "key_B": self.key_B}))

    def pin_memory(self) -> Objects:
        """The same batch in pinned memory, from which copies to a GPU are faster."""
        return replace(self, **{name: value.pin_memory() for name, value in vars(self).items()})


def prepare(sample: Sample, rng: np.random.Generator, repeat: int = 1, middle: float = 0.0) -> Objects:
    """A batch of one image, with a first point and a noisy box for each object, see `Rounds`."""
    masks = np.concatenate([sample.masks] * repeat)
    points = random_points(masks, rng) if len(masks) else np.zeros((0, 2))
    if middle:
        for i in np.flatnonzero(rng.random(len(masks)) < middle):
            points[i] = inner_point(masks[i])
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
        torch.tensor([int(rng.integers(1 << 62))]),
        torch.tensor([NO_KEY]),
        torch.tensor([False]),
        torch.zeros(k, dtype=torch.long),
    )


def collate(items: list[Batch]) -> Batch:
    """Concatenate batches."""
    starts = np.cumsum([0] + [len(item.image_BSS3) for item in items[:-1]])
    index = torch.cat([item.index_N + int(start) for item, start in zip(items, starts, strict=True)])
    merged = {name: torch.cat([getattr(item, name) for item in items]) for name in vars(items[0])}
    return type(items[0])(**(merged | {"index_N": index}))


def train_step(
    model: Sam,
    batch: Objects,
    rounds: Rounds,
    weights: LossWeights,
    generator: torch.Generator,
    scale: float = 1.0,
    encoded: Encoded | None = None,
    texts_ND: Tensor | None = None,
) -> dict[str, Tensor]:
    """Add the gradients of one batch to the parameters and return its metrics, see `tally`.

    Each round is back-propagated as soon as it is done, the encoder once at the end with the summed gradients
    of its features. That equals the gradient of the mean loss over rounds and objects, times `scale`, but
    needs the memory of only one round.

    model: the network, in training mode.
    batch: the images and objects.
    rounds: how the objects are prompted.
    weights: of the loss terms.
    generator: draws the order of the rounds; clicks are drawn from each image's own seed, so that they do not
        depend on the batch.
    scale: factor on the gradients.
    encoded: cached embeddings to use instead of running the encoder.
    texts_ND: embeddings of texts, the first prompts in place of points and boxes (SAM, appendix D.5).
    """
    features, skips = model.encode(model.normalise(batch.image_BSS3)) if encoded is None else encoded
    leaves = [x.detach().float().requires_grad_(x.requires_grad) for x in (features, *skips)]
    prompts = _Prompts(batch, rounds.box) if texts_ND is None else _TextPrompts(batch)
    plan = [True, *rounds.plan(generator)]
    metrics: dict[str, Tensor] = {}
    mask: Tensor | None = None
    for i, adds_click in enumerate(plan):
        if i and adds_click:
            assert mask is not None
            prompts.click(mask[:, 0])
        ambiguous = prompts.ambiguous if i == 0 else torch.zeros_like(prompts.ambiguous)
        logits, iou = model.decode(
            leaves[0],
            tuple(leaves[1:]),
            batch.index_N,
            prompts.coords,
            prompts.labels,
            mask,
            texts_ND=texts_ND,
        )
        loss = prompt_loss(logits, iou, batch.cover_Nhw, prompts.valid, ambiguous, weights)
        (loss.mean() * (scale / len(plan))).backward()  # type: ignore[no-untyped-call]
        mask = _best(logits, iou, ambiguous)
        metrics[f"loss_{i}"] = tally(loss)
        real = real_iou(mask, batch.cover_Nhw[:, None], prompts.valid[:, None])[:, 0]
        metrics |= {f"iou_{kind}_{i}": tally(real, chosen) for kind, chosen in prompts.kinds.items()}
    _back_through_encoder((features, *skips), leaves)
    return metrics


def _back_through_encoder(outputs: tuple[Tensor, ...], leaves: list[Tensor]) -> None:
    """Back-propagate the summed gradients of the features; does nothing if the encoder is frozen."""
    pairs = [(x, h.grad.to(x.dtype)) for x, h in zip(outputs, leaves, strict=True) if h.grad is not None]
    if pairs:
        torch.autograd.backward([x for x, _ in pairs], [grad for _, grad in pairs])


class _ObjectRandom:
    """Random numbers for N objects, drawn from the seed of each image and independent of the batch."""

    def __init__(self, batch: Objects) -> None:
        self.counts = torch.bincount(batch.index_N.cpu(), minlength=len(batch.seed_B)).tolist()
        self.generators = [torch.Generator().manual_seed(int(seed)) for seed in batch.seed_B]
        self.device = batch.index_N.device

    def __call__(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), (N, *shape)."""
        draws = zip(self.counts, self.generators, strict=True)
        return torch.cat([torch.rand((n, *shape), generator=g) for n, g in draws]).to(self.device)


class _Prompts:
    """The prompts of N objects: tokens (N, K), two from the first prompt and one for each click."""

    def __init__(self, batch: Objects, box_share: float) -> None:
        self.batch, self.random = batch, _ObjectRandom(batch)
        self.valid = (~batch.ignore_Bhw)[batch.index_N].float()
        boxed = self.random() < box_share
        self.ambiguous, self.kinds = ~boxed, {"point": ~boxed, "box": boxed}
        self.coords, self.labels = self._first(boxed)

    def _first(self, boxed: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates (N, 2, 2) and labels (N, 2) of a box, or of a point and padding."""
        point_N2, box_N4 = self.batch.point_N2, self.batch.box_N4
        point = torch.stack([point_N2 + 0.5, torch.zeros_like(point_N2)], 1)
        labels = torch.tensor([[1, -1], [2, 3]], device=point_N2.device)
        return torch.where(boxed[:, None, None], box_N4.view(-1, 2, 2) + 0.5, point), labels[boxed.long()]

    def click(self, logits_Nhw: Tensor) -> None:
        """Add a point drawn uniformly from the error region, or from the object if there is no error."""
        truth, valid = self.batch.cover_Nhw > 0.5, self.valid > 0
        wrong = ((logits_Nhw > 0) != truth) & valid
        wrong = torch.where(wrong.flatten(1).any(1)[:, None, None], wrong, truth)
        h, w = truth.shape[1:]
        cell = torch.where(wrong, self.random(h, w), -1.0).flatten(1).argmax(1)
        xy = (torch.stack([cell % w, cell // w], -1) + self.random(2)) * STRIDE + 0.5
        label = truth.flatten(1).gather(1, cell[:, None]).long()
        self.coords = torch.cat([self.coords, xy[:, None]], 1)
        self.labels = torch.cat([self.labels, label], 1)


class _TextPrompts(_Prompts):
    """The same if the first prompt is a text: one token of padding, as `Prompt.arrays` gives."""

    def __init__(self, batch: Objects) -> None:
        super().__init__(batch, 0.0)
        self.kinds = {"text": torch.ones_like(self.ambiguous)}
        self.ambiguous = torch.zeros_like(self.ambiguous)
        self.coords = torch.zeros_like(self.coords[:, :1])
        self.labels = torch.full_like(self.labels[:, :1], -1)


def _best(logits: Tensor, iou: Tensor, ambiguous_N: Tensor) -> Tensor:
    """The logits (N, 1, h, w) that are the mask prompt of the next round.

    For an ambiguous prompt, the one of three outputs with the highest predicted IoU; else the single output.
    """
    choice = torch.where(ambiguous_N, iou[:, 1:].argmax(1) + 1, 0)
    return logits.detach()[torch.arange(len(choice), device=choice.device), choice][:, None]


class ClickTask:
    """The promptable task for the training loop: a model, a stream of images, simulated prompts."""

    def __init__(
        self,
        model: Sam,
        mixture: Mixture,
        augment: Augment,
        rounds: Rounds,
        weights: LossWeights,
        *,
        cutouts: Cutouts | None = None,
        embeddings: Embeddings | None = None,
        validate: Callable[[Sam], dict[str, float]] | None = None,
    ) -> None:
        """Combine the parts of the task.

        model: the network to train.
        mixture: the stream of records.
        augment: how samples are made.
        rounds: how objects are prompted.
        weights: of the loss terms.
        cutouts: objects to paste.
        embeddings: a cache for a frozen encoder; images are then only mirrored, not otherwise augmented.
        validate: returns metrics of the current model; without it there is no validation.
        """
        self.model = model
        self.mixture, self.augment, self.cutouts = mixture, augment, cutouts
        self.rounds, self.weights = rounds, weights
        self.embeddings = embeddings
        self._fixed = embeddings is not None
        self._validate = validate

    def __getstate__(self) -> dict[str, Any]:
        """The state that a worker process needs to prepare items: the data, not the model."""
        return vars(self) | dict.fromkeys(("model", "embeddings", "_validate"))

    def item(self, index: int) -> Objects:
        """An image with at least one object, a pure function of the index.

        Images without an object are replaced by others. Raises `FormatError` if that fails ATTEMPTS times.
        """
        rng = self.mixture.rng(index)
        fault = "images without a mask"
        for attempt in range(ATTEMPTS):
            try:
                draw = self.mixture[index + attempt * RETRY_STEP]
            except FormatError:
                fault = "damaged ones"
                continue
            objects = self._objects(draw, rng)
            if len(objects.index_N):
                return objects
        raise FormatError(
            f"data must hold images with masks, got {ATTEMPTS} {fault} in a row. Run: anymask data stats"
        )

    def _objects(self, draw: Draw, rng: np.random.Generator) -> Objects:
        number, first = self.mixture.locate(draw.position)
        spare = torch.tensor([first != draw.index])
        if not self._fixed:
            sample = augmented(draw.record, rng, self.augment, self.cutouts)
            return replace(self.prepare(sample, rng), spare_B=spare)
        flip = bool(rng.random() < self.augment.flip)
        key = 2 * (draw.index * len(self.mixture.datasets) + number) + flip
        sample = fixed_sample(draw.record, rng, self.augment, flip=flip)
        return replace(self.prepare(sample, rng), spare_B=spare, key_B=torch.tensor([key]))

    def prepare(self, sample: Sample, rng: np.random.Generator) -> Objects:
        """A batch of one image, see `prepare`."""
        return prepare(sample, rng, self.rounds.repeat, self.rounds.middle)

    def collate(self, items: list[Objects]) -> Objects:
        """Concatenate items into a batch."""
        return collate(items)

    def count(self, batch: Objects) -> int:
        """The number of objects."""
        return len(batch.index_N)

    def step(self, batch: Objects, generator: torch.Generator, scale: float) -> dict[str, Tensor]:
        """See `train_step`. "damaged" is the share of items that could not be read and were replaced."""
        encoded = self.embeddings.of(self.model, batch) if self.embeddings else None
        batch = batch.to(self.model.device)
        texts_ND = self.texts(batch)
        metrics = train_step(
            self.model, batch, self.rounds, self.weights, generator, scale, encoded, texts_ND
        )
        return metrics | {"damaged": tally(batch.spare_B)}

    def texts(self, batch: Objects) -> Tensor | None:
        """Embeddings (N, D) that are the first prompts; None for points and boxes."""
        return None

    def validate(self) -> dict[str, float]:
        """Metrics of the current model."""
        return self._validate(self.model) if self._validate else {}

    def save(self, folder: Path) -> None:
        """Write `model.safetensors`: an ordinary model, with low-rank updates merged."""
        save(merged(self.model), folder / MODEL_FILE)
