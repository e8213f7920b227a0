"""The number of threads: by variable, affinity and control group."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anymask.errors import InputError
from anymask.models import devices, onnx_session
from anymask.models.onnx_session import cores, threads


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """64 cores, no variable, no control group."""
    for variable in onnx_session.VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(onnx_session, "CGROUP", tmp_path)
    return tmp_path


def test_without_limits_all_cores_are_used() -> None:
    assert (cores(), threads()) == (64, 64)


def test_affinity_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert threads() == 2


@pytest.mark.parametrize(("limit", "count"), [("100000 100000", 1), ("150000 100000", 2), ("max 100000", 64)])
def test_a_control_group_is_a_limit(machine: Path, limit: str, count: int) -> None:
    (machine / "cpu.max").write_text(limit + "\n")
    assert threads() == count


@pytest.mark.parametrize(("quota", "count"), [("100000", 1), ("-1", 64), ("nonsense", 64)])
def test_an_old_control_group_is_too(machine: Path, quota: str, count: int) -> None:
    (machine / "cpu").mkdir()
    (machine / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (machine / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert threads() == count


@pytest.mark.parametrize("variable", onnx_session.VARIABLES)
def test_variables_choose_the_number(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "3")
    assert threads() == 3
    monkeypatch.setenv(variable, "100")
    assert threads() == 64
    for nonsense in ("many", "0", "-2", "1.5"):
        monkeypatch.setenv(variable, nonsense)
        with pytest.raises(InputError, match=rf"{variable} must be a number of threads .* got '{nonsense}'"):
            threads()


def test_openmp_may_name_a_number_for_each_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")
    assert threads() == 4


def test_torch_obeys_the_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(devices.torch, "set_num_threads", told.append)
    devices.limit_threads()
    monkeypatch.setenv("ANYMASK_THREADS", "2")
    devices.limit_threads()
    assert told == [2]
