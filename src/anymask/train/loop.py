"""The one training loop: any task, exact resume, one process or many under torchrun."""

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
from anymask.train.metrics import Log, Report, Window, tally
from anymask.train.optim import Optim, parameter_groups

Item = TypeVar("Item")
Batch = TypeVar("Batch")
Value = TypeVar("Value")
PRECISIONS = ("auto", "float32", "bfloat16")
PREFETCH = 4  # batches that a worker prepares ahead
SKIPS = 50  # steps in a row without a finite gradient that end a run


class Task(Protocol[Item, Batch]):
    """What is learned: a model, a stream of items, and the gradients of one batch."""

    @property
    def model(self) -> nn.Module:
        """The network that learns."""

    def item(self, index: int) -> Item:
        """Item `index` of the endless stream, a pure function of the index."""

    def collate(self, items: list[Item]) -> Batch:
        """A batch from its items."""

    def count(self, batch: Batch) -> int:
        """The number of terms that the batch's mean loss is over."""

    def step(self, batch: Batch, generator: torch.Generator, scale: float) -> dict[str, Tensor]:
        """Add the gradients of the batch's mean loss, times `scale`, to the parameters.

        Returns sum and count of each metric, see `tally`. Draws from `generator` must not depend on what
        is in the batch: every pass and process of a step gets it in the same state.
        """

    def validate(self) -> dict[str, float]:
        """Metrics of the model as it is; may be empty."""

    def save(self, folder: Path) -> None:
        """Write the model so that `anymask.load(folder)` opens it."""


@dataclass(frozen=True)
class Loop:
    """Length and pace of a run.

    `batch` items make a step, whatever the number of processes; each process takes its share of them in
    passes of `micro` items (0: all at once), which changes memory and speed but not the result. `precision`
    is that of the forward pass: "bfloat16" by autocast, or "auto": that where the hardware computes in it.
    `average` is the decay of the weights' moving average, which is what is validated and saved; 0 = none.
    `workers` prepare items beside each process. `every_*` are in steps, 0 = never; the end is always saved,
    and validated if anything is.
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
        """How many passes of how many items a process makes per step. Raises `InputError` for a remainder."""
        micro = self.micro or self.batch // world
        if not micro or self.batch % (micro * world):
            raise InputError(
                f"batch must be a multiple of micro x processes = {micro or 1} x {world}, got {self.batch}. "
                f"Try {-(-self.batch // (max(micro, 1) * world)) * max(micro, 1) * world}."
            )
        return self.batch // (micro * world), micro


def fit(task: Task[Any, Any], loop: Loop, optim: Optim, folder: Path, report: Report | None = None) -> Path:
    """Train until `loop.steps`, going on from the run's last state if there is one; returns the folder.

    Writes `state.pt`, `metrics.jsonl`, TensorBoard events (with the extra `train`) and what `task.save`
    writes. A killed run that is started again takes the same steps as one that was never killed. Under
    torchrun every process calls this, and the first one writes and reports.
    """
    ranks = Ranks.join(loop.device)
    try:
        runner = _Runner(task, loop, optim, folder, report, ranks)
        runner.run()
    finally:
        ranks.leave()
    return folder


class _Stream(Dataset[Any], Generic[Item, Batch]):
    """Micro-batches 0, 1, ... of this process; worker processes read it too.

    A user's mistake comes back as a value: a worker's exception would lose its sentence in a traceback.
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
    """A run between two kills."""

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
        self.learning = {name: p for name, p in self.weights.items() if p.requires_grad}
        ranks.share([*self.weights.values(), *self.model.buffers()])
        groups = parameter_groups(self.model, optim)
        self.adam = torch.optim.AdamW(groups, lr=optim.lr, betas=optim.betas, fused=True)
        self.average = Average(dict(self.learning), loop.average) if loop.average else None
        self.window, self.skipped = Window(), 0
        self.step = self._resume()
        self.log = Log(folder, report, self.step) if ranks.rank == 0 else None
        self.logged_at = time.monotonic()

    def run(self) -> None:
        """Take the steps that are left."""
        loop = self.loop
        batches = self._batches()
        self.model.train()
        while self.step < loop.steps:
            self._one(batches)
            self.step += 1
            last = self.step == loop.steps
            if self._due(loop.every_log):
                self._report_means()
            if self._due(loop.every_validation) or (last and loop.every_validation):
                self._validate()
            if self._due(loop.every_save) or last:
                self._save()
        if self.log:
            self.log.close()

    def _batches(self) -> Iterator[Any]:
        workers = self.loop.workers
        loader = DataLoader(
            _Stream(self.task, self.micro, self.ranks),
            batch_size=None,
            sampler=range(self.step * self.parts, self.loop.steps * self.parts),
            num_workers=workers,
            prefetch_factor=PREFETCH if workers else None,
            pin_memory=self.ranks.device.type == "cuda",
        )
        with _opencv_without_threads() if workers else nullcontext():
            for batch in loader:
                if isinstance(batch, AnymaskError):
                    raise batch
                yield batch

    def _one(self, batches: Iterator[Any]) -> None:
        """One step of the optimiser on the gradient of the mean over all passes and processes."""
        passes = [next(batches) for _ in range(self.parts)]
        counts = [self.task.count(batch) for batch in passes]
        total = self.ranks.total(sum(counts))
        self._set_rate()
        torch.manual_seed(_mix(self.loop.seed + 1, self.step, self.ranks.rank))
        self.adam.zero_grad(set_to_none=True)
        for batch, count in zip(passes, counts, strict=True):
            generator = torch.Generator().manual_seed(_mix(self.loop.seed, self.step, 0))
            with _autocast(self.loop.precision, self.ranks.device):
                self.window.add(self.task.step(batch, generator, count / total))
        self.ranks.add_gradients(self.learning.values())
        self._update()

    def _set_rate(self) -> None:
        rate = self.optim.rate(self.step, self.loop.steps)
        for group in self.adam.param_groups:
            group["lr"] = self.optim.lr * rate * group["scale"]

    def _update(self) -> None:
        """Move the weights, unless the gradient overflowed: such a step is counted and left out."""
        norm = nn.utils.clip_grad_norm_(list(self.learning.values()), self.optim.clip or float("inf"))
        finite = bool(norm.isfinite())
        self.skipped = 0 if finite else self.skipped + 1
        self.window.add({"skipped": tally(torch.tensor(float(not finite)))})
        if self.skipped > SKIPS:
            raise InputError(
                f"the loss must stay finite, got none that is in {SKIPS} steps. "
                "Lower optim.lr, or set loop.precision=float32."
            )
        if finite:
            self.window.add({"gradient": tally(norm)})
            self.adam.step()
            if self.average:
                self.average.update(dict(self.learning), self.step)

    def _due(self, every: int) -> bool:
        return bool(every) and self.step % every == 0

    def _report_means(self) -> None:
        means = self.window.means(self.ranks)
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
        """Do `work` on the averaged weights, in evaluation mode."""
        kept = {name: p.detach().clone() for name, p in self.learning.items()} if self.average else {}
        if self.average:
            _set(self.learning, self.average.values)
        self.model.eval()
        try:
            return work()
        finally:
            _set(self.learning, kept)
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
            "window": self.window.sums,
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
            self.window.sums = {name: pair.to(device) for name, pair in state.get("window", {}).items()}
        if self.average and "average" in state:
            self.average.values = {name: state["average"][name].to(device) for name in self.learning}
        return int(state["step"])


@torch.no_grad()
def _set(tensors: dict[str, Any], values: dict[str, Tensor]) -> None:
    for name, value in values.items():
        tensors[name].copy_(value)


@contextmanager
def _opencv_without_threads() -> Iterator[None]:
    """Let workers fork safely: a thread pool that OpenCV started hangs after a fork.

    It has to end before they start; with it they would take the cores that training needs, too.
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
