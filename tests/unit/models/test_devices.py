"""Devices and float types."""

from __future__ import annotations

import platform

import pytest
import torch

from anymask.errors import InputError
from anymask.models.devices import cpu_bf16_features, find_device, find_dtype, has_bf16

CPU = torch.device("cpu")


def pretend(monkeypatch: pytest.MonkeyPatch, **features: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features, raising=False)


def test_auto_finds_a_device() -> None:
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert find_device(CPU) == CPU


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_other_devices_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"device must be 'auto', 'cpu' or an accelerator of this machine"):
        find_device(name)


@pytest.mark.parametrize("feature", ["amx_bf16", "avx512_bf16", "bf16"])
def test_auto_takes_bfloat16_where_the_processor_has_it(
    feature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, **{feature: True})
    assert cpu_bf16_features() == [feature]
    assert has_bf16(CPU)
    assert find_dtype("auto", CPU) == torch.bfloat16


def test_auto_takes_float32_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, avx2=True, avx512_bf16=False)
    assert find_dtype("auto", CPU) == torch.float32


def test_older_torch_is_asked_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert "avx512_bf16" in cpu_bf16_features()
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert cpu_bf16_features() == []


def test_types_by_name_and_by_value() -> None:
    assert find_dtype("float16", CPU) == torch.float16
    assert find_dtype(torch.float32, CPU) == torch.float32


@pytest.mark.parametrize("dtype", ["half", torch.int8])
def test_other_types_are_refused(dtype: str | torch.dtype) -> None:
    with pytest.raises(InputError, match="dtype must be 'auto' or one of float32, bfloat16, float16"):
        find_dtype(dtype, CPU)
