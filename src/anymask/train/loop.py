"""The training loop for all tasks: exact resume, one process or several under torchrun."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import cv2
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from anymask.errors import AnymaskError, InputError, OutputError, unknown_name
from anymask.files import remove_partial
from anymask.models.devices import has_bf16
from anymask.train.checkpoint import Average, check_fit, load_state, save_state
from anymask.train.distributed import Ranks
from anymask.train.interrupt import deferred_interrupt, ignore_interrupt
from anymask.train.metrics import Log, Report, RunningMeans, tally
from anymask.train.optim import Optim, parameter_groups

Item = TypeVar("Item")
Batch = TypeVar("Batch")
Value = TypeVar("Value")
PRECISIONS = ("auto", "float32", "bfloat16")
PREFETCH = 4  # batches that a worker prepares ahead
SKIPS = 50  # steps in a row without a finite gradient that end a run


class Task(Protocol[Item, Batch]):
    """What the loop trains: a model, a stream of items, and the gradients of a batch."""

    @property
    def model(self) -> nn.Module:
        """The network to train."""

    def item(self, index: int) -> Item:
        """Item `index` of the endless stream, a pure function of the index."""

    def collate(self, items: list[Item]) -> Batch:
        """Combine items into a batch."""

    def count(self, batch: Batch) -> int:
        """The number of terms in the mean loss of the batch."""

    def step(self, batch: Batch, generator: torch.Generator, scale: float) -> dict[str, Tensor]:
        """Add the gradients of the batch's mean loss, times `scale`, to the parameters.

        Returns sum and count of each metric, see `tally`. Every pass and process of a step gets `generator`
        in the same state, so what is drawn from it must not depend on the content of the batch.
        """

    def validate(self) -> dict[str, float]:
        """Metrics of the current model; may be empty."""

    def save(self, folder: Path) -> None:
        """Write the model so that `anymask.load(folder)` opens it."""


@dataclass(frozen=True)
class Loop:
    """Length and pace of a run.

    steps: optimiser steps.
    batch: items per step, over all processes.
    micro: items per pass: each process splits its share of the batch into passes of this size (0: one pass).
        This changes memory and speed but not the result.
    seed: of data, weights and simulated prompts.
    workers: processes that prepare items, for each training process.
    precision: of the forward pass: "float32", "bfloat16" (autocast) or "auto" (bfloat16 if the hardware
        supports it).
    average: decay of the moving average of the weights, which is then validated and saved; 0 for none.
    every_log, every_save, every_validation: intervals in steps; 0 for never. After the last step the run is
        always saved, and validated if `every_validation` is set.
    device: "auto", "cpu" or a PyTorch device.
    """

    steps: int = 90_000
    batch: int = 256
    micro: int = 0
    seed: int = 0
    workers: int = 1
    precision: str = "auto"
    average: float = 0.0
    every_log: int = 20
    every_save: int = 500
    every_validation: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        """Check the values. Raises `InputError`."""
        for name in ("steps", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}. Raise it.")
        for name in ("micro", "workers", "every_log", "every_save", "every_validation"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}. 0 means none.")
        if not 0 <= self.average < 1:
            raise InputError(f"average must be at least 0 and under 1, got {self.average}. Try 0.999.")
        if self.precision not in PRECISIONS:
            raise unknown_name("precision", self.precision, PRECISIONS)

    def passes(self, world: int) -> tuple[int, int]:
        """Passes per step and items per pass of a process. Raises `InputError` if `batch` does not divide."""
        micro = self.micro or self.batch // world
        if not micro or self.batch % (micro * world):
            raise InputError(
                f"batch must be a multiple of micro x processes = {micro or 1} x {world}, got {self.batch}. "
                f"Try {-(-self.batch // (max(micro, 1) * world)) * max(micro, 1) * world}."
            )
        return self.batch // (micro * world), micro


def fit(task: Task[Any, Any], loop: Loop, optim: Optim, folder: Path, report: Report | None = None) -> Path:
    """Train until `loop.steps`, resuming from the last state of the run if there is one; returns the folder.

    Writes `state.pt`, `metrics.jsonl`, TensorBoard events (with the extra `train`) and the files of
    `task.save`. A killed run that is resumed takes the same steps as an uninterrupted one. Ctrl-C saves the
    step that it is at, without a validation, and raises KeyboardInterrupt. Under torchrun every process calls
    this; only the first one writes and reports, and Ctrl-C saves nothing.
    """
    ranks = Ranks.join(loop.device)
    try:
        runner = _Runner(task, loop, optim, folder, report, ranks)
        runner.run()
    finally:
        ranks.leave()
    return folder


class _Stream(Dataset[Any], Generic[Item, Batch]):
    """Micro-batches 0, 1, ... of this process; also read by worker processes.

    An AnymaskError is returned as a value, since an exception in a worker would bury its message in a
    traceback.
    """

    def __init__(self, task: Task[Item, Batch], size: int, ranks: Ranks) -> None:
        self.task, self.size, self.rank, self.world = task, size, ranks.rank, ranks.world

    def __getitem__(self, number: int) -> Batch | AnymaskError:
        first = (number * self.world + self.rank) * self.size
        try:
            return self.task.collate([self.task.item(first + i) for i in range(self.size)])
        except AnymaskError as error:
            return error


class _Runner:
    """The state of a run in this process."""

    def __init__(
        self,
        task: Task[Any, Any],
        loop: Loop,
        optim: Optim,
        folder: Path,
        report: Report | None,
        ranks: Ranks,
    ) -> None:
        self.task, self.loop, self.optim, self.folder, self.ranks = task, loop, optim, folder, ranks
        self.parts, self.micro = loop.passes(ranks.world)
        _make(folder)
        if ranks.rank == 0:
            remove_partial(folder)
        self.model = task.model.to(ranks.device)
        self.weights = dict(self.model.named_parameters())
        self.trained = {name: p for name, p in self.weights.items() if p.requires_grad}
        ranks.share([*self.weights.values(), *self.model.buffers()])
        groups = parameter_groups(self.model, optim)
        self.adam = torch.optim.AdamW(groups, lr=optim.lr, betas=optim.betas, fused=True)
        self.average = Average(dict(self.trained), loop.average) if loop.average else None
        self.means, self.skipped = RunningMeans(), 0
        self.step = self._resume()
        self.log = Log(folder, report, self.step) if ranks.rank == 0 else None
        self.logged_at = time.monotonic()

    def run(self) -> None:
        """Take the remaining steps."""
        batches = self._batches()
        self.model.train()
        with deferred_interrupt(active=self.ranks.world == 1) as interrupt:
            while self.step < self.loop.steps:
                self._one(batches)
                self.step += 1
                self._after_step(last=self.step == self.loop.steps, stop=interrupt.asked)
        if self.log:
            self.log.close()

    def _after_step(self, *, last: bool, stop: bool) -> None:
        """Report, validate and save what is due. Raises KeyboardInterrupt, after saving, to stop."""
        loop = self.loop
        if self._due(loop.every_log):
            self._report_means()
        if not stop and (self._due(loop.every_validation) or (last and loop.every_validation)):
            self._validate()
        if stop or last or self._due(loop.every_save):
            self._save()
        if stop:
            raise KeyboardInterrupt(f"saved at step {self.step} of {loop.steps}")

    def _batches(self) -> Iterator[Any]:
        workers = self.loop.workers
        loader = DataLoader(
            _Stream(self.task, self.micro, self.ranks),
            batch_size=None,
            sampler=range(self.step * self.parts, self.loop.steps * self.parts),
            num_workers=workers,
            prefetch_factor=PREFETCH if workers else None,
            worker_init_fn=ignore_interrupt,
            pin_memory=self.ranks.device.type == "cuda",
        )
        with _single_threaded_opencv() if workers else nullcontext():
            for batch in loader:
                if isinstance(batch, AnymaskError):
                    raise batch
                yield batch

    def _one(self, batches: Iterator[Any]) -> None:
        """One optimiser step with the gradient of the mean loss over all passes and processes."""
        passes = [next(batches) for _ in range(self.parts)]
        counts = [self.task.count(batch) for batch in passes]
        total = self.ranks.total(sum(counts))
        self._set_rate()
        torch.manual_seed(_mix(self.loop.seed + 1, self.step, self.ranks.rank))
        self.adam.zero_grad(set_to_none=True)
        for batch, count in zip(passes, counts, strict=True):
            generator = torch.Generator().manual_seed(_mix(self.loop.seed, self.step, 0))
            with _autocast(self.loop.precision, self.ranks.device):
                self.means.add(self.task.step(batch, generator, count / total))
        self.ranks.add_gradients(self.trained.values())
        self._update()

    def _set_rate(self) -> None:
        rate = self.optim.rate(self.step, self.loop.steps)
        for group in self.adam.param_groups:
            group["lr"] = self.optim.lr * rate * group["scale"]

    def _update(self) -> None:
        """Update the weights; a step whose gradient is not finite is counted and skipped."""
        norm = nn.utils.clip_grad_norm_(list(self.trained.values()), self.optim.clip or float("inf"))
        finite = bool(norm.isfinite())
        self.skipped = 0 if finite else self.skipped + 1
        self.means.add({"skipped": tally(torch.tensor(float(not finite)))})
        if self.skipped > SKIPS:
            raise InputError(
                f"the loss must stay finite, got no finite gradient in {SKIPS} steps. "
                "Lower optim.lr, or set loop.precision=float32."
            )
        if finite:
            self.means.add({"gradient": tally(norm)})
            self.adam.step()
            if self.average:
                self.average.update(dict(self.trained), self.step)

    def _due(self, every: int) -> bool:
        return bool(every) and self.step % every == 0

    def _report_means(self) -> None:
        means = self.means.means(self.ranks)
        now, last = time.monotonic(), self.logged_at
        self.logged_at = now
        if self.log:
            rate = self.optim.lr * self.optim.rate(self.step - 1, self.loop.steps)
            pace = self.loop.every_log * self.loop.batch / max(now - last, 1e-9)
            self.log.write(means | {"step": self.step, "lr": rate, "images_s": pace})

    def _validate(self) -> None:
        if self.log:
            values = self._with_average(self.task.validate)
            if values:
                self.log.write({"step": self.step} | values)

    def _with_average(self, work: Callable[[], Value]) -> Value:
        """Call `work` with the averaged weights in the model, in evaluation mode."""
        kept = {name: p.detach().clone() for name, p in self.trained.items()} if self.average else {}
        if self.average:
            _set(self.trained, self.average.values)
        self.model.eval()
        try:
            return work()
        finally:
            _set(self.trained, kept)
            self.model.train()

    def _save(self) -> None:
        if self.ranks.rank:
            return
        self._with_average(lambda: self.task.save(self.folder))
        state = {
            "step": self.step,
            "model": {name: p.detach() for name, p in self.weights.items()},
            "buffers": dict(self.model.named_buffers()),
            "adam": self.adam.state_dict(),
            "window": self.means.sums,
        }
        save_state(self.folder, state | ({"average": self.average.values} if self.average else {}))

    def _resume(self) -> int:
        state = load_state(self.folder)
        if state is None:
            return 0
        check_fit(state["model"], dict(self.weights), self.folder)
        _set(self.weights, state["model"])
        _set(dict(self.model.named_buffers()), state.get("buffers", {}))
        self.adam.load_state_dict(state["adam"])
        device = self.ranks.device
        if self.ranks.rank == 0:
            self.means.sums = {name: pair.to(device) for name, pair in state.get("window", {}).items()}
        if self.average and "average" in state:
            self.average.values = {name: state["average"][name].to(device) for name in self.trained}
        return int(state["step"])


@torch.no_grad()
def _set(tensors: dict[str, Any], values: dict[str, Tensor]) -> None:
    for name, value in values.items():
        tensors[name].copy_(value)


@contextmanager
def _single_threaded_opencv() -> Iterator[None]:
    """Turn off OpenCV's thread pool before workers start.

    After a fork the pool would hang the workers, and it would compete with training for cores.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"out must be a folder that can be made, got {folder} ({error.strerror}). Choose another."
        ) from error


def _autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    if precision == "float32" or (precision == "auto" and not has_bf16(device)):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _mix(seed: int, step: int, rank: int) -> int:
    return (seed * 1_000_003 + step) * 1_009 + rank
