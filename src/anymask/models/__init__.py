"""Networks: from a name, a file or a configuration to a model. Tensors only; pixels live elsewhere."""

from __future__ import annotations

import os

import torch

from anymask.models import zoo
from anymask.models.config import CompactConfig, SamConfig, VitConfig
from anymask.models.devices import find_device, find_dtype
from anymask.models.sam import Sam
from anymask.models.weights import load_weights, save, weights_hash
from anymask.models.zoo import Card, Progress

__all__ = [
    "Card",
    "CompactConfig",
    "Progress",
    "Sam",
    "SamConfig",
    "VitConfig",
    "build",
    "load",
    "save",
    "variants",
    "weights_hash",
]


def load(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    offline: bool = False,
    progress: Progress | None = None,
) -> Sam:
    """Open a model by name (see `variants`), file, run directory or folder of a `SamModel`, ready to predict.

    Weights of a name are downloaded once, with `progress(done, total)` in bytes. `dtype="auto"` takes
    bfloat16 where the hardware computes in it, else float32.
    Raises `UnknownNameError`, `WeightsError` for weights that do not fit, `DownloadError`, and `InputError`
    for a device or type that cannot be had.
    """
    where = find_device(device)
    kind = find_dtype(dtype, where)
    return load_weights(zoo.find(name_or_path, offline=offline, progress=progress)).to(where, kind)


def build(config: SamConfig) -> Sam:
    """A new model with random weights, in training mode, on the CPU."""
    return Sam(config)


def variants() -> dict[str, Card]:
    """The models that `load` knows by name, each with its card."""
    return dict(zoo.CARDS)
