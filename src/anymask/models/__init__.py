"""Networks: from a name, a file or a configuration to a model. Tensors only; pixels live elsewhere."""

from __future__ import annotations

import os
from typing import overload

import torch

from anymask.errors import InputError
from anymask.models.checkpoints import hub as zoo
from anymask.models.checkpoints import load as weights
from anymask.models.checkpoints.hub import Card, Progress
from anymask.models.checkpoints.load import InContext, Model, check_finite, load_weights, save, weights_hash
from anymask.models.compiling import compile_parts
from anymask.models.config import CompactConfig, FeaturePainterConfig, PainterConfig, SamConfig, VitConfig
from anymask.models.devices import find_device, find_dtype
from anymask.models.feature_painter import FeaturePainter
from anymask.models.painter import Painter
from anymask.models.sam import Sam

__all__ = [
    "Card",
    "CompactConfig",
    "FeaturePainter",
    "FeaturePainterConfig",
    "InContext",
    "Painter",
    "PainterConfig",
    "Progress",
    "Sam",
    "SamConfig",
    "VitConfig",
    "build",
    "check_finite",
    "load",
    "load_painter",
    "load_sam",
    "save",
    "variants",
    "weights_hash",
]


def load(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Model:
    """Open a model by name (see `variants`), file, run directory or folder of `save_pretrained`.

    A `Sam` answers prompts, a `Painter` or `FeaturePainter` does as examples show; they are ready for it.
    Weights of a name are downloaded once, with `progress(done, total)` in bytes. `dtype="auto"` takes
    bfloat16 where the hardware computes in it, else float32. `compile=True` is for many pictures on an
    accelerator: the first of each size takes a minute longer. On a processor all take longer with it.
    Raises `UnknownNameError`, `WeightsError` for weights that do not fit, `DownloadError`, and `InputError`
    for a device or type that cannot be had, or without a compiler.
    """
    where = find_device(device)
    kind = find_dtype(dtype, where)
    model = load_weights(zoo.find(name_or_path, offline=offline, progress=progress)).to(where, kind)
    if compile:
        compile_parts(model)
    return model


def load_sam(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Sam:
    """As `load`, and raises `InputError` for a model that answers no prompts."""
    model = load(
        name_or_path, device=device, dtype=dtype, compile=compile, offline=offline, progress=progress
    )
    if not isinstance(model, Sam):
        raise InputError(
            f"model must answer prompts, got {name_or_path}, which works by examples. Take compact."
        )
    return model


def load_painter(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> InContext:
    """As `load`, and raises `InputError` for a model that does not work by examples."""
    model = load(
        name_or_path, device=device, dtype=dtype, compile=compile, offline=offline, progress=progress
    )
    if isinstance(model, Sam):
        raise InputError(
            f"model must work by examples, got {name_or_path}, which answers prompts. Take context."
        )
    return model


@overload
def build(config: SamConfig) -> Sam: ...
@overload
def build(config: PainterConfig) -> Painter: ...
@overload
def build(config: FeaturePainterConfig) -> FeaturePainter: ...
def build(config: SamConfig | PainterConfig | FeaturePainterConfig) -> Model:
    """A new model with random weights, in training mode, on the CPU."""
    return weights.build(config)


def variants() -> dict[str, Card]:
    """The models that `load` knows by name, each with its card."""
    return dict(zoo.CARDS)
