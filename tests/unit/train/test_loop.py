"""The loop on a small problem: exact resume, passes, averages, what it writes and what it refuses."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from anymask.errors import FormatError, InputError, OutputError, UnknownNameError, WeightsError
from anymask.train.checkpoint import STATE, Average, load_state, save_state
from anymask.train.distributed import Ranks
from anymask.train.loop import Loop, fit
from anymask.train.metrics import METRICS, Log, RunningMeans, tally
from anymask.train.optim import Optim

LOOP = Loop(steps=12, batch=4, workers=0, precision="float32", every_log=3, every_save=4, device="cpu")
OPTIM = Optim(lr=0.05, warmup=1, schedule="constant", clip=0.0)
ALONE = Ranks(0, 1, torch.device("cpu"))


class Line:
    """Fit a line through noisy points with dropout; item i has i % 3 + 1 of them, so that passes differ."""

    def __init__(
        self,
        kill_at: int = -1,
        fault_at: int = -1,
        explode_at: int = -1,
        interrupt_at: int = -1,
        presses: int = 1,
    ) -> None:
        torch.manual_seed(0)
        self.model: nn.Module = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.1), nn.Linear(8, 1))
        self.model.register_buffer("offset", torch.randn(1))
        self.kill_at, self.fault_at, self.explode_at = kill_at, fault_at, explode_at
        self.interrupt_at, self.presses = interrupt_at, presses
        self.steps = self.validated = 0

    def item(self, index: int) -> tuple[Tensor, Tensor]:
        if index == self.fault_at:
            raise FormatError("data must be whole, got a hole.")
        x = torch.randn(index % 3 + 1, 3, generator=torch.Generator().manual_seed(index))
        return x, x.sum(1, keepdim=True)

    def collate(self, items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        return torch.cat([x for x, _ in items]), torch.cat([y for _, y in items])

    def count(self, batch: tuple[Tensor, Tensor]) -> int:
        return len(batch[0])

    def step(
        self, batch: tuple[Tensor, Tensor], generator: torch.Generator, scale: float
    ) -> dict[str, Tensor]:
        if self.steps == self.kill_at:
            raise KeyboardInterrupt
        if self.steps == self.interrupt_at:
            for _ in range(self.presses):
                signal.raise_signal(signal.SIGINT)
        noise = torch.rand((), generator=generator)
        loss = (self.model(batch[0]) + self.model.offset - batch[1] - 0.1 * noise) ** 2
        if self.steps == self.explode_at:
            loss = loss * float("inf")
        (loss.mean() * scale).backward()
        self.steps += 1
        return {"loss": tally(loss)}

    def validate(self) -> dict[str, float]:
        self.validated += 1
        assert not self.model.training
        return {"val": float(self.model[0].bias.detach().sum())}

    def save(self, folder: Path) -> None:
        torch.save(self.model.state_dict(), folder / "line.pt")


def lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def without_pace(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k != "images_s"} for line in lines(folder)]


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def listening() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("workers", [0, 1])
def test_ctrl_c_saves_the_step_that_it_is_at(tmp_path, workers) -> None:
    loop = replace(LOOP, every_save=0, every_validation=6, workers=workers)
    whole, stopped, resumed = Line(), Line(interrupt_at=4), Line()
    fit(whole, loop, OPTIM, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt, match="saved at step 5 of 12"):
        fit(stopped, loop, OPTIM, tmp_path / "stopped")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    fit(resumed, loop, OPTIM, tmp_path / "stopped")
    assert (stopped.steps, resumed.steps) == (5, 7)
    assert same(resumed.model.state_dict(), whole.model.state_dict())
    assert without_pace(tmp_path / "stopped") == without_pace(tmp_path / "whole")


@pytest.mark.usefixtures("listening")
def test_a_second_ctrl_c_stops_at_once(tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt) as stop:
        fit(Line(interrupt_at=4, presses=2), replace(LOOP, every_save=0), OPTIM, tmp_path / "run")
    assert not stop.value.args
    assert not (tmp_path / "run" / "line.pt").exists()


def test_ctrl_c_stays_ignored_in_the_background(tmp_path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        task = Line(interrupt_at=4)
        fit(task, LOOP, OPTIM, tmp_path / "run")
        assert task.steps == LOOP.steps
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_killed_run_ends_as_one_that_was_not(tmp_path, average) -> None:
    loop = replace(LOOP, average=average, every_validation=6)
    whole = Line()
    fit(whole, loop, OPTIM, tmp_path / "whole")
    for kill_at in (6, 2):
        with pytest.raises(KeyboardInterrupt):
            fit(Line(kill_at=kill_at), loop, OPTIM, tmp_path / "killed")
    resumed = Line()
    torch.nn.init.zeros_(resumed.model[0].weight)
    resumed.model.offset.zero_()
    fit(resumed, loop, OPTIM, tmp_path / "killed")
    assert resumed.steps == 12 - 4
    assert same(resumed.model.state_dict(), whole.model.state_dict())
    saved = [torch.load(tmp_path / name / "line.pt") for name in ("whole", "killed")]
    assert same(*saved)
    assert same(saved[0], whole.model.state_dict()) is (average == 0.0)
    assert without_pace(tmp_path / "killed") == without_pace(tmp_path / "whole")


def test_a_finished_run_takes_no_step(tmp_path) -> None:
    fit(Line(), LOOP, OPTIM, tmp_path)
    again = Line()
    fit(again, LOOP, OPTIM, tmp_path)
    assert again.steps == 0
    fit(again, replace(LOOP, steps=15), OPTIM, tmp_path)
    assert again.steps == 3


@pytest.mark.parametrize("micro", [1, 2])
def test_passes_equal_the_large_batch(tmp_path, micro) -> None:
    runs = {size: Line() for size in (0, micro)}
    for size, task in runs.items():
        task.model[1].p = 0.0
        fit(task, replace(LOOP, steps=1, micro=size, every_log=1), OPTIM, tmp_path / str(size))
    assert runs[micro].steps == 4 // micro
    for a, b in zip(runs[0].model.parameters(), runs[micro].model.parameters(), strict=True):
        assert (a.grad - b.grad).abs().max() < 1e-6
    first, second = (lines(tmp_path / str(size))[0]["loss"] for size in runs)
    assert first == pytest.approx(second, abs=1e-5)


def test_passes_must_divide_the_batch() -> None:
    assert Loop(batch=12, micro=2).passes(3) == (2, 2)
    assert Loop(batch=12).passes(4) == (1, 3)
    with pytest.raises(InputError, match=r"batch must be a multiple of micro x processes = 5 x 1, got 12"):
        Loop(batch=12, micro=5).passes(1)
    with pytest.raises(InputError, match=r"= 1 x 4, got 2. Try 4"):
        Loop(batch=2).passes(4)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0. Raise it."),
        ({"batch": -1}, "batch must be at least 1, got -1. Raise it."),
        ({"micro": -1}, "micro must not be negative, got -1. 0 means none."),
        ({"average": 1.0}, "average must be at least 0 and under 1, got 1.0. Try 0.999."),
    ],
)
def test_bad_settings(bad, message) -> None:
    with pytest.raises(InputError) as caught:
        Loop(**bad)
    assert str(caught.value) == message


def test_unknown_precision() -> None:
    with pytest.raises(UnknownNameError, match="precision must be a known name, got 'bf16'"):
        Loop(precision="bf16")


def test_workers_change_nothing_and_their_errors_keep_their_sentence(tmp_path) -> None:
    runs = [Line(), Line()]
    for workers, task in enumerate(runs):
        fit(task, replace(LOOP, steps=3, workers=workers), OPTIM, tmp_path / str(workers))
    assert same(runs[0].model.state_dict(), runs[1].model.state_dict())
    with pytest.raises(FormatError) as caught:
        fit(Line(fault_at=9), replace(LOOP, workers=1), OPTIM, tmp_path / "fault")
    assert str(caught.value) == "data must be whole, got a hole."


def test_metrics_are_means_since_the_last_line(tmp_path) -> None:
    every, third = Line(), Line()
    fit(every, replace(LOOP, every_log=1), OPTIM, tmp_path / "every")
    reported: list[dict[str, float]] = []
    fit(third, LOOP, OPTIM, tmp_path / "third", reported.append)
    assert reported == lines(tmp_path / "third")
    assert [line["step"] for line in reported] == [3, 6, 9, 12]
    assert {"step", "loss", "lr", "gradient", "skipped", "images_s"} == set(reported[0])
    counts = [sum(i % 3 + 1 for i in range(4 * s, 4 * s + 4)) for s in range(3)]
    losses = [line["loss"] for line in lines(tmp_path / "every")[:3]]
    mean = sum(n * loss for n, loss in zip(counts, losses, strict=True)) / sum(counts)
    assert reported[0]["loss"] == pytest.approx(mean, abs=1e-5)


def test_validation_comes_on_time_and_at_the_end(tmp_path) -> None:
    task = Line()
    fit(task, replace(LOOP, steps=7, every_validation=5), OPTIM, tmp_path)
    assert [line["step"] for line in lines(tmp_path) if "val" in line] == [5, 7]
    never = Line()
    fit(never, LOOP, OPTIM, tmp_path / "never")
    assert never.validated == 0


def test_a_step_without_a_finite_gradient_is_left_out(tmp_path) -> None:
    task = Line(explode_at=1)
    fit(task, replace(LOOP, steps=3, every_log=1), OPTIM, tmp_path)
    assert [line["skipped"] for line in lines(tmp_path)] == [0, 1, 0]
    assert lines(tmp_path)[1]["loss"] is None
    assert all(p.isfinite().all() for p in task.model.parameters())


def test_a_run_that_never_has_a_finite_gradient_ends(tmp_path) -> None:
    task = Line()
    nn.init.constant_(task.model[0].weight, float("nan"))
    with pytest.raises(
        InputError, match=r"the loss must stay finite, got no finite gradient in 50 steps. Lower"
    ):
        fit(task, replace(LOOP, steps=99), OPTIM, tmp_path)


def test_gradients_are_clipped(tmp_path) -> None:
    task = Line()
    fit(task, replace(LOOP, steps=1), replace(OPTIM, clip=0.01), tmp_path)
    norm = torch.stack([p.grad.norm() for p in task.model.parameters()]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-3)


def test_frozen_weights_stay(tmp_path) -> None:
    task = Line()
    task.model[0].requires_grad_(False)
    before = task.model[0].weight.clone()
    fit(task, replace(LOOP, average=0.9), OPTIM, tmp_path)
    assert torch.equal(task.model[0].weight, before)
    assert not torch.equal(task.model[2].weight, Line().model[2].weight)


def test_bfloat16_is_an_autocast(tmp_path) -> None:
    task, seen = Line(), []
    task.model[2].register_forward_hook(lambda *args: seen.append(args[2].dtype))
    fit(task, replace(LOOP, steps=2, precision="bfloat16"), OPTIM, tmp_path)
    assert seen == [torch.bfloat16] * 2
    assert all(p.dtype == torch.float32 for p in task.model.parameters())


def test_the_state_of_another_model_is_refused(tmp_path) -> None:
    fit(Line(), LOOP, OPTIM, tmp_path)
    task = Line()
    task.model[2] = nn.Linear(8, 2)
    with pytest.raises(WeightsError, match=r"must fit the model, got another 2.bias \(2 differ\). Resume"):
        fit(task, LOOP, OPTIM, tmp_path)


def test_a_damaged_state_is_refused(tmp_path) -> None:
    (tmp_path / STATE).write_bytes(b"PK nothing")
    with pytest.raises(WeightsError, match="must be the state of a run, got a file that cannot be read"):
        fit(Line(), LOOP, OPTIM, tmp_path)


def test_a_state_that_cannot_be_written_leaves_the_last_one(tmp_path, monkeypatch) -> None:
    save_state(tmp_path, {"step": 1})

    def full(state: object, file: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match="out must have room for the state of the run"):
        save_state(tmp_path, {"step": 2})
    assert load_state(tmp_path) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == [STATE]


def test_a_resumed_run_removes_what_a_kill_left_half_written(tmp_path) -> None:
    half = tmp_path / f".{STATE}.x.part"
    half.mkdir()
    (half / STATE).write_bytes(b"half")
    fit(Line(), LOOP, OPTIM, tmp_path)
    assert not half.exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="out must be a folder that can be made"):
        fit(Line(), LOOP, OPTIM, tmp_path / "file" / "run")


def test_the_log_drops_what_comes_after_the_state(tmp_path) -> None:
    text = '{"step": 1, "loss": 2.0}\n{"step": 3}\n{"step": 4}\n{"ste'
    (tmp_path / METRICS).write_text(text)
    log = Log(tmp_path, None, 3)
    log.write({"step": 5, "loss": float("nan"), "x": 1 / 3})
    log.close()
    assert lines(tmp_path) == [
        {"step": 1, "loss": 2.0},
        {"step": 3},
        {"step": 5, "loss": None, "x": 0.333333},
    ]


def test_a_run_needs_no_tensorboard(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    fit(Line(), LOOP, OPTIM, tmp_path)
    assert lines(tmp_path)
    assert not (tmp_path / "tensorboard").exists()


def test_tensorboard_gets_every_number(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fit(Line(), LOOP, OPTIM, tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("loss")] == [3, 6, 9, 12]


def test_window_weights_by_count() -> None:
    running = RunningMeans()
    running.add(
        {"a": tally(torch.tensor([1.0, 3.0])), "b": tally(torch.tensor([1.0]), torch.tensor([False]))}
    )
    running.add({"a": tally(torch.tensor([8.0]))})
    assert running.means(ALONE) == {"a": 4.0}
    assert running.means(ALONE) == {}


def test_the_average_starts_soon_and_then_moves_slowly() -> None:
    value = {"w": torch.zeros(1)}
    average = Average(value, 0.99)
    value["w"] = torch.ones(1)
    average.update(value, 0)
    assert average.values["w"].item() == pytest.approx(0.9)
    average.values["w"].zero_()
    average.update(value, 10_000)
    assert average.values["w"].item() == pytest.approx(0.01)


class Blurred(Line):
    """Items that need OpenCV, as images do."""

    def item(self, index: int) -> Any:
        cv2.GaussianBlur(PICTURE, (0, 0), 3)
        return super().item(index)


PICTURE = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)


def test_workers_start_after_opencv_has_used_its_threads(tmp_path) -> None:
    threads = cv2.getNumThreads()
    cv2.GaussianBlur(PICTURE, (0, 0), 3)  # starts the pool, which hangs in a forked worker
    signal.alarm(60)  # ends the tests with "Alarm clock" rather than never
    fit(Blurred(), replace(LOOP, steps=2, workers=1), OPTIM, tmp_path)
    signal.alarm(0)
    assert cv2.getNumThreads() == threads
