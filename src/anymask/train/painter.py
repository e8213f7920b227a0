"""Training an in-context model: predict the hidden patches of a canvas (Painter and SegGPT, section 3).

Shape letters as in `anymask.models.painter`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from anymask.data.mixture import Mixture
from anymask.data.transforms.canvas import Canvas, CanvasConfig, make_canvas
from anymask.data.transforms.copy_paste import Cutouts
from anymask.errors import InputError
from anymask.models.checkpoints.load import MODEL_FILE, InContextNetwork, save
from anymask.train.metrics import tally
from anymask.types import Record


@dataclass(frozen=True)
class PaintLoss:
    """Smooth L1: quadratic below `beta`, linear above (released code: 0.01).

    `painted` is the weight of pixels that are not black in the target; more than 1 favours small objects.
    """

    beta: float = 0.01
    painted: float = 1.0

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        if self.beta <= 0 or self.painted <= 0:
            raise InputError(
                f"beta and painted must be over 0, got {self.beta} and {self.painted}. "
                "SegGPT has beta=0.01 and painted=1."
            )


@dataclass(frozen=True)
class Canvases:
    """A batch of canvases: images, targets (B, 2P, P, 3) uint8; the others bool, see `Canvas`."""

    images_BHW3: Tensor
    targets_BHW3: Tensor
    valid_BHW: Tensor
    hidden_Bhw: Tensor
    instance_B: Tensor

    def to(self, device: torch.device) -> Canvases:
        """The same batch on another device."""
        return Canvases(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def pin_memory(self) -> Canvases:
        """The same batch in pinned memory, from which copies to a GPU are faster."""
        return replace(self, **{name: value.pin_memory() for name, value in vars(self).items()})


def as_tensors(one: Canvas) -> Canvases:
    """A batch of one canvas."""
    return Canvases(
        torch.from_numpy(one.images.copy())[None],
        torch.from_numpy(one.targets.copy())[None],
        torch.from_numpy(one.valid.copy())[None],
        torch.from_numpy(one.hidden)[None],
        torch.tensor([one.instance]),
    )


def hidden_loss(
    predicted_B3HW: Tensor,
    targets_B3HW: Tensor,
    hidden_Bhw: Tensor,
    weight_BHW: Tensor,
    beta: float = PaintLoss.beta,
) -> Tensor:
    """(B,): the weighted mean smooth L1 over the pixels of hidden patches, 0 for a canvas without any."""
    patch = weight_BHW.shape[1] // hidden_Bhw.shape[1]
    hidden_BHW = hidden_Bhw.repeat_interleave(patch, 1).repeat_interleave(patch, 2)
    loss_BHW = F.smooth_l1_loss(predicted_B3HW, targets_B3HW, beta=beta, reduction="none").mean(1)
    counted_BHW = hidden_BHW * weight_BHW
    return (loss_BHW * counted_BHW).sum((1, 2)) / counted_BHW.sum((1, 2)).clamp(min=1)


class PaintTask:
    """The in-context task for the training loop: a model and a stream of canvases."""

    def __init__(
        self,
        model: InContextNetwork,
        mixture: Mixture,
        config: CanvasConfig,
        loss: PaintLoss | None = None,
        *,
        cutouts: Cutouts | None = None,
        validate: Callable[[InContextNetwork], dict[str, float]] | None = None,
    ) -> None:
        """Combine the parts of the task.

        model: the network to train.
        mixture: the stream of records.
        config: how canvases are made.
        loss: by default that of the released code.
        cutouts: objects to paste.
        validate: returns metrics of the current model; without it there is no validation.
        """
        assert config.size % model.config.patch == 0, "the canvas must consist of whole patches"
        self.model, self.mixture, self.config = model, mixture, config
        self.loss, self.cutouts = loss or PaintLoss(), cutouts
        side = config.size // model.config.patch
        self.grid_hw = (2 * side, side)
        self._validate = validate

    def __getstate__(self) -> dict[str, Any]:
        """The state that a worker process needs to prepare items: the data, not the model."""
        return vars(self) | dict.fromkeys(("model", "_validate"))

    def item(self, index: int) -> Canvases:
        """A canvas, a pure function of the index. Raises `FormatError` for unreadable data."""
        rng = self.mixture.rng(index)
        draw = self.mixture[index]
        records = self.mixture.datasets[[one.name for one in self.mixture.datasets].index(draw.dataset)]

        def another() -> Record:
            return records[int(rng.integers(len(records)))]

        return as_tensors(make_canvas(draw.record, another, rng, self.config, self.grid_hw, self.cutouts))

    def collate(self, items: list[Canvases]) -> Canvases:
        """Concatenate canvases into a batch."""
        return Canvases(
            **{name: torch.cat([getattr(item, name) for item in items]) for name in vars(items[0])}
        )

    def count(self, batch: Canvases) -> int:
        """The number of canvases."""
        return len(batch.images_BHW3)

    def step(self, batch: Canvases, generator: torch.Generator, scale: float) -> dict[str, Tensor]:
        """Add the gradients of the mean loss of the canvases, times `scale`; `generator` is not used."""
        batch = batch.to(self.model.device)
        images, targets = (self.model.normalise(part) for part in (batch.images_BHW3, batch.targets_BHW3))
        predicted = self.model(images, targets, batch.hidden_Bhw, batch.instance_B)
        weight_BHW = 1 + (self.loss.painted - 1) * (batch.targets_BHW3 > 0).any(-1)
        weight_BHW = batch.valid_BHW * weight_BHW
        loss_B = hidden_loss(predicted, targets.float(), batch.hidden_Bhw, weight_BHW, self.loss.beta)
        (loss_B.mean() * scale).backward()  # type: ignore[no-untyped-call]
        return {"loss": tally(loss_B)}

    def validate(self) -> dict[str, float]:
        """Metrics of the current model."""
        return self._validate(self.model) if self._validate else {}

    def save(self, folder: Path) -> None:
        """Write `model.safetensors`."""
        save(self.model, folder / MODEL_FILE)
