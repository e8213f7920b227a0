"""The one training loop: any task, exact resume, one process or many under torchrun."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import distributed, nn
from torch.utils.data import DataLoader, Dataset

from anymask.train.checkpoint import Average, load_state, save_state
from anymask.train.optim import Optim, parameter_groups

Item = TypeVar("Item")
Batch = TypeVar("Batch")
Report = Callable[[dict[str, Any]], None]


class Task(Protocol[Item, Batch]):
    """What is learned: a model, a stream of items, and the gradients of one batch."""

    model: nn.Module

    def item(self, index: int) -> Item:
        """Item `index` of the endless stream, a pure function of the index."""

    def collate(self, items: list[Item]) -> Batch:
        """A batch from its items."""

    def step(self, batch: Batch, generator: torch.Generator, scale: float) -> dict[str, float]:
        """Add the batch's gradients, times `scale`, to the parameters; returns metrics."""

    def validate(self) -> dict[str, float]:
        """Metrics of the model as it is; may be empty."""

    def save(self, folder: Path) -> None:
        """Write the model so that `anymask.load(folder)` opens it."""


@dataclass(frozen=True)
class Loop:
    """Length and pace of a run.

    A step holds `batch` items per process, taken `accumulate` at a time... see `micro`: the items of one
    forward pass. `every_*` are in steps, 0 = never. `average` is the decay of the weights' moving average, 0 = off.
    """

    steps: int = 90_000
    batch: int = 256
    micro: int = 0
    seed: int = 0
    workers: int = 1
    precision: str = "float32"
    average: float = 0.0
    every_log: int = 20
    every_save: int = 500
    every_validation: int = 0
    device: str = "cpu"


class _Stream(Dataset[Any], Generic[Item, Batch]):
    """Micro-batches `start`, `start + 1`, ... of this process; worker processes read it too."""

    def __init__(self, task: Task[Item, Batch], size: int, rank: int, world: int) -> None:
        self.task, self.size, self.rank, self.world = task, size, rank, world

    def __getitem__(self, number: int) -> Batch:
        first = (number * self.world + self.rank) * self.size
        return self.task.collate([self.task.item(first + i) for i in range(self.size)])


def fit(task: Task[Any, Any], loop: Loop, optim: Optim, folder: Path, report: Report | None = None) -> Path:
    """Train until `loop.steps`, going on from the run's last state if there is one; returns the folder.

    Writes `state.pt`, `metrics.jsonl`, TensorBoard events (with the extra `train`) and what `task.save`
    writes. A killed run that is started again takes the same steps as one that was never killed.
    """
    rank, world = _join(loop.device)
    runner = _Runner(task, loop, optim, folder, report if rank == 0 else None, rank, world)
    try:
        runner.run()
    finally:
        if world > 1:
            distributed.destroy_process_group()
    return folder


class _Runner:
    def __init__(
        self, task: Task[Any, Any], loop: Loop, optim: Optim, folder: Path, report: Report | None, rank: int, world: int
    ) -> None:
        self.task, self.loop, self.optim, self.folder, self.rank, self.world = task, loop, optim, folder, rank, world
        folder.mkdir(parents=True, exist_ok=True)
        self.model = task.model
        self.weights = dict(self.model.named_parameters())
        self.adam = torch.optim.AdamW(parameter_groups(self.model, optim), lr=optim.lr, betas=optim.betas)
        self.average = Average(self.weights, loop.average) if loop.average else None
        self.log = _Log(folder, report) if rank == 0 else None
        self.step = self._resume()

    def run(self) -> None:
        loop = self.loop
        micro = loop.micro or loop.batch
        parts = max(1, loop.batch // micro)
        batches = _batches(self.task, micro, self.rank, self.world, self.step * parts, loop)
        self.model.train()
        started, first = time.monotonic(), self.step
        while self.step < loop.steps:
            metrics = self._one(batches, parts)
            self.step += 1
            if self._due(loop.every_log):
                done = (self.step - first) * loop.batch * self.world
                metrics |= {"step": self.step, "lr": self.adam.param_groups[-1]["lr"], "images_s": done / (time.monotonic() - started)}
                self._log(metrics)
            if self._due(loop.every_validation):
                self._log({"step": self.step} | self._with_average(self.task.validate))
            if self._due(loop.every_save) or self.step == loop.steps:
                self._save()

    def _one(self, batches: Iterator[Any], parts: int) -> dict[str, float]:
        rate = self.optim.rate(self.step, self.loop.steps)
        for group in self.adam.param_groups:
            group["lr"] = self.optim.lr * rate * group["scale"]
        generator = torch.Generator().manual_seed(_mix(self.loop.seed, self.step, self.rank))
        torch.manual_seed(_mix(self.loop.seed + 1, self.step, self.rank))
        self.adam.zero_grad(set_to_none=True)
        metrics: dict[str, float] = {}
        for _ in range(parts):
            with _autocast(self.loop):
                metrics = self.task.step(next(batches), generator, 1.0 / parts)
        self._reduce()
        if self.optim.clip:
            norm = nn.utils.clip_grad_norm_(list(self.weights.values()), self.optim.clip)
            metrics["gradient"] = float(norm)
        self.adam.step()
        if self.average:
            self.average.update(self.weights, self.step)
        return metrics

    def _reduce(self) -> None:
        if self.world == 1:
            return
        for parameter in self.weights.values():
            if parameter.requires_grad:
                grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                distributed.all_reduce(grad)
                parameter.grad = grad / self.world

    def _due(self, every: int) -> bool:
        return bool(every) and self.step % every == 0

    def _log(self, values: dict[str, Any]) -> None:
        if self.log:
            self.log.write(values)

    def _with_average(self, work: Callable[[], Any]) -> Any:
        """Run `work` on the averaged weights, in evaluation mode."""
        kept = {name: p.detach().clone() for name, p in self.weights.items()} if self.average else {}
        if self.average:
            self._set(self.average.values)
        self.model.eval()
        try:
            return work()
        finally:
            self._set(kept)
            self.model.train()

    @torch.no_grad()
    def _set(self, values: dict[str, torch.Tensor]) -> None:
        for name, value in values.items():
            self.weights[name].copy_(value)

    def _save(self) -> None:
        if self.rank:
            return
        self._with_average(lambda: self.task.save(self.folder))
        state = {"step": self.step, "model": {k: v.detach() for k, v in self.weights.items()}, "adam": self.adam.state_dict()}
        save_state(self.folder, state | ({"average": self.average.values} if self.average else {}))

    def _resume(self) -> int:
        state = load_state(self.folder)
        if state is None:
            return 0
        self._set(state["model"])
        self.adam.load_state_dict(state["adam"])
        if self.average and "average" in state:
            self.average.values = {k: v.to(self.weights[k].device) for k, v in state["average"].items()}
        if self.log:
            self.log.cut(state["step"])
        return int(state["step"])


class _Log:
    """metrics.jsonl, TensorBoard where it is installed, and the caller's report."""

    def __init__(self, folder: Path, report: Report | None) -> None:
        self.path, self.report = folder / "metrics.jsonl", report
        try:
            from torch.utils.tensorboard import SummaryWriter

            self.board: Any = SummaryWriter(str(folder / "tensorboard"))
        except ImportError:
            self.board = None

    def write(self, values: dict[str, Any]) -> None:
        line = {k: round(v, 6) if isinstance(v, float) else v for k, v in values.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if self.board:
            for name, value in values.items():
                self.board.add_scalar(name, value, values["step"])
            self.board.flush()
        if self.report:
            self.report(line)

    def cut(self, step: int) -> None:
        """Drop what a killed run logged after its last saved step; it will be logged again."""
        if self.path.exists():
            lines = [line for line in self.path.read_text().splitlines() if _step_of(line) <= step]
            self.path.write_text("".join(line + "\n" for line in lines))


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):
        return float("inf")


def _batches(task: Task[Any, Any], size: int, rank: int, world: int, start: int, loop: Loop) -> Iterator[Any]:
    stream = _Stream(task, size, rank, world)
    total = loop.steps * max(1, loop.batch // size)
    loader = DataLoader(
        stream, batch_size=None, sampler=range(start, total), num_workers=loop.workers, prefetch_factor=4 if loop.workers else None
    )
    return iter(loader)


def _autocast(loop: Loop) -> Any:
    if loop.precision != "bfloat16":
        return nullcontext()
    return torch.autocast(torch.device(loop.device).type, torch.bfloat16)


def _mix(seed: int, step: int, rank: int) -> int:
    return (seed * 1_000_003 + step) * 1_009 + rank


def _join(device: str) -> tuple[int, int]:
    """Rank and number of processes; joins the group that torchrun describes in the environment."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1:
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return int(os.environ.get("RANK", "0")), world
