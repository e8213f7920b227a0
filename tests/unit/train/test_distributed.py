"""Several processes under torchrun learn as one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from anymask.train.distributed import BUCKET, Ranks, _buckets
from anymask.train.loop import Loop, fit
from anymask.train.optim import Optim

STEPS = 3
SETTINGS = "batch=4, workers=0, precision='float32', every_log=1, every_save=0, device='cpu'"
LOOP = f"Loop(steps={STEPS}, {SETTINGS})"
SCRIPT = f"""
import os, sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from conftest import click_task
from anymask.train.loop import Loop, fit
from anymask.train.optim import Optim
task, folder, rank = click_task(clicks=1, idle=1), Path(sys.argv[2]), os.environ["RANK"]
if rank == "1":
    torch.nn.init.zeros_(task.model.mask_decoder.iou_token.weight)  # the first rank's weights count
fit(task, {LOOP}, Optim(clip=0.0), folder)
grads = {{name: p.grad for name, p in task.model.named_parameters() if p.grad is not None}}
torch.save((task.model.state_dict(), grads), folder.parent / f"rank-{{rank}}.pt")
"""


def test_one_process_is_alone() -> None:
    ranks = Ranks.join("cpu")
    assert (ranks.rank, ranks.world, ranks.device) == (0, 1, torch.device("cpu"))
    assert ranks.total(3) == 3
    assert ranks.gather("x") == ["x"]
    parameter = nn.Parameter(torch.ones(2))
    ranks.add_gradients([parameter])
    ranks.share([parameter])
    ranks.leave()
    assert parameter.grad is None


def test_messages_have_a_size() -> None:
    with torch.device("meta"):
        parameters = [nn.Parameter(torch.empty(size)) for size in (BUCKET + 1, 5, BUCKET - 5, 1)]
    assert [[p.numel() for p in bucket] for bucket in _buckets(parameters)] == [
        [BUCKET + 1],
        [5, BUCKET - 5],
        [1],
    ]
    assert list(_buckets([])) == []


@pytest.mark.slow
def test_two_processes_learn_as_one(make_task, tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [sys.executable, *launcher, str(script), str(Path(__file__).parent), str(tmp_path / "both")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr

    weights, gradients = zip(*(torch.load(tmp_path / f"rank-{rank}.pt") for rank in (0, 1)), strict=True)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])

    task = make_task(clicks=1, idle=1)
    fit(task, eval(LOOP, {"Loop": Loop}), Optim(clip=0.0), tmp_path / "one")
    found = [_lines(tmp_path / name) for name in ("both", "one")]
    assert len(found[0]) == STEPS
    for shared, alone in zip(*found, strict=True):
        del shared["images_s"], alone["images_s"]
        assert shared == pytest.approx(alone, abs=1e-3)
    for name, p in task.model.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(gradients[0][name], p.grad, rtol=0.02, atol=1e-3, msg=name)
    assert gradients[0].keys() == {name for name, p in task.model.named_parameters() if p.grad is not None}


def _lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
