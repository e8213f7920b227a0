"""Networks, and how to load or build them by name, file or configuration. They work on tensors only."""

from __future__ import annotations

import os
from typing import Literal, TypeAlias, overload

import torch

from anymask.errors import InputError
from anymask.models.checkpoints import hub
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
    "PainterName",
    "Progress",
    "Sam",
    "SamConfig",
    "SamName",
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


SamName: TypeAlias = Literal["compact", "sam_vit_b", "sam_vit_l", "sam_vit_h"]
"""The names of promptable models."""
PainterName: TypeAlias = Literal["seggpt_vit_l", "painter_vit_l"]
"""The names of in-context models, except for the `FeaturePainter` named "context"."""


@overload
def load(
    name_or_path: SamName,
    *,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> Sam: ...
@overload
def load(
    name_or_path: Literal["context"],
    *,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> FeaturePainter: ...
@overload
def load(
    name_or_path: PainterName,
    *,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> Painter: ...
@overload
def load(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = ...,
    dtype: str | torch.dtype = ...,
    compile: bool = ...,
    offline: bool = ...,
    progress: Progress | None = ...,
) -> Model: ...
def load(
    name_or_path: str | os.PathLike[str],
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    compile: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
) -> Model:
    """Load a model in evaluation mode: a `Sam` for prompts, a `Painter` or `FeaturePainter` for examples.

    For type checkers the class follows from a literal name; of a path use `load_sam` or `load_painter`.

    name_or_path: a name (see `variants`), a file, a run directory or a folder of `save_pretrained`.
    device: "auto" is CUDA if available, else the CPU.
    dtype: "auto" is bfloat16 where the hardware supports it, else float32.
    compile: compile for many images on a GPU. The first image of each size takes a minute longer; on a CPU
        all images take longer.
    offline: do not download. Weights of a name are downloaded once and cached.
    progress: called as `progress(done, total)` in bytes during a download.

    Raises `UnknownNameError`, `WeightsError` for weights that do not fit, `DownloadError`, and `InputError`
    for an unavailable device or type, or if `compile` finds no compiler.
    """
    where = find_device(device)
    kind = find_dtype(dtype, where)
    model = load_weights(hub.find(name_or_path, offline=offline, progress=progress)).to(where, kind)
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
    """As `load`, for a promptable model from any path. Raises `InputError` for an in-context model."""
    model = load(
        name_or_path, device=device, dtype=dtype, compile=compile, offline=offline, progress=progress
    )
    if not isinstance(model, Sam):
        raise InputError(
            f"model must answer prompts, got {name_or_path}, which works by examples. Use compact."
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
    """As `load`, for an in-context model from any path. Raises `InputError` for a promptable model."""
    model = load(
        name_or_path, device=device, dtype=dtype, compile=compile, offline=offline, progress=progress
    )
    if isinstance(model, Sam):
        raise InputError(
            f"model must work by examples, got {name_or_path}, which answers prompts. Use context."
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
    """The models that `load` can load by name, each with its card."""
    return dict(hub.CARDS)
