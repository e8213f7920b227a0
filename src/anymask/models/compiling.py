"""Compilation of a network's repeated parts with `torch.compile`, mainly for GPUs."""

from __future__ import annotations

import importlib.util
import os
import shutil

import torch

from anymask.errors import InputError
from anymask.models.checkpoints.load import Model
from anymask.models.sam import Sam
from anymask.models.vit import Vit

COMPILERS = ("c++", "g++", "clang++", "cl")


def compile_parts(model: Model) -> None:
    """Compile the most expensive parts, in place; it happens at the first call for each image size.

    The blocks of a ViT or a painter share one compiled block; a compact encoder is compiled as a whole. A
    deep copy of a promptable model is not compiled. Raises `InputError` if no compiler is available.
    """
    check_compiler(model.device)
    if not isinstance(model, Sam):
        model.step = torch.compile(model.step)
        return
    encoder = model.image_encoder
    for part in encoder.blocks if isinstance(encoder, Vit) else [encoder]:
        part.compile()


def check_compiler(device: torch.device) -> None:
    """Raise `InputError` if `torch.compile` would fail later, without Triton or a C++ compiler."""
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise InputError(
                "compile must be False without Triton, got True. Install it with: pip install triton"
            )
    elif not any(shutil.which(name) for name in (os.environ.get("CXX", ""), *COMPILERS)):
        raise InputError(
            "compile must be False without a C++ compiler, got True. Install g++, or name one in CXX."
        )
