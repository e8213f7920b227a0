"""Networks, their runtimes, and how to load or build them by name, file or configuration.

They work on arrays and tensors only. Importing the package imports no torch: the networks are imported on
first use of their names.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from anymask.models.checkpoints.hub import Card, Progress
from anymask.models.config import CompactConfig, FeaturePainterConfig, PainterConfig, SamConfig, VitConfig
from anymask.models.loading import (
    PainterName,
    SamName,
    load,
    load_painter,
    load_sam,
    load_text_encoder,
    variants,
)
from anymask.models.protocol import InContext, Promptable, TextEncoder, check_finite

if TYPE_CHECKING:
    from anymask.models.checkpoints.load import build, save
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
    "Promptable",
    "Sam",
    "SamConfig",
    "SamName",
    "TextEncoder",
    "VitConfig",
    "build",
    "check_finite",
    "load",
    "load_painter",
    "load_sam",
    "load_text_encoder",
    "save",
    "variants",
]

_WITH_TORCH = {
    "FeaturePainter": "feature_painter",
    "Painter": "painter",
    "Sam": "sam",
    "build": "checkpoints.load",
    "save": "checkpoints.load",
}


def __getattr__(name: str) -> object:
    """Import a name that needs torch on first use (PEP 562)."""
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_TORCH[name]}"), name)
