"""Training the object detector on a frozen encoder, with boxes of all masks as the truth.

Every object is learned by the cells that already fit it best (Feng et al., "TOOD", 2021), and the score of a
cell is trained to be the IoU of its box. What has no mask is not background for sure, so that cells without
an object count less.
Shape letters: B images, L cells, K objects of one image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from anymask.data.mixture import Mixture
from anymask.data.transforms.augment import Augment, Sample
from anymask.data.transforms.augment import sample as augmented
from anymask.data.transforms.copy_paste import Cutouts
from anymask.errors import FormatError
from anymask.models.checkpoints.load import MODEL_FILE, save
from anymask.models.detector import STRIDES, Detector, cell_centres
from anymask.models.sam import STRIDE, Sam
from anymask.train.metrics import tally
from anymask.train.sam import ATTEMPTS, RETRY_STEP
from anymask.types import Record

OBJECTS = ("instance", "part", "region")
"""Kinds of masks of single things; others count in images without any of these."""
IOU_POWER = 6.0
"""How much more the IoU counts than the score where the cells of an object are chosen (TOOD: 6)."""
SCORE_POWER = 1.0


@dataclass(frozen=True)
class DetectorLoss:
    """Weights of the loss terms.

    box: of the generalised IoU of boxes, against the score's cross entropy.
    cells: most cells that learn one object.
    background: weight of cells without an object.
    focus: power of the score by which these are weighted, so that sure ones count less.
    """

    box: float = 2.0
    cells: int = 9
    background: float = 0.75
    focus: float = 2.0


@dataclass(frozen=True)
class Scenes:
    """A batch of images with the boxes of their objects.

    image_BSS3: uint8.
    boxes: (K, 4) xyxy of each image, in pixels.
    ignore_BL: cells whose content is unlabelled, bool.
    """

    image_BSS3: Tensor
    boxes: list[Tensor]
    ignore_BL: Tensor


class DetectTask:
    """The detector's task for the training loop: a frozen encoder, the detector, a stream of images."""

    def __init__(
        self,
        encoder: Sam,
        model: Detector,
        mixture: Mixture,
        augment: Augment,
        loss: DetectorLoss,
        *,
        cutouts: Cutouts | None = None,
        validate: Callable[[Detector], dict[str, float]] | None = None,
    ) -> None:
        """Combine the parts of the task.

        encoder: the promptable model whose features are used; frozen.
        model: the detector to train.
        mixture: the stream of records.
        augment: how samples are made.
        loss: weights of the loss terms.
        cutouts: objects to paste.
        validate: returns metrics of the current detector; without it there is no validation.
        """
        self.encoder: Sam = encoder.eval().requires_grad_(False)
        self.model = model
        self.mixture, self.augment, self.loss, self.cutouts = mixture, augment, loss, cutouts
        self._validate = validate

    def __getstate__(self) -> dict[str, Any]:
        """The state that a worker process needs to prepare items: the data, not the networks."""
        return vars(self) | dict.fromkeys(("encoder", "model", "_validate"))

    def item(self, index: int) -> Scenes:
        """An image, a pure function of the index. Raises `FormatError` for damaged images in a row."""
        rng = self.mixture.rng(index)
        for attempt in range(ATTEMPTS):
            try:
                record = self.mixture[index + attempt * RETRY_STEP].record
            except FormatError:
                continue
            return scene(augmented(record, rng, self.augment, self.cutouts), record)
        raise FormatError(
            f"data must hold readable images, got {ATTEMPTS} damaged ones in a row. Run: anymask data check"
        )

    def collate(self, items: list[Scenes]) -> Scenes:
        """Concatenate items into a batch."""
        return Scenes(
            torch.cat([item.image_BSS3 for item in items]),
            [boxes for item in items for boxes in item.boxes],
            torch.cat([item.ignore_BL for item in items]),
        )

    def count(self, batch: Scenes) -> int:
        """The number of images."""
        return len(batch.boxes)

    def step(self, batch: Scenes, generator: torch.Generator, scale: float) -> dict[str, Tensor]:
        """Add the gradients of the batch's mean loss, times `scale`; returns sum and count of metrics."""
        device = self.model.device
        with torch.no_grad():
            self.encoder.to(device)
            features, skips = self.encoder.encode(self.encoder.normalise(batch.image_BSS3.to(device)))
        scores_BL, boxes_BL4 = self.model(features, skips[1])
        losses = detector_loss(scores_BL, boxes_BL4, batch, self.loss)
        (losses["loss"].mean() * scale).backward()  # type: ignore[no-untyped-call]
        return {name: tally(values) for name, values in losses.items() if len(values)}

    def validate(self) -> dict[str, float]:
        """Metrics of the current model."""
        return self._validate(self.model) if self._validate else {}

    def save(self, folder: Path) -> None:
        """Write `model.safetensors`."""
        save(self.model, folder / MODEL_FILE)


def scene(sample: Sample, record: Record) -> Scenes:
    """A batch of one image: the boxes of its objects, or of all masks in an image without objects."""
    kinds = record.meta.get("kinds") or ["instance"]
    single = any(kind in OBJECTS for kind in kinds)
    masks = [
        mask for mask, kind in zip(sample.masks, sample.kinds, strict=True) if kind in OBJECTS or not single
    ]
    boxes = torch.tensor([_box(mask) for mask in masks], dtype=torch.float32).reshape(-1, 4)
    return Scenes(torch.from_numpy(sample.image)[None], [boxes], _ignored(sample.ignore)[None])


def _box(mask: np.ndarray) -> list[float]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def _ignored(ignore_SS: np.ndarray) -> Tensor:
    """Cells (L,) of which more than half is unlabelled."""
    bits = torch.from_numpy(ignore_SS).float()[None, None]
    return torch.cat([(F.avg_pool2d(bits, stride) > 0.5).flatten() for stride in STRIDES])


def detector_loss(
    scores_BL: Tensor, boxes_BL4: Tensor, batch: Scenes, weights: DetectorLoss
) -> dict[str, Tensor]:
    """The loss of each image (B,), and the IoU of the boxes (K of all images,) of the chosen cells."""
    side = batch.image_BSS3.shape[1] // STRIDE
    centres_L2 = cell_centres((side, side))[0].to(scores_BL.device)
    quality, parts, ious = [], [], []
    truths = [boxes.to(scores_BL.device) for boxes in batch.boxes]
    for scores_L, boxes_L4, truth_K4 in zip(scores_BL, boxes_BL4, truths, strict=True):
        owner_L, target_L = assign(
            scores_L.detach().sigmoid(), boxes_L4.detach(), truth_K4, centres_L2, weights
        )
        chosen = owner_L >= 0
        giou, iou = generalised_iou(boxes_L4[chosen], truth_K4[owner_L[chosen]])
        parts.append((target_L[chosen] * (1 - giou)).sum())
        quality.append(target_L)
        ious.append(iou.detach())
    target_BL = torch.stack(quality)
    entropy_BL = F.binary_cross_entropy_with_logits(scores_BL, target_BL, reduction="none")
    empty_BL = (
        weights.background
        * scores_BL.detach().sigmoid() ** weights.focus
        * ~batch.ignore_BL.to(scores_BL.device)
    )
    score_B = (torch.where(target_BL > 0, 1.0, empty_BL) * entropy_BL).sum(1)
    # all images of the batch share one norm, so that those without an object count too
    norm = target_BL.sum().clamp(min=1.0) / len(truths)
    box_B = torch.stack(parts)
    return {
        "loss": (score_B + weights.box * box_B) / norm,
        "score": score_B / norm,
        "box": box_B / norm,
        "iou": torch.cat(ious),
    }


def assign(
    scores_L: Tensor, boxes_L4: Tensor, truth_K4: Tensor, centres_L2: Tensor, weights: DetectorLoss
) -> tuple[Tensor, Tensor]:
    """The object (L,) that each cell learns, -1 for none, and the score (L,) that it should have."""
    owner_L = torch.full_like(scores_L, -1, dtype=torch.long)
    target_L = torch.zeros_like(scores_L)
    if not len(truth_K4):
        return owner_L, target_L
    iou_KL = pairwise_iou(truth_K4, boxes_L4)
    inside_KL = ((centres_L2 > truth_K4[:, None, :2]) & (centres_L2 < truth_K4[:, None, 2:])).all(-1)
    fit_KL = torch.where(inside_KL, scores_L**SCORE_POWER * iou_KL**IOU_POWER, 0.0) + inside_KL * 1e-12
    best_KN = fit_KL.topk(min(weights.cells, fit_KL.shape[1]), dim=1)
    chosen_KL = torch.zeros_like(inside_KL).scatter_(1, best_KN.indices, best_KN.values > 0)
    # a cell that several objects choose learns the one it fits best
    iou_of_KL = torch.where(chosen_KL, iou_KL + 1e-6, 0.0)
    best_L, first_L = iou_of_KL.max(dim=0)
    chosen_L = best_L > 0
    owner_L[chosen_L] = first_L[chosen_L]
    own_KL = F.one_hot(first_L, len(truth_K4)).T.bool() & chosen_L
    fit_KL, iou_KL = torch.where(own_KL, fit_KL, 0.0), torch.where(own_KL, iou_KL, 0.0)
    scaled_KL = fit_KL / fit_KL.amax(1, keepdim=True).clamp(min=1e-12) * iou_KL.amax(1, keepdim=True)
    target_L = scaled_KL.amax(dim=0).clamp(1e-3, 1.0) * chosen_L
    return owner_L, target_L


def pairwise_iou(a_K4: Tensor, b_L4: Tensor) -> Tensor:
    """The IoU (K, L) of every pair of boxes."""
    low, high = torch.maximum(a_K4[:, None, :2], b_L4[:, :2]), torch.minimum(a_K4[:, None, 2:], b_L4[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas_K, areas_L = ((box[:, 2:] - box[:, :2]).prod(-1) for box in (a_K4, b_L4))
    return shared / (areas_K[:, None] + areas_L - shared).clamp(min=1e-6)


def generalised_iou(a_N4: Tensor, b_N4: Tensor) -> tuple[Tensor, Tensor]:
    """The generalised IoU (N,) of pairs of boxes (Rezatofighi et al., 2019), and their IoU."""
    low, high = torch.maximum(a_N4[:, :2], b_N4[:, :2]), torch.minimum(a_N4[:, 2:], b_N4[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(box[:, 2:] - box[:, :2]).prod(-1) for box in (a_N4, b_N4)]
    union = (areas[0] + areas[1] - shared).clamp(min=1e-6)
    outer = (torch.maximum(a_N4[:, 2:], b_N4[:, 2:]) - torch.minimum(a_N4[:, :2], b_N4[:, :2])).prod(-1)
    iou = shared / union
    return iou - (outer - union) / outer.clamp(min=1e-6), iou
