"""Layer norms and GELUs in the forms that WebAssembly computes fastest; for files that a page loads.

onnxruntime-web takes 5 ms for the layer norm of a million numbers on one thread, as long as a matrix product
with 80 rows, and 2.4 for its instance norm with a scale and a shift after it. GELU by tanh takes half as long
as the exact one and differs from it by 0.0005 at most. Natively norms gain nothing, and exact files are to
stay exact. Measurements: docs/log.md, 2026-11-25 and 2026-11-26.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anymask.onnx_export.precision import Graph, copied

TOKENS_AXES = 3
"""Tokens come as (N, T, C) and are few; images come as maps or as matrices, which have other axes."""


def for_webassembly(graph: Graph) -> Graph:
    """A copy with other norms, and GELUs by tanh but for the few within a branch."""
    from onnx import helper

    out = with_instance_norms(graph)
    for node in out.graph.node:
        if node.op_type == "Gelu":
            node.CopyFrom(helper.make_node("Gelu", node.input, node.output, approximate="tanh"))
    return out


def with_instance_norms(graph: Graph) -> Graph:
    """A copy where the layer norms of images are instance norms, each row being a channel of its own."""
    out = copied(graph)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in graph.graph.value_info}
    widths = {tensor.name: tensor.dims[0] for tensor in graph.graph.initializer if len(tensor.dims) == 1}
    nodes = list[Any]()
    for node in graph.graph.node:
        over_rows = node.op_type == "LayerNormalization" and ranks.get(node.input[0]) != TOKENS_AXES
        nodes += _spelled(node, widths[node.input[1]], out) if over_rows else [node]
    del out.graph.node[:]
    out.graph.node.extend(nodes)
    return out


def _spelled(node: Any, width: int, graph: Graph) -> list[Any]:
    """The nodes of one norm over the last axis, `width` long; their constant is added to the graph."""
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
