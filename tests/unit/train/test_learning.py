"""A tiny model learns, and learns as it did: the loss of 30 steps against a kept curve.

After a change that is meant to change the numbers, write the curves anew and say so in the commit:

    ANYMASK_WRITE_GOLDEN=1 pytest tests/unit/train/test_learning.py
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from anymask.models.config import DEBUG_VIT
from anymask.models.sam import Sam
from anymask.train.loop import Loop, fit
from anymask.train.losses import LossWeights
from anymask.train.optim import Optim
from anymask.train.sam import ClickTask, Rounds

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
LOOP = Loop(batch=2, workers=0, precision="float32", every_save=0, device="cpu")


def learn(task: ClickTask, folder: Path, loop: Loop, optim: Optim) -> list[dict[str, float]]:
    lines: list[dict[str, float]] = []
    fit(task, loop, optim, folder, lines.append)
    return lines


def paper(task: ClickTask) -> ClickTask:
    """The paper's loss and kinds of rounds, on a ViT."""
    torch.manual_seed(0)
    task.model = Sam(DEBUG_VIT)
    task.rounds, task.weights = Rounds(clicks=2, idle=2), LossWeights()
    return task


@pytest.mark.parametrize("name", ["compact", "paper"])
def test_the_loss_curve_is_the_kept_one(name, make_task, tmp_path) -> None:
    """Losses within 1 %: weights stirred by 1e-5 move them by 0.01 %, others should not by more."""
    task = make_task(clicks=1, idle=1)
    if name == "paper":
        task = paper(task)
        task.augment = replace(task.augment, size=128)
    loop = replace(LOOP, steps=30, every_log=1)
    lines = learn(task, tmp_path, loop, Optim(lr=1e-3, warmup=5, schedule="constant"))
    keys = [key for key in lines[0] if key.startswith("loss_")]
    curve = {key: [round(line[key], 4) for line in lines] for key in keys}
    path = GOLDEN / f"{name}.json"
    if os.environ.get("ANYMASK_WRITE_GOLDEN"):
        path.write_text(json.dumps(curve, indent=1) + "\n")
    kept = json.loads(path.read_text())
    assert curve.keys() == kept.keys()
    for key, values in kept.items():
        assert curve[key] == pytest.approx(values, rel=0.01), key


def test_a_tiny_model_learns_boxes(make_task, tmp_path) -> None:
    task = make_task(clicks=0, box=1.0, count=2, most=4, flip=0.0)
    loop = replace(LOOP, steps=60, every_log=4)
    lines = learn(task, tmp_path, loop, Optim(lr=5e-3, warmup=5, schedule="constant", layer_decay=1.0))
    assert lines[0]["iou_box_0"] < 0.3
    assert lines[-1]["iou_box_0"] > 0.6
