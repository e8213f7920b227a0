"""Export of models to ONNX files for onnxruntime and the browser, checked against PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anymask.errors import needs_torch

if TYPE_CHECKING:
    from anymask.onnx_export.write import PRECISIONS, export

__all__ = ["PRECISIONS", "export"]


def __getattr__(name: str) -> object:
    """Import what needs PyTorch on first use; `manifest` needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needs_torch("exporting a model", "export"):
        from anymask.onnx_export import write

    return getattr(write, name)
