"""Networks whose repeated parts `torch.compile` has made kernels for, for accelerators above all."""

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
    """Let what takes most of the time be compiled, in place: at its first call for each size of pictures.

    One block of a ViT or a painter is compiled for all of its kind, a compact encoder as a whole. A copy of a
    promptable model is not compiled. Raises `InputError` where there is nothing to compile with.
    """
    check_compiler(model.device)
    if not isinstance(model, Sam):
        model.step = torch.compile(model.step)
        return
    encoder = model.image_encoder
    for part in encoder.blocks if isinstance(encoder, Vit) else [encoder]:
        part.compile()


def check_compiler(device: torch.device) -> None:
    """Raise `InputError` where `torch.compile` would fail later: without Triton or a C++ compiler."""
    if device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise InputError(
                "compile must be False without Triton, got True. Install it by: pip install triton"
            )
    elif not any(shutil.which(name) for name in (os.environ.get("CXX", ""), *COMPILERS)):
        raise InputError(
            "compile must be False without a C++ compiler, got True. Install g++, or name one in CXX."
        )
