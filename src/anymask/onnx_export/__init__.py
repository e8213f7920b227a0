"""Export of models to ONNX files for onnxruntime and the browser, checked against PyTorch."""

from __future__ import annotations

from anymask.onnx_export.write import PRECISIONS, export

__all__ = ["PRECISIONS", "export"]
