"""Smaller files: weights in float16 or int8.

float16: weights are cast back to float32; onnxruntime does this once when it opens the file.
int8: weights are integers with one scale per channel and are multiplied by it, once too. With `products`,
the inputs of matrix products are quantised to 8 bits as well, with dynamic ranges, which is faster on CPUs
with 8-bit instructions. Convolutions are computed in float: with static ranges calibrated on photos, the
compact encoder's masks fell to an IoU of 0.87.
"""

from __future__ import annotations

import logging
import tempfile
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from anymask.onnx_export.tracing import save_graph

LEAST_WEIGHTS = 256
"""Minimum number of elements of a constant to be stored in lower precision."""
LEAST_SUMMED = 128
"""Minimum weights per channel for int8, else float16: the errors of a few weights do not average out."""
SCALES = 127
"""Quantised weights are integers from -127 to 127."""

Graph: TypeAlias = Any
"""An onnx.ModelProto."""


def to_float16(graph: Graph) -> Graph:
    """A copy with large constants stored in float16."""
    out, nodes = copied(graph), list[Any]()
    for tensor in _large(out):
        _store_half(tensor, nodes)
    return begin_with(out, nodes)


def to_int8(graph: Graph, *, products: bool) -> Graph:
    """A copy with large constants stored in int8; with `products`, also with 8-bit matrix products."""
    from onnx import TensorProto, helper, numpy_helper

    out, nodes = _quantise_products(graph) if products else copied(graph), list[Any]()
    axes = _channel_axes(out)
    for tensor in _large(out):
        name, values = tensor.name, numpy_helper.to_array(tensor)
        if values.ndim < 2:
            continue
        channel = axes.get(name, 0) % values.ndim
        if values.size // values.shape[channel] < LEAST_SUMMED:
            _store_half(tensor, nodes)
            continue
        others = tuple(axis for axis in range(values.ndim) if axis != channel)
        scale = np.maximum(np.abs(values).max(others, keepdims=True), 1e-12) / SCALES
        stored = np.rint(values / scale).astype(np.int8)
        tensor.CopyFrom(numpy_helper.from_array(stored, f"{name}_stored"))
        out.graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"))
        nodes.append(helper.make_node("Cast", [f"{name}_stored"], [f"{name}_wide"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}_wide", f"{name}_scale"], [name]))
    return begin_with(out, nodes)


def _store_half(tensor: Any, nodes: list[Any]) -> None:
    """Convert a constant to float16 and append the node that casts it back."""
    from onnx import TensorProto, helper, numpy_helper

    name, values = tensor.name, numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_stored"))
    nodes.append(helper.make_node("Cast", [f"{name}_stored"], [name], to=TensorProto.FLOAT))


def copied(graph: Graph) -> Graph:
    """A copy, made field by field, since protobuf copies at most 2 GB at once."""
    out = type(graph)(ir_version=graph.ir_version, producer_name=graph.producer_name)
    out.opset_import.extend(graph.opset_import)
    out.functions.extend(graph.functions)
    out.graph.name = graph.graph.name
    for field in ("node", "input", "output", "value_info", "initializer"):
        getattr(out.graph, field).extend(getattr(graph.graph, field))
    return out


def _large(graph: Graph) -> list[Any]:
    """The float constants with at least LEAST_WEIGHTS elements."""
    from onnx import TensorProto

    return [
        tensor
        for tensor in graph.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= LEAST_WEIGHTS
    ]


def _channel_axes(graph: Graph) -> dict[str, int]:
    """The output axis of the constant in each matrix product, by name; for all other constants it is 0."""
    axes: dict[str, int] = {}
    branches = [entry.g.node for node in graph.graph.node for entry in node.attribute if node.op_type == "If"]
    for node in chain(graph.graph.node, *branches):
        if node.op_type == "MatMul":
            axes[node.input[1]] = -1
        elif node.op_type == "Gemm":
            turned = any(entry.name == "transB" and entry.i for entry in node.attribute)
            axes[node.input[1]] = 0 if turned else 1
    return axes


def begin_with(graph: Graph, nodes: list[Any]) -> Graph:
    """The graph, changed in place, with nodes before its own."""
    rest = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*nodes, *rest])
    return graph


def _quantise_products(graph: Graph) -> Graph:
    """Quantise matrix products with constants to 8 bits, with dynamic ranges for the other operand."""
    import onnx
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "source.onnx"), Path(scratch, "target.onnx")
        save_graph(graph, source)
        logging.disable(logging.WARNING)  # it logs advice on preprocessing to the root logger
        try:
            quantization.quantize_dynamic(
                source, target, op_types_to_quantize=["MatMul"], per_channel=True, reduce_range=False
            )
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(target)
