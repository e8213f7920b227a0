"""Losses of promptable training (SAM, appendix A: 20 x focal + dice per mask, squared error of the IoU).

Shape letters: N objects, M masks per object, h w the logit grid. `cover` is the share of a grid cell that
the object covers, 0 to 1; `valid` is 1 for labelled cells and 0 for unlabelled ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from anymask.errors import InputError


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms.

    `iou` is that of the squared error of the predicted IoU. `other` is the weight of the loss of the unused
    outputs: the single mask for an ambiguous prompt, the three masks for any other.
    """

    focal: float = 20.0
    dice: float = 1.0
    bce: float = 0.0
    iou: float = 1.0
    other: float = 0.0

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        values = vars(self)
        if min(values.values()) < 0 or not self.focal + self.dice + self.bce:
            raise InputError(
                "loss weights must not be negative, with one of focal, dice and bce over 0, "
                f"got {values}. The paper has focal=20, dice=1, iou=1."
            )


def focal(logits: Tensor, cover: Tensor, valid: Tensor, gamma: float = 2.0) -> Tensor:
    """Mean focal loss over the valid cells, (N, M), without class weights (Lin et al. 2017, equation 4)."""
    bce = F.binary_cross_entropy_with_logits(logits, cover, reduction="none")
    probability = logits.sigmoid()
    wrong = probability + cover - 2 * probability * cover
    return _mean(bce * wrong**gamma, valid)


def bce(logits: Tensor, cover: Tensor, valid: Tensor) -> Tensor:
    """Mean binary cross-entropy over the valid cells, (N, M)."""
    return _mean(F.binary_cross_entropy_with_logits(logits, cover, reduction="none"), valid)


def dice(logits: Tensor, cover: Tensor, valid: Tensor) -> Tensor:
    """One minus the smoothed Dice overlap, (N, M)."""
    p, t = logits.sigmoid() * valid, cover * valid
    overlap, total = (p * t).sum((-1, -2)), (p + t).sum((-1, -2))
    return 1 - (2 * overlap + 1) / (total + 1)


def real_iou(logits: Tensor, cover: Tensor, valid: Tensor) -> Tensor:
    """IoU of the thresholded masks on the grid, (N, M); no gradient."""
    p, t = (logits.detach() > 0) & (valid > 0), (cover > 0.5) & (valid > 0)
    return (p & t).sum((-1, -2)) / (p | t).sum((-1, -2)).clamp(min=1)


def mask_loss(logits: Tensor, cover: Tensor, valid: Tensor, weights: LossWeights) -> Tensor:
    """The weighted sum of the mask terms, (N, M); `cover` and `valid` broadcast over M."""
    cover = cover.expand_as(logits)
    terms = [(weights.focal, focal), (weights.bce, bce), (weights.dice, dice)]
    return torch.stack([w * term(logits, cover, valid) for w, term in terms if w]).sum(0)


def prompt_loss(
    logits: Tensor, iou: Tensor, cover: Tensor, valid: Tensor, ambiguous_N: Tensor, weights: LossWeights
) -> Tensor:
    """(N,) loss of one round.

    logits: (N, 4, h, w). Of an ambiguous prompt the outputs 1 to 3 are used, and only the best of them gets
        the mask loss; of any other prompt the output 0.
    iou: (N, 4) predicted IoU, trained for every used output.
    cover, valid: (N, h, w), see the module.
    ambiguous_N: which prompts are ambiguous, bool.
    weights: of the terms.
    """
    cover, valid = cover[:, None], valid[:, None]
    losses = mask_loss(logits, cover, valid, weights)
    single, triple = losses[:, 0], losses[:, 1:].amin(1)
    error = (iou - real_iou(logits, cover, valid)) ** 2
    used = torch.where(ambiguous_N, triple, single)
    other = torch.where(ambiguous_N, single, triple)
    used_iou = torch.where(ambiguous_N, error[:, 1:].mean(1), error[:, 0])
    other_iou = torch.where(ambiguous_N, error[:, 0], error[:, 1:].mean(1))
    return used + weights.iou * used_iou + weights.other * (other + weights.iou * other_iou)


def _mean(x: Tensor, valid: Tensor) -> Tensor:
    return (x * valid).sum((-1, -2)) / valid.sum((-1, -2)).clamp(min=1)
