"""Models as ONNX files for onnxruntime and the browser, each checked against torch before it is kept."""

from __future__ import annotations

from anymask.onnx_export.write import PRECISIONS, export

__all__ = ["PRECISIONS", "export"]
