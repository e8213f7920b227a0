"""The device and float type that a network runs in."""

from __future__ import annotations

import os
import platform

import torch

from anymask.errors import InputError
from anymask.models.onnx_session import VARIABLES, threads

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BF16_FEATURES = ("amx_bf16", "avx512_bf16", "bf16")  # x86, x86, ARM: as torch.cpu.get_capabilities names them


def find_device(device: str | torch.device = "auto") -> torch.device:
    """Convert a name to a device; "auto" is CUDA if available, else the CPU.

    Raises `InputError` for an unknown name and for a device that this machine or PyTorch build lacks.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).split("\n", 1)[0]
        raise InputError(
            f"device must be 'auto', 'cpu' or an accelerator of this machine, got {device!r} ({reason}). "
            "Use 'auto'."
        ) from error
    return found


def limit_threads() -> None:
    """Let PyTorch use as many threads as `ANYMASK_THREADS` says; `OMP_NUM_THREADS` it obeys itself."""
    if os.environ.get(VARIABLES[0]):
        torch.set_num_threads(threads())


def find_dtype(dtype: str | torch.dtype, device: torch.device) -> torch.dtype:
    """Convert a name to a float type; "auto" is bfloat16 where the hardware supports it, else float32.

    Raises `InputError` for any other type.
    """
    if dtype == "auto":
        return torch.bfloat16 if has_bf16(device) else torch.float32
    found = DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if found is None or found not in DTYPES.values():
        raise InputError(f"dtype must be 'auto' or one of {', '.join(DTYPES)}, got {dtype!r}. Use 'auto'.")
    return found


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 in hardware; emulation is hundreds of times slower."""
    if device.type == "cuda":  # all GPUs supported by ROCm do
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and bool(cpu_bf16_features())


def cpu_bf16_features() -> list[str]:
    """The bfloat16 instruction sets of this CPU, by PyTorch's names; none if PyTorch cannot tell."""
    capabilities = getattr(torch.cpu, "get_capabilities", None)
    if capabilities is not None:
        found = capabilities()
        return [name for name in BF16_FEATURES if found.get(name)]
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    probes = {name: getattr(torch.cpu, f"_is_{name}_supported", None) for name in BF16_FEATURES[:2]}
    return [name for name, probe in probes.items() if x86 and probe is not None and probe()]
