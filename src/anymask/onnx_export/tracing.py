"""Conversion of a module to an ONNX graph with PyTorch's exporter."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from anymask.errors import MissingExtraError
from anymask.onnx_export.graphs import Part

OPSET = 20
"""The first version with GELU; onnxruntime supports it from 1.17 on, also in a browser."""
MOST_BYTES = 2**31 - 2**20
"""Maximum size of a file; protobuf is limited to 2 GB."""


def require_packages() -> None:
    """Raise MissingExtraError unless the packages of the extra `export` are installed."""
    try:
        for name in ("onnx", "onnxruntime", "onnxscript"):
            import_module(name)
    except ImportError as error:
        raise MissingExtraError("exporting a model", "export") from error


@torch.no_grad()
def trace(part: Part) -> Any:
    """The part as an onnx.ModelProto, in float32."""
    torch.compiler.reset()  # a cached branch of a model traced before fails for other sizes
    with _quiet():
        program = torch.export.export(part.module, part.arguments, dynamic_shapes=part.axes, strict=False)
        made = torch.onnx.export(
            program,
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=part.inputs,
            output_names=part.outputs,
        )
    assert made is not None, "an exporter that writes no file returns a program"
    return made.model_proto


def save_graph(graph: Any, path: Path) -> None:
    """Write a graph, and its constants to a file `path`.data if one file is too small (ViT-H, float32)."""
    import onnx

    constants = graph.graph.initializer
    kept = [tensor.raw_data for tensor in constants]
    apart = sum(map(len, kept)) > MOST_BYTES
    onnx.save(graph, path, save_as_external_data=apart, location=f"{path.name}.data" if apart else None)
    for tensor, data in zip(constants, kept, strict=True):
        if tensor.external_data:  # undo the move: the graph is still used
            tensor.raw_data = data
            tensor.ClearField("external_data")
            tensor.ClearField("data_location")


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's own log messages and warnings."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
