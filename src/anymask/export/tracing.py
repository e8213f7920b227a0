"""From a module to an ONNX graph, by torch's exporter."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch

from anymask.errors import MissingExtraError
from anymask.export.graphs import Part

OPSET = 18
"""The first with what we need (reductions whose axes are inputs); onnxruntime and its web form run later ones
too."""


def require_packages() -> None:
    """Raise MissingExtraError unless the packages of the extra `export` are there."""
    try:
        for name in ("onnx", "onnxruntime", "onnxscript"):
            import_module(name)
    except ImportError as error:
        raise MissingExtraError("exporting a model", "export") from error


@torch.no_grad()
def trace(part: Part) -> Any:
    """The part as an onnx.ModelProto, in float32."""
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


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
