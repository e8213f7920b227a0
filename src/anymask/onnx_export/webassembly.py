"""Faster operators for WebAssembly: instance norms for layer norms, and the tanh approximation of GELU.

On one thread, onnxruntime-web takes 5 ms for the layer norm of a million numbers, as long as a matrix product
with 80 rows, but 2.4 ms for an instance norm followed by a scale and a shift. The tanh approximation of GELU
takes half the time of the exact one, with an error of at most 0.0005. Only files for the browser are changed:
native norms get no faster, and the other files stay exact. Measurements: docs/log.md, 2026-11-25 and
2026-11-26.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anymask.onnx_export.precision import Graph, copied

TOKENS_AXES = 3
"""Number of axes of tokens (N, T, C), which are few; image features have two or four axes."""


def for_webassembly(graph: Graph) -> Graph:
    """A copy with instance norms and approximate GELUs, except for the few GELUs within a branch."""
    from onnx import helper

    out = with_instance_norms(graph)
    for node in out.graph.node:
        if node.op_type == "Gelu":
            node.CopyFrom(helper.make_node("Gelu", node.input, node.output, approximate="tanh"))
    return out


def with_instance_norms(graph: Graph) -> Graph:
    """A copy with the layer norms of images replaced by instance norms, with each row as a channel."""
    out = copied(graph)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in graph.graph.value_info}
    widths = {tensor.name: tensor.dims[0] for tensor in graph.graph.initializer if len(tensor.dims) == 1}
    nodes = list[Any]()
    for node in graph.graph.node:
        over_rows = node.op_type == "LayerNormalization" and ranks.get(node.input[0]) != TOKENS_AXES
        nodes += _as_instance_norm(node, widths[node.input[1]], out) if over_rows else [node]
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    return out


def _as_instance_norm(node: Any, width: int, graph: Graph) -> list[Any]:
    """The nodes of one norm over the last axis of length `width`; a constant is added to the graph."""
    from onnx import helper, numpy_helper

    nodes = list[Any]()
    (x, weight, bias), name = node.input, node.output[0]
    epsilon = next(entry.f for entry in node.attribute if entry.name == "epsilon")
    graph.graph.initializer.append(numpy_helper.from_array(np.array([1, -1, width]), f"{name}_as_rows"))

    def step(kind: str, *takes: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, takes, [f"{name}_{len(nodes)}"], **attributes))
        return str(nodes[-1].output[0])

    def filled(count: str, value: float) -> str:
        return step("ConstantOfShape", count, value=numpy_helper.from_array(np.array([value], np.float32)))

    shape, rows = step("Shape", x), step("Reshape", x, f"{name}_as_rows")
    count = step("Shape", rows, start=1, end=2)
    even = step("InstanceNormalization", rows, filled(count, 1), filled(count, 0), epsilon=epsilon)
    moved = step("Add", step("Mul", even, weight), bias)
    return [*nodes, helper.make_node("Reshape", [moved, shape], [name])]
