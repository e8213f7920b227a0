"""In-context training: the loss of the hidden pixels, and a tiny model that learns."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from anymask.data.mixture import Mixture
from anymask.data.synthetic import shapes
from anymask.data.transforms.canvas import CanvasConfig
from anymask.models import build, load_painter
from anymask.models.config import PAINTER_DEBUG
from anymask.train.loop import Loop, fit
from anymask.train.optim import Optim
from anymask.train.painter import PaintLoss, PaintTask, hidden_loss

LOOP = Loop(batch=2, workers=0, precision="float32", every_save=0, device="cpu")


class Shapes:
    """A small data set of synthetic images."""

    name = "shapes"

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.records = [shapes(rng, (48, 64), 3) for _ in range(4)]

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int):
        return self.records[index]


@pytest.fixture
def task() -> PaintTask:
    torch.manual_seed(0)
    return PaintTask(build(PAINTER_DEBUG), Mixture([Shapes()], seed=0), CanvasConfig(size=64))


def test_only_valid_pixels_of_hidden_patches_count() -> None:
    painted, targets = torch.zeros(2, 3, 8, 4), torch.zeros(2, 3, 8, 4)
    hidden = torch.zeros(2, 4, 2, dtype=torch.bool)
    hidden[0, 3, 1] = True  # rows 6 and 7, columns 2 and 3
    valid = torch.ones(2, 8, 4, dtype=torch.bool)
    targets[0, :, 6, 2] = 1.0
    targets[0, 0, 0, 0] = 50.0  # in view
    targets[0, 0, 7, 3] = 50.0  # nobody labelled it
    valid[0, 7, 3] = False
    loss = hidden_loss(painted, targets, hidden, valid)
    assert loss[0].item() == pytest.approx((1 - PaintLoss.beta / 2) / 3)
    assert loss[1].item() == 0


def test_items_depend_on_their_index_alone(task: PaintTask) -> None:
    first, again, other = task.item(3), task.item(3), task.item(4)
    assert all(torch.equal(value, getattr(again, name)) for name, value in vars(first).items())
    assert not torch.equal(first.images_BHW3, other.images_BHW3)
    sent = pickle.loads(pickle.dumps(task))
    assert sent.model is None
    assert torch.equal(sent.item(3).targets_BHW3, first.targets_BHW3)


def test_the_gradient_is_that_of_the_mean(task: PaintTask) -> None:
    task.model.eval()  # no stochastic depth
    items = [task.item(index) for index in range(3)]
    generator = torch.Generator()
    task.step(task.collate(items), generator, 1.0)
    whole = [parameter.grad.clone() for parameter in task.model.parameters() if parameter.grad is not None]
    task.model.zero_grad()
    for item in items:
        task.step(item, generator, 1 / 3)
    parts = [parameter.grad for parameter in task.model.parameters() if parameter.grad is not None]
    for one, two in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, two, atol=1e-4 * float(one.abs().max()) + 1e-9, rtol=1e-3)


def test_a_tiny_model_learns(task: PaintTask, tmp_path: Path) -> None:
    lines: list[dict[str, float]] = []
    loop = Loop(**{**vars(LOOP), "steps": 40, "every_log": 10})
    fit(task, loop, Optim(lr=2e-3, warmup=5, schedule="constant"), tmp_path, lines.append)
    losses = [line["loss"] for line in lines]
    assert losses[-1] < 0.75 * losses[0]
    assert load_painter(tmp_path, device="cpu", dtype="float32").config == PAINTER_DEBUG
